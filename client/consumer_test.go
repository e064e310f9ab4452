package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// lab is a broker in memory, and what tests do to it beside the client under test.
type lab struct {
	t    *testing.T
	addr string
	wire *cluster.Cluster
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return labAt(t, s.Addr())
}

func labAt(t *testing.T, addr string) *lab {
	t.Helper()
	wire, err := cluster.New(cluster.Options{NameServers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wire.Close() })
	return &lab{t: t, addr: addr, wire: wire}
}

func (l *lab) client(change ...func(*client.Config)) *client.Client {
	l.t.Helper()
	config := client.Config{NameServers: []string{l.addr}}
	for _, f := range change {
		f(&config)
	}
	c, err := client.New(config)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func (l *lab) ask(code int32, fields map[string]string, body []byte) *protocol.Frame {
	l.t.Helper()
	f := protocol.Frame{Code: code, Body: body}
	for name, value := range fields {
		f.Fields.Add(name, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := l.wire.Invoke(ctx, l.addr, &f)
	if err == nil {
		err = cluster.Check(answer, l.addr, code)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

func (l *lab) topic(name string, queues int) {
	l.t.Helper()
	n := fmt.Sprint(queues)
	l.ask(protocol.ReqUpdateAndCreateTopic, map[string]string{"topic": name, "defaultTopic": "TBW102", "readQueueNums": n, "writeQueueNums": n,
		"perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}, nil)
}

// send stores one message and returns its place.
func (l *lab) send(topic string, queue int, body string, props ...string) {
	l.t.Helper()
	var p message.Properties
	for i := 0; i < len(props); i += 2 {
		p = message.AppendProperty(p, props[i], props[i+1])
	}
	h := protocol.SendMessageHeader{ProducerGroup: []byte("p"), Topic: []byte(topic), DefaultTopic: []byte("TBW102"), DefaultTopicQueueNums: 4,
		QueueID: int32(queue), BornTimestamp: time.Now().UnixMilli(), Properties: p}
	f := protocol.Frame{Code: protocol.ReqSendMessageV2, Body: []byte(body)}
	h.AppendV2(&f.Fields)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := l.wire.Invoke(ctx, l.addr, &f)
	if err == nil {
		err = cluster.Check(answer, l.addr, f.Code)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// committed is a group's offset in a queue, -1 if it has none.
func (l *lab) committed(group, topic string, queue int) int64 {
	l.t.Helper()
	f := protocol.Frame{Code: protocol.ReqQueryConsumerOffset}
	h := protocol.QueryConsumerOffsetHeader{ConsumerGroup: group, Topic: topic, QueueID: int32(queue)}
	h.Append(&f.Fields)
	answer, err := l.wire.Invoke(context.Background(), l.addr, &f)
	if err != nil {
		l.t.Fatal(err)
	}
	if answer.Code == protocol.ResQueryNotFound {
		return -1
	}
	var got protocol.OffsetResponseHeader
	if err := got.Decode(answer.Fields); err != nil {
		l.t.Fatal(err)
	}
	return got.Offset
}

// seen collects what handlers get, and lets a test wait for it.
type seen struct {
	mu     sync.Mutex
	bodies []string
	times  map[string]int
	change chan struct{} // closed at the next one
}

func newSeen() *seen { return &seen{times: map[string]int{}, change: make(chan struct{})} }

func (s *seen) add(ds []*client.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range ds {
		s.bodies = append(s.bodies, string(d.Body))
		s.times[string(d.Body)]++
	}
	close(s.change)
	s.change = make(chan struct{})
}

// await waits until enough holds, which is asked under the lock.
func (s *seen) await(t *testing.T, what string, enough func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		ok, change := enough(), s.change
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-limit:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("not within 20 s: %s; %d messages, %d different", what, len(s.bodies), len(s.times))
		}
	}
}

func (s *seen) awaitDistinct(t *testing.T, n int) {
	t.Helper()
	s.await(t, fmt.Sprintf("%d different messages", n), func() bool { return len(s.times) >= n })
}

func (s *seen) handle(_ context.Context, ds []*client.Delivery) error {
	s.add(ds)
	return nil
}

func closed(t *testing.T, c interface{ Close(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func push(t *testing.T, c *client.Client, config client.PushConfig) *client.PushConsumer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := c.NewPushConsumer(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p.Close(ctx)
	})
	return p
}

func on(topics ...string) (subs []client.Subscription) {
	for _, topic := range topics {
		subs = append(subs, client.Subscription{Topic: topic})
	}
	return subs
}

// noGoroutines fails if a goroutine of a client is left; the broker in memory runs on.
func noGoroutines(t *testing.T) {
	t.Helper()
	until(t, "no goroutine is left", func() bool { return len(ourGoroutines()) == 0 })
}

func TestPushConsumerHandlesAndGoesOnAfterRestart(t *testing.T) {
	l := newLab(t)
	l.topic("orders", 4)
	for i := range 100 {
		l.send("orders", i%4, fmt.Sprint(i), "UNIQ_KEY", fmt.Sprint("id", i), "colour", "red")
	}
	got := newSeen()
	config := client.PushConfig{Group: "g", Subscriptions: on("orders"), From: client.FromFirst, Handler: func(ctx context.Context, ds []*client.Delivery) error {
		for _, d := range ds {
			if d.Topic != "orders" || d.Queue.Topic != "orders" || d.ID != "id"+string(d.Body) || d.Properties["colour"] != "red" || len(d.Properties) != 1 || len(d.OffsetID) != 32 {
				t.Errorf("delivery %+v", d)
			}
		}
		return got.handle(ctx, ds)
	}}
	c := l.client()
	p := push(t, c, config)
	got.awaitDistinct(t, 100)
	closed(t, p)
	for q := range 4 {
		if at := l.committed("g", "orders", q); at != 25 {
			t.Errorf("queue %d committed at %d, want 25", q, at)
		}
	}
	for i := 100; i < 150; i++ {
		l.send("orders", i%4, fmt.Sprint(i), "UNIQ_KEY", fmt.Sprint("id", i), "colour", "red")
	}
	push(t, c, config)
	got.awaitDistinct(t, 150)
	closed(t, c)
	if len(got.bodies) != 150 {
		t.Errorf("%d deliveries, want each message once", len(got.bodies))
	}
	noGoroutines(t)
}

func TestTagsAreComparedThemselves(t *testing.T) {
	l := newLab(t)
	l.topic("tags", 1)
	l.send("tags", 0, "1", "TAGS", "Aa") // Aa and BB have the same hash in Java
	l.send("tags", 0, "2", "TAGS", "BB")
	l.send("tags", 0, "3", "TAGS", "cc")
	l.send("tags", 0, "4")
	l.send("tags", 0, "5", "TAGS", "dd")
	got := newSeen()
	p := push(t, l.client(), client.PushConfig{Group: "g", Subscriptions: []client.Subscription{{Topic: "tags", Expression: "Aa || dd"}}, From: client.FromFirst, Handler: got.handle})
	got.awaitDistinct(t, 2)
	closed(t, p)
	if got.times["1"] != 1 || got.times["5"] != 1 || l.committed("g", "tags", 0) != 5 {
		t.Errorf("got %v, committed %d", got.bodies, l.committed("g", "tags", 0))
	}
}

func TestRefusedConfigs(t *testing.T) {
	l := newLab(t)
	c := l.client()
	handler := newSeen().handle
	for name, config := range map[string]client.PushConfig{
		"no handler":      {Group: "g", Subscriptions: on("t")},
		"no subscription": {Group: "g", Handler: handler},
		"no group":        {Subscriptions: on("t"), Handler: handler},
		"bad topic":       {Group: "g", Subscriptions: on("a b"), Handler: handler},
		"topic twice":     {Group: "g", Subscriptions: on("t", "t"), Handler: handler},
		"bad expression":  {Group: "g", Subscriptions: []client.Subscription{{Topic: "t", Expression: "||"}}, Handler: handler},
		"empty SQL":       {Group: "g", Subscriptions: []client.Subscription{{Topic: "t", SQL: true}}, Handler: handler},
	} {
		if _, err := c.NewPushConsumer(t.Context(), config); !errors.Is(err, client.ErrIllegal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("later"), Handler: handler})
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "g", Subscriptions: on("later"), Handler: handler}); !errors.Is(err, client.ErrExists) {
		t.Errorf("a second consumer of the group: %v", err)
	}
	nowhere := labAt(t, "127.0.0.1:1").client()
	if _, err := nowhere.NewPushConsumer(t.Context(), client.PushConfig{Group: "g", Subscriptions: on("t"), Handler: handler}); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("without a NameServer: %v", err)
	}
	closed(t, c)
	closed(t, nowhere)
	noGoroutines(t)
}
