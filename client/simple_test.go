package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func newSimple(t testing.TB, c *client.Client, config client.SimpleConfig) *client.SimpleConsumer {
	t.Helper()
	if config.Group == "" {
		config.Group = "workers"
	}
	config.From = client.FromFirst
	s, err := c.NewSimpleConsumer(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sendBodies(t testing.TB, c *client.Client, topic string, bodies ...string) {
	t.Helper()
	p := newProducer(t, c, client.ProducerConfig{})
	for _, body := range bodies {
		if _, err := p.Send(t.Context(), &client.Message{Topic: topic, Body: []byte(body), Tag: body[:1]}, client.ByKey("one queue")); err != nil {
			t.Fatal(err)
		}
	}
}

// receive wants so many messages.
func receive(t testing.TB, s *client.SimpleConsumer, n int) []*client.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all []*client.Delivery
	for len(all) < n {
		ds, err := s.Receive(ctx, n-len(all))
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, ds...); len(ds) == 0 && ctx.Err() != nil {
			t.Fatalf("%d of %d messages", len(all), n)
		}
	}
	return all
}

// nothing wants no message within a short time.
func nothing(t testing.TB, s *client.SimpleConsumer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if ds, err := s.Receive(ctx, 1); err != nil || len(ds) > 0 {
		t.Fatalf("received %d, %v", len(ds), err)
	}
}

func bodiesOf(ds []*client.Delivery) (bodies []string) {
	for _, d := range ds {
		bodies = append(bodies, string(d.Body))
	}
	slices.Sort(bodies)
	return bodies
}

// TestSimpleConsumer receives from two topics, acknowledges one by one and in a batch, and gets again what it has not acknowledged. It
// is the same in a namespace.
func TestSimpleConsumer(t *testing.T) {
	for _, namespace := range []string{"", "ns"} {
		t.Run("namespace "+namespace, func(t *testing.T) {
			_, c := startBroker(t, client.Config{Namespace: namespace})
			sendBodies(t, c, "one", "a1", "a2", "b3", "a4")
			sendBodies(t, c, "two", "c5")
			s := newSimple(t, c, client.SimpleConfig{Subscriptions: []client.Subscription{{Topic: "one", Expression: "a || x"}, {Topic: "two"}}, Invisible: time.Second})
			ds := receive(t, s, 4)
			if got := bodiesOf(ds); !slices.Equal(got, []string{"a1", "a2", "a4", "c5"}) {
				t.Fatalf("received %v", got)
			}
			for _, d := range ds {
				if d.Topic != "one" && d.Topic != "two" || d.Receipt == "" || d.ReconsumeTimes != 0 {
					t.Errorf("delivery %+v", d)
				}
			}
			rest := slices.DeleteFunc(slices.Clone(ds), func(d *client.Delivery) bool { return string(d.Body) == "a2" })
			if err := s.Ack(t.Context(), rest[0]); err != nil {
				t.Error(err)
			}
			if err := s.Ack(t.Context(), rest[1:]...); err != nil {
				t.Error(err)
			}
			again := receive(t, s, 1)[0]
			if string(again.Body) != "a2" || again.Topic != "one" || again.ReconsumeTimes != 1 {
				t.Errorf("came again: %s of %s, %d times before", again.Body, again.Topic, again.ReconsumeTimes)
			}
			if err := s.Ack(t.Context(), again); err != nil {
				t.Error(err)
			}
			nothing(t, s)
		})
	}
}

// TestSimpleConsumerChangesInvisible gives a message back at once, and keeps one longer than it was its.
func TestSimpleConsumerChangesInvisible(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	sendBodies(t, c, "one", "a")
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("one"), Invisible: time.Second})
	d := receive(t, s, 1)[0]
	old := d.Receipt
	if err := s.ChangeInvisible(t.Context(), d, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	if d.Receipt == old {
		t.Error("the receipt is the old one")
	}
	d = receive(t, s, 1)[0]
	if took := time.Since(changed); took < 2900*time.Millisecond {
		t.Errorf("came again after %v", took)
	}
	if err := s.ChangeInvisible(t.Context(), d, 0); err != nil {
		t.Fatal(err)
	}
	d = receive(t, s, 1)[0]
	if d.ReconsumeTimes != 2 {
		t.Errorf("failed %d times", d.ReconsumeTimes)
	}
	if err := s.ChangeInvisible(t.Context(), d, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(t.Context(), d); err != nil { // by the new receipt
		t.Fatal(err)
	}
	d.Receipt = "no receipt"
	if err := s.Ack(t.Context(), d); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("without a receipt: %v", err)
	}
}

// TestSimpleConsumerInOrder gets a queue's next messages when those before are done, and the same again if not.
func TestSimpleConsumerInOrder(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	sendBodies(t, c, "one", "1", "2", "3")
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("one"), Ordered: true, Invisible: time.Second})
	ds := receive(t, s, 2)
	if string(ds[0].Body) != "1" || string(ds[1].Body) != "2" {
		t.Fatalf("received %v", bodiesOf(ds))
	}
	nothing(t, s)
	if err := s.Ack(t.Context(), ds[0]); err != nil {
		t.Fatal(err)
	}
	d := receive(t, s, 1)[0]
	if string(d.Body) != "2" || d.ReconsumeTimes != 1 {
		t.Fatalf("received %s, %d times before", d.Body, d.ReconsumeTimes)
	}
	if err := s.Ack(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if d = receive(t, s, 1)[0]; string(d.Body) != "3" || d.ReconsumeTimes != 0 {
		t.Fatalf("received %s", d.Body)
	}
	if err := s.ChangeInvisible(t.Context(), d, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	sendBodies(t, c, "one", "4")
	if d = receive(t, s, 1)[0]; string(d.Body) != "4" {
		t.Fatalf("received %s", d.Body)
	}
}

// TestSimpleConsumerWaits has a message come while Receive waits, for one topic and for several, and keeps what came too late.
func TestSimpleConsumerWaits(t *testing.T) {
	for _, topics := range [][]string{{"one"}, {"one", "two"}} {
		t.Run(fmt.Sprint(topics), func(t *testing.T) {
			_, c := startBroker(t, client.Config{})
			for _, topic := range topics {
				sendBodies(t, c, topic, "first")
			}
			s := newSimple(t, c, client.SimpleConfig{Subscriptions: on(topics...)})
			if err := s.Ack(t.Context(), receive(t, s, len(topics))...); err != nil {
				t.Fatal(err)
			}
			got := make(chan []*client.Delivery)
			go func() {
				ds, _ := s.Receive(t.Context(), 8)
				got <- ds
			}()
			begin := time.Now()
			sendBodies(t, c, topics[len(topics)-1], "second")
			if ds := <-got; len(ds) != 1 || string(ds[0].Body) != "second" || time.Since(begin) > 10*time.Second {
				t.Errorf("received %v after %v", bodiesOf(ds), time.Since(begin))
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			if _, err := s.Receive(ctx, 8); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			sendBodies(t, c, "one", "third") // to the request that is still there, if it waits for messages itself
			if ds := receive(t, s, 1); string(ds[0].Body) != "third" {
				t.Errorf("received %v", bodiesOf(ds))
			}
		})
	}
}

func TestSimpleConsumerRefusals(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	if _, err := c.NewSimpleConsumer(t.Context(), client.SimpleConfig{Group: "g"}); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("without subscriptions: %v", err)
	}
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("nowhere")})
	if _, err := s.Receive(t.Context(), 1); !errors.Is(err, client.ErrTopicNotFound) {
		t.Errorf("a topic that is not there: %v", err)
	}
	if _, err := s.Receive(t.Context(), 0); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("none: %v", err)
	}
	if _, err := c.NewSimpleConsumer(t.Context(), client.SimpleConfig{Group: "workers", Subscriptions: on("x")}); !errors.Is(err, client.ErrExists) {
		t.Errorf("twice: %v", err)
	}
}

// TestSimpleConsumerClose closes while somebody waits.
func TestSimpleConsumerClose(t *testing.T) {
	for _, topics := range [][]string{{"one"}, {"one", "two"}} {
		b, starter := startBroker(t, client.Config{})
		for _, topic := range topics {
			sendBodies(t, starter, topic, "first")
		}
		if err := starter.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := client.New(client.Config{NameServers: []string{b.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		s := newSimple(t, c, client.SimpleConfig{Subscriptions: on(topics...)})
		ds := receive(t, s, len(topics))
		outcome := make(chan error)
		go func() {
			_, err := s.Receive(context.Background(), 1)
			outcome <- err
		}()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-outcome; !errors.Is(err, client.ErrClosed) {
			t.Errorf("closed while it waits: %v", err)
		}
		if err := s.Ack(t.Context(), ds...); err != nil {
			t.Errorf("acknowledged after Close: %v", err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		noGoroutines(t)
	}
}

// TestSimpleConsumerServes handles messages: one fails twice, one panics, one is hopeless, one takes longer than its invisible time.
func TestSimpleConsumerServes(t *testing.T) {
	b, c := startBroker(t, client.Config{})
	bodies := []string{"good", "fails", "panics", "hopeless", "slow"}
	sendBodies(t, c, "one", bodies...)
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("one"), Invisible: time.Second})
	type call struct {
		body  string
		times int
	}
	calls := make(chan call, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- s.Serve(ctx, client.ServeConfig{RetryDelays: []time.Duration{200 * time.Millisecond}, MaxReconsumeTimes: 2, Handler: func(_ context.Context, d *client.Delivery) error {
			switch body := string(d.Body); {
			case body == "slow":
				<-time.After(2500 * time.Millisecond) // as long as work takes
			case body == "panics" && d.ReconsumeTimes == 0:
				defer func() { calls <- call{body, 0} }()
				panic("as the test says")
			case body == "hopeless" || body == "fails" && d.ReconsumeTimes < 2:
				calls <- call{body, d.ReconsumeTimes}
				return errors.New("as the test says")
			}
			calls <- call{string(d.Body), d.ReconsumeTimes}
			return nil
		}})
	}()
	want := []call{{"fails", 0}, {"fails", 1}, {"fails", 2}, {"good", 0}, {"hopeless", 0}, {"hopeless", 1}, {"hopeless", 2}, {"panics", 0}, {"panics", 1}, {"slow", 0}}
	var got []call
	for range want {
		select {
		case one := <-calls:
			got = append(got, one)
		case <-time.After(20 * time.Second):
			t.Fatalf("calls %v", got)
		}
	}
	slices.SortFunc(got, func(a, b call) int {
		if a.body != b.body {
			return cmpText(a.body, b.body)
		}
		return a.times - b.times
	})
	if !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
	a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	until(t, "the dead letter", func() bool {
		dead, err := a.Topic(t.Context(), "%DLQ%workers")
		if err != nil {
			return false
		}
		var n int64
		for _, q := range dead.Queues {
			n += q.Max - q.Min
		}
		return n == 1
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve: %v", err)
	}
	if len(calls) > 0 {
		t.Errorf("called again: %v", <-calls)
	}
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// TestSimpleConsumerOfABrokenBroker gets messages from one broker while the other one is busy, and an error when both are.
func TestSimpleConsumerOfABrokenBroker(t *testing.T) {
	bs := fakeCluster(t, nil, "a", "b")
	reply := func(c *remoting.Conn, f *protocol.Frame, code int32, header interface{ Append(*protocol.Fields) }, body []byte) {
		r := f.Reply(code, "as the test says")
		if header != nil {
			header.Append(&r.Fields)
		}
		r.Body = body
		_ = c.Send(&r)
	}
	bs[0].pops = func(c *remoting.Conn, f *protocol.Frame) { reply(c, f, protocol.ResSystemBusy, nil, nil) }
	var has atomic.Bool
	bs[1].pops = func(c *remoting.Conn, f *protocol.Frame) {
		if !has.Load() {
			reply(c, f, protocol.ResPollingTimeout, &protocol.PopMessageResponseHeader{}, nil)
			return
		}
		record := message.AppendRecord(nil, &message.Record{Topic: []byte("t"), QueueID: 1, Body: []byte("from b"),
			BornHost: netip.MustParseAddrPort("127.0.0.1:1"), StoreHost: netip.MustParseAddrPort("127.0.0.1:2")})
		message.Seal(record, 100, 7, 1)
		reply(c, f, 0, &protocol.PopMessageResponseHeader{PopTime: 1, InvisibleTime: 2, StartOffsetInfo: "0 1 5", MsgOffsetInfo: "0 1 7", Popped: true}, record)
	}
	c := fakeClient(t, bs, client.Config{})
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("t"), Wait: 50 * time.Millisecond})
	for range 2 { // whichever is asked first
		if ds, err := s.Receive(t.Context(), 4); err != nil || len(ds) > 0 {
			t.Errorf("with nothing else: %d messages, %v", len(ds), err)
		}
	}
	has.Store(true)
	for range 2 {
		ds, err := s.Receive(t.Context(), 4)
		if err != nil || len(ds) != 1 || string(ds[0].Body) != "from b" || ds[0].Receipt != "5 1 2 0 0 b 1 7" || ds[0].Queue.QueueID != 1 {
			t.Fatalf("received %v, %v", ds, err)
		}
	}
	broken := fakeCluster(t, nil, "a", "b")
	for _, b := range broken {
		b.pops = bs[0].pops
	}
	s = newSimple(t, fakeClient(t, broken, client.Config{}), client.SimpleConfig{Subscriptions: on("t")})
	if _, err := s.Receive(t.Context(), 4); !errors.Is(err, client.ErrBusy) {
		t.Errorf("all are busy: %v", err)
	}
}

// TestSimpleConsumerServesUntilRefused has a group that may not consume.
func TestSimpleConsumerServesUntilRefused(t *testing.T) {
	b, c := startBroker(t, client.Config{})
	sendBodies(t, c, "one", "x")
	a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.PutGroup(t.Context(), admin.Target{}, protocol.SubscriptionGroupConfig{GroupName: "workers", RetryQueueNums: 1, RetryMaxTimes: 16}); err != nil {
		t.Fatal(err)
	}
	s := newSimple(t, c, client.SimpleConfig{Subscriptions: on("one")})
	err = s.Serve(t.Context(), client.ServeConfig{Handler: func(context.Context, *client.Delivery) error { return nil }})
	if !errors.Is(err, client.ErrNotPermitted) {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Serve(t.Context(), client.ServeConfig{}); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("without a handler: %v", err)
	}
}

// A simple consumer takes messages when it has time for them, and keeps each as long as it needs.
func ExampleSimpleConsumer() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if _, err := p.Send(ctx, &client.Message{Topic: "videos", Body: []byte("holiday.mp4")}); err != nil {
			fmt.Println(err)
			return
		}
		consumer, err := c.NewSimpleConsumer(ctx, client.SimpleConfig{
			Group: "encoders", Subscriptions: []client.Subscription{{Topic: "videos"}}, From: client.FromFirst,
			Invisible: time.Minute, // nobody else gets the message for so long
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		ds, err := consumer.Receive(ctx, 8)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, d := range ds {
			// It takes longer than expected.
			if err := consumer.ChangeInvisible(ctx, d, time.Hour); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("encoded %s\n", d.Body)
		}
		fmt.Println(consumer.Ack(ctx, ds...))
	})
	// Output:
	// encoded holiday.mp4
	// <nil>
}

// Serve makes a push consumer of a simple one.
func ExampleSimpleConsumer_Serve() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if _, err := p.Send(ctx, &client.Message{Topic: "mails", Body: []byte("to ada")}); err != nil {
			fmt.Println(err)
			return
		}
		consumer, err := c.NewSimpleConsumer(ctx, client.SimpleConfig{Group: "mailers", Subscriptions: []client.Subscription{{Topic: "mails"}}, From: client.FromFirst})
		if err != nil {
			fmt.Println(err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		err = consumer.Serve(ctx, client.ServeConfig{
			RetryDelays:       []time.Duration{time.Second, time.Minute},
			MaxReconsumeTimes: 5, // then it is a dead letter
			Handler: func(_ context.Context, d *client.Delivery) error {
				if d.ReconsumeTimes == 0 {
					return errors.New("the mail server is busy") // again after a second
				}
				fmt.Printf("mailed %s\n", d.Body)
				cancel()
				return nil
			},
		})
		fmt.Println(errors.Is(err, context.Canceled))
	})
	// Output:
	// mailed to ada
	// true
}
