package store

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// A pop that waits for the lock while others put and pop must not take their progress for a queue that has lost its end: that would
// forget what they have in flight.
func TestAPopThatWasOvertakenForgetsNothing(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	q := message.Queue{Topic: "T"}
	mustPut(t, s, record("T", 0, "a"))
	mustPut(t, s, record("T", 0, "b"))
	popAll(t, s, q, pop.Request{}, 3_600_000)

	next := &s.byName["T"].queues[0].next
	next.Store(1) // as it was before the second message came
	s.mu.RLock()
	begun := make(chan error)
	go func() {
		l, err := s.PopBegin("g", q, pop.Request{Max: 1, NowMillis: s.nowMillis()})
		s.PopAbandon(l)
		begun <- err
	}()
	for s.mu.TryRLock() { // until it waits for the lock
		s.mu.RUnlock()
	}
	next.Store(2)
	s.mu.RUnlock()
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	s.Kick()
	_ = s.log.Barrier(func(message.LogOffset) {})
	checkPops(t, s, 2)
}

// badAdvance is what a commit of the greatest offset of all wrote while commits were not held to the queue's end.
func badAdvance(t *testing.T, s *Store, q message.Queue) []byte {
	t.Helper()
	k, err := s.popKey("g", q)
	if err != nil {
		t.Fatal(err)
	}
	change := pop.AppendAdvance(nil, k, 0)
	return binary.AppendUvarint(change[:len(change)-1], 1<<63-1)
}

// However far a client says it has come, a group that pops goes on at the queue's end; what is in flight stays so, and the store opens.
func TestOffsetsBehindTheEndOfAPoppedQueue(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	q := message.Queue{Topic: "T"}
	mustPut(t, s, record("T", 0, "a"))
	_, at := popAll(t, s, q, pop.Request{}, 3_600_000)
	for _, far := range []message.QueueOffset{7, 1 << 40, 1 << 62, 1<<63 - 1} {
		mustPut(t, s, record("T", 0, "passed over"))
		if err := s.CommitOffset("g", q, far); err != nil {
			t.Errorf("commit of %d: %v", far, err)
		}
		s.PopReady("g", q, pop.Request{Max: 1})
		mustPut(t, s, record("T", 0, "b"))
		checkPops(t, s, 1)
		if c, _ := s.PopCounts("g", q); c.Base != 0 || c.Frontier != s.MaxOffset(q)-1 {
			t.Errorf("after a commit of %d: %+v, the queue's end is %d", far, c, s.MaxOffset(q))
		}
	}
	if err := s.appendPop(nobody{}, badAdvance(t, s, q)); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, record("T", 0, "c"))
	left := synced(fs)
	_ = s.Close()
	s = openTest(t, testOptions(left))
	checkPops(t, s, 1)
	if n := ack(t, s, q, at, 0); n != 1 {
		t.Errorf("%d messages acknowledged, want the one in flight", n)
	}
	for _, far := range []message.QueueOffset{9, 1<<63 - 1} { // a reset, or a clone of what another group has committed
		if err := s.ResetOffset(context.Background(), "g", q, far); err != nil {
			t.Errorf("reset to %d: %v", far, err)
		}
		if off, _ := s.Offset("g", q); off != s.MaxOffset(q) && off != far {
			t.Errorf("after a reset to %d the group is at %d, the queue's end is %d", far, off, s.MaxOffset(q))
		}
	}
	mustPut(t, s, record("T", 0, "d"))
	if offs, _ := popAll(t, s, q, pop.Request{}, 1000); len(offs) != 1 {
		t.Errorf("popped %v after the resets", offs)
	}
	closeTest(t, s)
}

// Who only looks whether there is something to pop writes nothing, wherever the group stands.
func TestALookWritesNothing(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	q := message.Queue{Topic: "T"}
	mustPut(t, s, record("T", 0, "a"))
	popAll(t, s, q, pop.Request{}, 3_600_000)
	k, _ := s.popKey("g", q)
	if err := s.appendPop(nobody{}, pop.AppendAdvance(nil, k, 5)); err != nil { // a log that has lost its end
		t.Fatal(err)
	}
	mustPut(t, s, record("T", 0, "b"))
	for range 2 {
		if ready, refused := s.PopReady("g", q, pop.Request{Max: 1}); ready || refused != nil {
			t.Errorf("ready %v, refused %v", ready, refused)
		}
		l, err := s.PopBegin("g", q, pop.Request{Max: 1, Look: true})
		if err != nil || l.From != 2 {
			t.Errorf("a look from %d on, %v", l.From, err)
		}
	}
	mustPut(t, s, record("T", 0, "c"))
	checkPops(t, s, 1)
}

// The log may refuse a pop when nobody waits for it any more: the queue must be free again.
func TestTheLeaseOfARefusedPopEnds(t *testing.T) {
	var on atomic.Bool
	full, refuse := make(chan struct{}, 100), make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !on.Load() || op.Kind != errorfs.OpFileWriteAt || !strings.HasSuffix(op.Path, firstSegmentName) {
			return nil
		}
		full <- struct{}{}
		<-refuse
		return syscall.ENOSPC
	}))
	s := openTest(t, testOptions(fs))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	q := message.Queue{Topic: "T"}
	mustPut(t, s, record("T", 0, "a"))
	l, err := s.PopBegin("g", q, pop.Request{Max: 1, NowMillis: s.nowMillis()})
	if err != nil {
		t.Fatal(err)
	}
	on.Store(true)
	stalled := make(chan error)
	go func() {
		w := newWaiter()
		if err := s.Put(record("T", 0, "b"), w, 0); err != nil {
			stalled <- err
			return
		}
		s.Kick()
		_, err := w.wait(context.Background())
		stalled <- err
	}()
	<-full
	ctx, hangUp := context.WithCancel(context.Background())
	hangUp()
	err = s.PopTake(ctx, s.nowMillis(), 1000, false, pop.Taken{Lease: l, Fresh: []message.QueueOffset{0}, Next: 1})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the pop has been waited for: %v", err)
	}
	close(refuse)
	if err := <-stalled; err == nil {
		t.Fatal("the disk was not full")
	}
	_ = s.log.Barrier(func(message.LogOffset) {})
	on.Store(false)
	mustPut(t, s, record("T", 0, "c"))
	if offs, _ := popAll(t, s, q, pop.Request{}, 1000); len(offs) == 0 || offs[0] != 0 {
		t.Errorf("popped %v, want from 0 on", offs)
	}
}
