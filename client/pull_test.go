package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func pull(t *testing.T, c *client.Client, config client.PullConfig) *client.PullConsumer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := c.NewPullConsumer(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// poll polls until n messages have come.
func poll(t *testing.T, p *client.PullConsumer, n int) (bodies []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for len(bodies) < n {
		ds, err := p.Poll(ctx)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(bodies), n, err)
		}
		for _, d := range ds {
			bodies = append(bodies, string(d.Body))
		}
	}
	return bodies
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPullConsumerAssign(t *testing.T) {
	l := newLab(t)
	l.topic("t", 2)
	for i := range 10 {
		l.send("t", i%2, fmt.Sprint(i))
	}
	c := l.client()
	p := pull(t, c, client.PullConfig{Group: "g", From: client.FromFirst, CommitInterval: -1})
	queues, err := p.Queues(t.Context(), "t")
	ok(t, err)
	ok(t, p.Assign(t.Context(), queues[1]))
	if got := poll(t, p, 5); fmt.Sprint(got) != "[1 3 5 7 9]" {
		t.Fatalf("queue 1 gave %v", got)
	}
	ok(t, p.Seek(queues[1], 3))
	if got := poll(t, p, 2); fmt.Sprint(got) != "[7 9]" {
		t.Fatalf("from offset 3 it gave %v", got)
	}
	ok(t, p.SeekToBegin(t.Context()))
	if got := poll(t, p, 5); got[0] != "1" {
		t.Fatalf("from the beginning it gave %v", got)
	}
	ok(t, p.SeekToEnd(t.Context(), queues[1]))
	l.send("t", 1, "11")
	if got := poll(t, p, 1); got[0] != "11" {
		t.Fatalf("from the end it gave %v", got)
	}
	ok(t, p.SeekToTime(t.Context(), time.Now().Add(-time.Hour)))
	if got := poll(t, p, 6); got[0] != "1" {
		t.Fatalf("from an hour ago it gave %v", got)
	}
	if at := l.committed("g", "t", 1); at != -1 && at != 0 {
		t.Errorf("committed %d without being told", at)
	}
	ok(t, p.Commit(t.Context()))
	if at := l.committed("g", "t", 1); at != 6 {
		t.Errorf("committed %d, want 6", at)
	}
	ok(t, p.Assign(t.Context(), queues...))
	if got := poll(t, p, 5); fmt.Sprint(got) != "[0 2 4 6 8]" {
		t.Fatalf("queue 0 gave %v", got)
	}
	if got := p.Assignment(); len(got) != 2 || got[0] != queues[0] {
		t.Errorf("assignment %v", got)
	}
	if err := p.Subscribe(t.Context(), client.Subscription{Topic: "t"}); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("subscribed beside assigned queues: %v", err)
	}
	if err := p.Seek(client.Queue{Topic: "t", BrokerName: "x"}, 0); !errors.Is(err, client.ErrIllegal) {
		t.Errorf("seek in a queue that is not ours: %v", err)
	}
	closed(t, p)
	if _, err := p.Poll(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("poll after close: %v", err)
	}
	closed(t, c)
	noGoroutines(t)
}

func TestPullConsumersShare(t *testing.T) {
	l := newLab(t)
	l.topic("t", 4)
	config := client.PullConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst}
	c1, c2 := l.client(), l.client()
	p1 := pull(t, c1, config)
	for i := range 8 {
		l.send("t", i%4, fmt.Sprint(i))
	}
	poll(t, p1, 8)
	ok(t, p1.Commit(t.Context()))
	p2 := pull(t, c2, config)
	until(t, "two queues each", func() bool { return len(p1.Assignment()) == 2 && len(p2.Assignment()) == 2 })
	for i := 8; i < 16; i++ {
		l.send("t", i%4, fmt.Sprint(i))
	}
	poll(t, p1, 4)
	if got := poll(t, p2, 4); len(got) != 4 {
		t.Errorf("the second one got %v", got)
	}
	ok(t, p2.Commit(t.Context()))
	closed(t, p2)
	until(t, "all queues", func() bool { return len(p1.Assignment()) == 4 })
	ok(t, p1.Subscribe(t.Context()))
	until(t, "no queues", func() bool { return len(p1.Assignment()) == 0 })
}

func TestPullConsumerPause(t *testing.T) {
	l := newLab(t)
	l.topic("t", 2)
	p := pull(t, l.client(), client.PullConfig{Group: "g", From: client.FromFirst})
	queues, err := p.Queues(t.Context(), "t")
	ok(t, err)
	ok(t, p.Assign(t.Context(), queues...))
	ok(t, p.Pause(queues[0]))
	l.send("t", 0, "paused")
	l.send("t", 1, "one")
	l.send("t", 1, "two")
	if got := poll(t, p, 2); fmt.Sprint(got) != "[one two]" {
		t.Fatalf("got %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if ds, err := p.Poll(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a paused queue gave %d messages, %v", len(ds), err)
	}
	ok(t, p.Resume())
	if got := poll(t, p, 1); got[0] != "paused" {
		t.Fatalf("got %v", got)
	}
}

// until waits for something that becomes true by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
