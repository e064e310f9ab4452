package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
)

func TestStatusOfNothing(t *testing.T) {
	var r client.SendResult
	if r.Status == client.SendOK || r.Status.String() != "NONE" || client.SendOK.String() != "SEND_OK" || client.SlaveNotAvailable.String() != "SLAVE_NOT_AVAILABLE" {
		t.Errorf("a result that says nothing reads %s", r.Status)
	}
}

// TestLeavingBesideJoining: the brokers hear of a group that leaves also when another has just come.
func TestLeavingBesideJoining(t *testing.T) {
	bs := fakeCluster(t, func(_ int, s fakeSend) { s.answer(0, 0) }, "a")
	c := fakeClient(t, bs, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{Group: "g0"})
	if _, err := p.Send(t.Context(), one()); err != nil {
		t.Fatal(err)
	}
	heard := func(n int, what func() int) {
		t.Helper()
		until(t, "the broker hears", func() bool {
			bs[0].mu.Lock()
			defer bs[0].mu.Unlock()
			return what() >= n
		})
	}
	heard(1, func() int { return len(bs[0].beats) })
	for i := range 20 {
		next := newProducer(t, c, client.ProducerConfig{Group: "g" + string(rune('a'+i))})
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		p = next
		if _, err := p.Send(t.Context(), one()); err != nil { // so that it has a broker to tell
			t.Fatal(err)
		}
	}
	bs[0].mu.Lock()
	defer bs[0].mu.Unlock()
	if len(bs[0].left) != 20 {
		t.Errorf("%d of 20 were heard to leave", len(bs[0].left))
	}
}

// TestTracesFollowTheirTopic moves the trace topic to another broker.
func TestTracesFollowTheirTopic(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(0, int64(n)) }, "a", "b")
	first, second := bs[0].routes["t"], bs[0].routes["t"]
	first.Brokers, first.Queues = first.Brokers[1:], first.Queues[1:]
	second.Brokers, second.Queues = second.Brokers[:1], second.Queues[:1]
	bs[0].routes["t"], bs[0].routes[message.TopicTrace] = second, first
	c := fakeClient(t, bs, client.Config{Trace: true})
	p := newProducer(t, c, client.ProducerConfig{})
	traces := func(b *fakeBroker) (n int) {
		for _, s := range b.sent() {
			if s.topic == message.TopicTrace {
				n++
			}
		}
		return n
	}
	if _, err := p.Send(t.Context(), one()); err != nil {
		t.Fatal(err)
	}
	until(t, "the first trace", func() bool { return traces(bs[1]) == 1 })
	bs[0].mu.Lock()
	bs[0].routes[message.TopicTrace] = second
	bs[0].mu.Unlock()
	bs[1].stop()
	if _, err := p.Send(t.Context(), one()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if traces(bs[0]) != 1 {
		t.Errorf("%d traces at the new broker", traces(bs[0]))
	}
}

// TestOneBadMessageOfABatch fails alone.
func TestOneBadMessageOfABatch(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(0, int64(n)) }, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	bad := one()
	bad.Properties = map[string]string{"x": strings.Repeat("y", message.MaxPropertiesSize)}
	results, err := p.SendBatch(t.Context(), []*client.Message{one(), bad, one()})
	if !errors.Is(err, client.ErrTooLarge) || len(results) != 3 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, want := range []client.SendStatus{client.SendOK, 0, client.SendOK} {
		if results[i].Status != want {
			t.Errorf("message %d: %s", i, results[i].Status)
		}
	}
}

// TestInterceptorsAreCheckedInABatch: what they make of a message is looked at before it is sent, and each outcome is told.
func TestInterceptorsAreCheckedInABatch(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(0, int64(n)) }, "a")
	outcomes := 0
	bad := client.Interceptor{Send: func(ctx context.Context, s *client.Sending) (context.Context, func(client.SendResult, error)) {
		s.Messages[1].Properties["x"] = "\x02"
		return ctx, func(r client.SendResult, err error) {
			if errors.Is(err, client.ErrIllegal) && r == (client.SendResult{}) {
				outcomes++
			}
		}
	}}
	p := newProducer(t, fakeClient(t, bs, client.Config{Interceptors: []client.Interceptor{bad}}), client.ProducerConfig{})
	if _, err := p.SendBatch(t.Context(), []*client.Message{one(), one()}); !errors.Is(err, client.ErrIllegal) || outcomes != 2 || len(bs[0].sent()) != 0 {
		t.Errorf("%v, %d outcomes, %d sent", err, outcomes, len(bs[0].sent()))
	}
}

// TestSecondCloseOfAProducer does not wait longer than it may for the first.
func TestSecondCloseOfAProducer(t *testing.T) {
	got := make(chan fakeSend, 1)
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if n == 0 { // what comes behind it is one-way
			got <- s
		}
	}, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	sent := make(chan error, 1)
	go func() {
		_, err := p.Send(context.Background(), one())
		sent <- err
	}()
	s := <-got
	first := make(chan error, 1)
	go func() { first <- p.Close(context.Background()) }()
	until(t, "the first Close has begun", func() bool {
		return errors.Is(p.SendOneWay(t.Context(), one()), client.ErrClosed)
	})
	over, cancel := cancelled()
	defer cancel()
	if err := p.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("a second Close without time: %v", err)
	}
	s.answer(0, 0)
	for _, err := range []error{<-sent, <-first, p.Close(over)} {
		if err != nil {
			t.Error(err)
		}
	}
}
