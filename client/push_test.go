package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestNothingIsLostOverRebalances lets members come and go while messages are sent and handled.
func TestNothingIsLostOverRebalances(t *testing.T) {
	l := newLab(t)
	l.topic("t", 8)
	got := newSeen()
	config := client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle, CommitInterval: 50 * time.Millisecond}
	stop := make(chan struct{})
	var sent atomic.Int64
	var sender sync.WaitGroup
	sender.Add(1)
	go func() {
		defer sender.Done()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				l.send("t", i%8, fmt.Sprint(i))
				sent.Add(1)
			}
		}
	}()
	var clients []*client.Client
	join := func() {
		c := l.client()
		push(t, c, config)
		clients = append(clients, c)
	}
	grow := func(n int64) {
		at := sent.Load() + n
		until(t, "more sent", func() bool { return sent.Load() >= at })
	}
	join()
	grow(300)
	for range 3 {
		join()
		grow(300)
	}
	closed(t, clients[0])
	grow(300)
	closed(t, clients[2])
	grow(300)
	close(stop)
	sender.Wait()
	got.awaitDistinct(t, int(sent.Load()))
	closed(t, clients[1])
	until(t, "all is committed, what came twice too", func() bool {
		total := int64(0)
		for q := range 8 {
			total += l.committed("g", "t", q)
		}
		return total == sent.Load()
	})
	closed(t, clients[3])
	t.Logf("%d messages, %d deliveries", sent.Load(), len(got.bodies))
	noGoroutines(t)
}

// order checks that each queue's messages come one after the other, in order, over all members.
type order struct {
	mu   sync.Mutex
	next map[int32]message.QueueOffset
	busy map[int32]bool
	errs []string
}

func (o *order) enter(d *client.Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := d.Queue.QueueID
	if o.busy[q] {
		o.errs = append(o.errs, fmt.Sprintf("queue %d is handled twice at once", q))
	}
	o.busy[q] = true
	if d.Offset > o.next[q] {
		o.errs = append(o.errs, fmt.Sprintf("queue %d: offset %d before %d", q, d.Offset, o.next[q]))
	}
}

func (o *order) leave(d *client.Delivery, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[d.Queue.QueueID] = false
	if done {
		o.next[d.Queue.QueueID] = max(o.next[d.Queue.QueueID], d.Offset+1)
	}
}

func TestOrderlyOverRebalancesAndFailures(t *testing.T) {
	l := newLab(t)
	l.topic("t", 4)
	const n = 400
	for i := range n {
		l.send("t", i%4, fmt.Sprint(i))
	}
	got := newSeen()
	o := &order{next: map[int32]message.QueueOffset{}, busy: map[int32]bool{}}
	var calls atomic.Int64
	config := client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Orderly: true, SuspendTime: 10 * time.Millisecond,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			if strings.HasPrefix(ds[0].Queue.Topic, message.RetryPrefix) {
				t.Errorf("an ordered message was retried by way of %s", ds[0].Queue.Topic)
			}
			o.enter(ds[0])
			if calls.Add(1)%50 == 7 {
				o.leave(ds[0], false)
				return errors.New("not now")
			}
			got.add(ds)
			o.leave(ds[0], true)
			return nil
		}}
	first := l.client()
	push(t, first, config)
	got.awaitDistinct(t, n/4)
	second := l.client()
	push(t, second, config)
	got.awaitDistinct(t, n)
	for i := n; i < 2*n; i++ {
		l.send("t", i%4, fmt.Sprint(i))
	}
	got.awaitDistinct(t, n+n/2)
	closed(t, first)
	got.awaitDistinct(t, 2*n)
	closed(t, second)
	if len(o.errs) > 0 {
		t.Errorf("%d times out of order: %s", len(o.errs), o.errs[0])
	}
	for q := range 4 {
		if at := l.committed("g", "t", q); at != n/2 {
			t.Errorf("queue %d committed at %d, want %d", q, at, n/2)
		}
	}
	noGoroutines(t)
}

func TestBroadcastReachesAllAndGoesOnFromItsFile(t *testing.T) {
	l := newLab(t)
	l.topic("t", 2)
	dir := t.TempDir()
	one, two := newSeen(), newSeen()
	config := func(s *seen, name string) client.PushConfig {
		return client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Broadcast: true, OffsetDir: filepath.Join(dir, name),
			Handler: func(ctx context.Context, ds []*client.Delivery) error {
				s.add(ds)
				return errors.New("a broadcast message that fails is given up")
			}}
	}
	c1, c2 := l.client(), l.client()
	push(t, c1, config(one, "one"))
	push(t, c2, config(two, "two"))
	for i := range 20 {
		l.send("t", i%2, fmt.Sprint(i))
	}
	one.awaitDistinct(t, 20)
	two.awaitDistinct(t, 20)
	closed(t, c1)
	text, err := os.ReadFile(filepath.Join(dir, "one", "g", "offsets.json"))
	ok(t, err)
	var saved protocol.ResetOffset
	ok(t, protocol.UnmarshalBody(text, &saved))
	for q, offset := range saved.OffsetTable {
		if offset != 10 || q.Topic != "t" {
			t.Errorf("saved %v at %d", q, offset)
		}
	}
	if len(saved.OffsetTable) != 2 {
		t.Errorf("saved %s", text)
	}
	l.send("t", 0, "new")
	again := newSeen()
	push(t, l.client(), config(again, "one"))
	again.awaitDistinct(t, 1)
	two.awaitDistinct(t, 21)
	if again.times["new"] != 1 || len(again.bodies) != 1 {
		t.Errorf("after the restart: %v", again.bodies)
	}
	damaged := config(again, "damaged")
	ok(t, os.MkdirAll(filepath.Join(dir, "damaged", "g"), 0o750))
	ok(t, os.WriteFile(filepath.Join(dir, "damaged", "g", "offsets.json"), []byte("{"), 0o600))
	if _, err := l.client().NewPushConsumer(t.Context(), damaged); err == nil {
		t.Error("a damaged file of offsets was taken for none")
	}
}

func TestRetryAndDeadLetter(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "bad", "UNIQ_KEY", "id1", "KEYS", "k1 k2", "TAGS", "tag", "mine", "yes")
	l.send("t", 0, "hopeless")
	l.send("t", 0, "good")
	got, dead := newSeen(), newSeen()
	var mu sync.Mutex
	var times []int
	c := l.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, MaxReconsumeTimes: 2,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			d := ds[0]
			defer got.add(ds)
			switch string(d.Body) {
			case "hopeless":
				return &client.RetryError{DelayLevel: -1}
			case "bad":
				mu.Lock()
				defer mu.Unlock()
				times = append(times, d.ReconsumeTimes)
				if d.Topic != "t" || d.ID != "id1" || !slices.Equal(d.Keys, []string{"k1", "k2"}) || d.Tag != "tag" || d.Properties["mine"] != "yes" || len(d.Properties) != 1 {
					t.Errorf("delivery %+v", d)
				}
				if d.ReconsumeTimes > 0 && d.Queue.Topic != "%RETRY%g" {
					t.Errorf("it came again from %v", d.Queue)
				}
				return &client.RetryError{Err: errors.New("again"), DelayLevel: 1}
			}
			return nil
		}})
	got.await(t, "three tries", func() bool { return got.times["bad"] == 3 })
	push(t, l.client(), client.PushConfig{Group: "undertaker", Subscriptions: on("%DLQ%g"), From: client.FromFirst, Handler: dead.handle})
	dead.awaitDistinct(t, 2)
	closed(t, c)
	if !slices.Equal(times, []int{0, 1, 2}) || dead.times["bad"] != 1 || dead.times["hopeless"] != 1 || got.times["good"] != 1 {
		t.Errorf("tries %v, handled %v, dead %v", times, got.times, dead.times)
	}
}

func TestPanicIsAFailure(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "boom")
	l.send("t", 0, "fine")
	got := newSeen()
	c := l.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, MaxReconsumeTimes: -1,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			if string(ds[0].Body) == "boom" {
				panic("boom")
			}
			return got.handle(ctx, ds)
		}})
	dead := newSeen()
	got.awaitDistinct(t, 1)
	push(t, l.client(), client.PushConfig{Group: "undertaker", Subscriptions: on("%DLQ%g"), From: client.FromFirst, Handler: dead.handle})
	dead.awaitDistinct(t, 1)
	closed(t, c)
}

// TestFlowControl holds every handler and looks how much is fetched.
func TestFlowControl(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	for i := range 300 {
		l.send("t", 0, fmt.Sprint(i)+strings.Repeat(".", 1000))
	}
	hold := make(chan struct{})
	got := newSeen()
	for name, config := range map[string]client.PushConfig{
		"count": {MaxCached: 64},
		"bytes": {MaxCachedBytes: 2 * 64 * 1500}, // the other half is for the retries
	} {
		c := l.client()
		config.Group, config.Subscriptions, config.From = name, on("t"), client.FromFirst
		config.Handler = func(ctx context.Context, ds []*client.Delivery) error {
			<-hold
			return got.handle(ctx, ds)
		}
		push(t, c, config)
		var cached int
		until(t, "the cache is full", func() bool {
			cached = l.cached(name, c.ID(), "t")
			return cached >= 60
		})
		if again := l.cached(name, c.ID(), "t"); again != cached || cached >= 64+32 {
			t.Errorf("%s: %d messages are cached, then %d", name, cached, again)
		}
	}
	close(hold)
	got.await(t, "all twice", func() bool { return len(got.bodies) == 600 })
}

// cached asks the broker to ask the client what it holds (307).
func (l *lab) cached(group, id, topic string) int {
	l.t.Helper()
	f := l.ask(protocol.ReqGetConsumerRunningInfo, map[string]string{"consumerGroup": group, "clientId": id, "jstackEnable": "true"}, nil)
	var info struct {
		Queues map[client.Queue]struct {
			Cached int `json:"cachedMsgCount"`
		} `json:"mqTable"`
	}
	if err := protocol.UnmarshalBody(f.Body, &info); err != nil {
		l.t.Fatalf("%v: %s", err, f.Body)
	}
	n := 0
	for q, i := range info.Queues {
		if q.Topic == topic {
			n += i.Cached
		}
	}
	return n
}

// TestCloseWaitsForHandlers commits exactly what was handled: the message that a handler has, and none behind it.
func TestCloseWaitsForHandlers(t *testing.T) {
	for _, orderly := range []bool{false, true} {
		l := newLab(t)
		l.topic("t", 1)
		for i := range 10 {
			l.send("t", 0, fmt.Sprint(i))
		}
		in, out := make(chan struct{}, 10), make(chan struct{})
		c := l.client()
		p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Concurrency: 1, Orderly: orderly,
			Handler: func(ctx context.Context, ds []*client.Delivery) error {
				in <- struct{}{}
				<-out
				return ctx.Err()
			}})
		<-in
		done := make(chan error)
		go func() { done <- p.Close(context.Background()) }()
		until(t, "closing", func() bool { return l.committed("g", "t", 0) <= 0 })
		close(out)
		ok(t, <-done)
		if at := l.committed("g", "t", 0); at != int64(1+len(in)) {
			t.Errorf("orderly %v: committed %d, handled %d", orderly, at, 1+len(in))
		}
		ok(t, p.Close(context.Background()))
		closed(t, c)
	}
	noGoroutines(t)
}

func TestCloseCutsHandlersOff(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "slow")
	in := make(chan struct{})
	c := l.client()
	p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Orderly: true,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			close(in)
			<-ctx.Done()
			return ctx.Err()
		}})
	<-in
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	if at := l.committed("g", "t", 0); at > 0 {
		t.Errorf("committed %d", at)
	}
	closed(t, c)
	noGoroutines(t)
}

func TestNamespace(t *testing.T) {
	l := newLab(t)
	l.topic("ns%t", 1)
	l.send("ns%t", 0, "in", "UNIQ_KEY", "x")
	got := newSeen()
	c := l.client(func(c *client.Config) { c.Namespace = "ns" })
	var tries atomic.Int64
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(ctx context.Context, ds []*client.Delivery) error {
		if ds[0].Topic != "t" {
			t.Errorf("topic %s", ds[0].Topic)
		}
		if tries.Add(1) == 1 {
			return &client.RetryError{DelayLevel: 1}
		}
		if ds[0].Queue.Topic != "%RETRY%ns%g" {
			t.Errorf("queue %v", ds[0].Queue)
		}
		return got.handle(ctx, ds)
	}})
	got.awaitDistinct(t, 1)
	closed(t, c)
	if at := l.committed("ns%g", "ns%t", 0); at != 1 {
		t.Errorf("committed %d", at)
	}
}

func TestStarts(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "old")
	middle := time.Now().Add(2 * time.Millisecond)
	until(t, "the next millisecond", func() bool { return time.Now().After(middle.Add(2 * time.Millisecond)) })
	l.send("t", 0, "new")
	for name, want := range map[client.Start]string{client.FromFirst: "[old new last]", client.FromTime(middle): "[new last]"} {
		got := newSeen()
		c := l.client()
		push(t, c, client.PushConfig{Group: fmt.Sprint("g", int64(name)), Subscriptions: on("t"), From: name, Orderly: true, Handler: got.handle})
		got.awaitDistinct(t, strings.Count(want, " "))
		defer func() {
			got.awaitDistinct(t, strings.Count(want, " ")+1)
			if fmt.Sprint(got.bodies) != want {
				t.Errorf("%d: got %v, want %s", name, got.bodies, want)
			}
		}()
	}
	l.send("t", 0, "last")
}

func TestConsumeDirectly(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "it")
	got := newSeen()
	ids := make(chan string, 10)
	c := l.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(ctx context.Context, ds []*client.Delivery) error {
		ids <- ds[0].OffsetID
		return got.handle(ctx, ds)
	}})
	id := <-ids
	f := l.ask(protocol.ReqConsumeMessageDirectly, map[string]string{"consumerGroup": "g", "clientId": c.ID(), "msgId": id, "topic": "t"}, nil)
	if !strings.Contains(string(f.Body), `"consumeResult":"CR_SUCCESS"`) || <-ids != id {
		t.Errorf("handled directly: %s", f.Body)
	}
}
