package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestListsBelongToTheirReceiver lets users clear the lists that they are given.
func TestListsBelongToTheirReceiver(t *testing.T) {
	for _, size := range []int{1, 3} {
		b := newOneQueue(t, "0", "1", "2")
		got := newSeen()
		c := b.client()
		push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, MaxBatch: size, Handler: func(_ context.Context, ds []*client.Delivery) error {
			got.add(ds)
			clear(ds)
			return nil
		}})
		got.awaitDistinct(t, 3)
		closed(t, c)
		if b.saved != 3 || len(got.bodies) != 3 {
			t.Errorf("in batches of %d: handled %v, committed %d", size, got.bodies, b.saved)
		}
	}
	b := newOneQueue(t, "0", "1", "2")
	p := pull(t, b.client(), client.PullConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, PullBatch: 2})
	for n := 0; n < 3; {
		ds, err := p.Poll(t.Context())
		ok(t, err)
		n += len(ds)
		slices.Reverse(ds)
		clear(ds[1:])
	}
	ok(t, p.Commit(t.Context()))
	if saved := see(b, func() int64 { return b.saved }); saved != 3 {
		t.Errorf("polled: committed %d", saved)
	}
}

// TestCommitIsConfirmed has what was told one way get lost: Commit tells it again, and so does Close.
func TestCommitIsConfirmed(t *testing.T) {
	b := newOneQueue(t, "0", "1")
	b.deaf = true
	p := pull(t, b.client(), client.PullConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, PullBatch: 2, CommitInterval: 5 * time.Millisecond})
	settled := func(n int) {
		t.Helper()
		poll(t, p, n)
		told := see(b, func() int { return b.told })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Poll(ctx); err == nil {
			t.Fatal("more than was sent")
		}
		until(t, "the offset is told", func() bool { return see(b, func() int { return b.told }) > told })
	}
	settled(2)
	ok(t, p.Commit(t.Context()))
	if saved := see(b, func() int64 { return b.saved }); saved != 2 {
		t.Errorf("after Commit: %d", saved)
	}
	b.change(func() { b.records = append(b.records, "2") })
	settled(1)
	closed(t, p)
	if b.saved != 3 {
		t.Errorf("after Close: %d", b.saved)
	}
}

// TestCommitByHandAlone takes the queue away from a consumer that commits by hand: what it has polled it may not have handled.
func TestCommitByHandAlone(t *testing.T) {
	b := newOneQueue(t, "0", "1")
	p := pull(t, b.client(), client.PullConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, PullBatch: 1, CommitInterval: -1, RebalanceInterval: 5 * time.Millisecond})
	poll(t, p, 1)
	poll(t, p, 1)
	b.change(func() { b.members = append(b.members, "0") }) // before all others in the order of names
	until(t, "the queue is given up", func() bool { return len(p.Assignment()) == 0 })
	closed(t, p)
	if b.saved != -1 || b.told != 0 {
		t.Errorf("%d was committed, %d times", b.saved, b.told)
	}
	if err := p.Assign(t.Context(), client.Queue{BrokerName: "b", Topic: "t"}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Assign after Close: %v", err)
	}
}

// TestLockAskedForIsGivenBack takes an ordered queue away while its lock is being asked for: the broker may have given it to us. It is
// given back when the answer, or the end of the connection, has come: a broker may do first what it was asked last.
func TestLockAskedForIsGivenBack(t *testing.T) {
	b := newOneQueue(t, "0")
	b.mute = protocol.ReqLockBatchMQ
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), Orderly: true, RebalanceInterval: 5 * time.Millisecond, Handler: newSeen().handle})
	until(t, "the lock is asked for", func() bool { return see(b, func() int { return b.locks }) > 0 })
	before := 0
	b.change(func() { b.members, before = append(b.members, "0"), b.lists })
	until(t, "the queue is another's", func() bool { return see(b, func() int { return b.lists }) > before+10 })
	if n := see(b, func() int { return b.unlocks }); n != 0 {
		t.Errorf("%d times given back before there was an answer", n)
	}
	b.change(func() { b.mute = 0 })
	b.hangUp()
	until(t, "it is given back", func() bool { return see(b, func() int { return b.unlocks }) > 0 })
	if saved := see(b, func() int64 { return b.saved }); saved != -1 {
		t.Errorf("committed %d without having had the queue", saved)
	}
	closed(t, c)
}

// TestSecondCloseWaits: who closes the client while another closes its consumer must not cut the handlers off.
func TestSecondCloseWaits(t *testing.T) {
	b := newOneQueue(t, "0")
	in, out := make(chan struct{}), make(chan struct{})
	c := b.client()
	p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(context.Context, []*client.Delivery) error {
		close(in)
		<-out
		return nil
	}})
	<-in
	first := make(chan error, 1)
	go func() { first <- p.Close(context.Background()) }()
	until(t, "the first Close has begun", p.Closing)
	over, cancel := cancelled()
	defer cancel()
	if err := p.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("a second Close without time returned %v while a handler ran", err)
	}
	second := make(chan error, 1)
	go func() { second <- c.Close(context.Background()) }()
	close(out)
	ok(t, <-first)
	ok(t, <-second)
	if b.saved != 1 || b.left != 1 {
		t.Errorf("committed %d, left the group %d times", b.saved, b.left)
	}
	ok(t, p.Close(t.Context()))
	noGoroutines(t)
}

// TestCutOffIsShort: a broker that does not answer does not hold a Close up whose time has run out.
func TestCutOffIsShort(t *testing.T) {
	b := newOneQueue(t, "0")
	b.mute = protocol.ReqConsumerSendMsgBack
	in := make(chan struct{})
	c := b.client()
	p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(ctx context.Context, _ []*client.Delivery) error {
		close(in)
		<-ctx.Done()
		return ctx.Err()
	}})
	<-in
	over, cancel := cancelled()
	defer cancel()
	begin := time.Now()
	if err := p.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	if b.saved > 0 || len(b.resent) != 0 {
		t.Errorf("committed %d, resent %v", b.saved, b.resent)
	}
}

// TestResentIsStoredWithReserve: a copy that the broker has stored without its replica is not sent once more.
func TestResentIsStoredWithReserve(t *testing.T) {
	b := newOneQueue(t, "0")
	b.noBack, b.flushed = true, protocol.ResSlaveNotAvailable
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(context.Context, []*client.Delivery) error { return errors.New("later") }})
	until(t, "it is resent", func() bool { return see(b, func() int { return len(b.resent) }) > 0 })
	closed(t, c)
	if b.saved != 1 || len(b.resent) != 1 {
		t.Errorf("committed %d, resent %v", b.saved, b.resent)
	}
}

// TestBrokerThatHoldsNoPulls is not asked as fast as it can answer, and what comes is still handled.
func TestBrokerThatHoldsNoPulls(t *testing.T) {
	b := newOneQueue(t)
	b.holdsNot = true
	got := newSeen()
	c := b.client()
	begin := time.Now()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle})
	until(t, "30 pulls", func() bool { return see(b, func() int { return len(b.asked) }) >= 30 })
	if took := time.Since(begin); took < 18*20*time.Millisecond { // 11 may come at once
		t.Errorf("30 pulls within %s", took)
	}
	b.change(func() { b.records = append(b.records, "0") })
	got.awaitDistinct(t, 1)
	closed(t, c)
}
