package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/redelivery"
	"github.com/aerobee-mq/aerobee/store/state"
)

const popRetry = "%RETRY%g_T"

func mustGroup(t testing.TB, s *Store, name string) {
	t.Helper()
	c := group.New(name)
	if err := s.PutGroup(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// popAll pops what there is of a queue, for so many milliseconds, and returns the offsets and the pop time.
func popAll(t testing.TB, s *Store, q message.Queue, r pop.Request, invisible int64) (offs []message.QueueOffset, popTime int64) {
	t.Helper()
	r.Max, r.NowMillis = pop.MaxMessages, s.nowMillis()
	l, err := s.PopBegin("g", q, r)
	if err != nil {
		t.Fatalf("pop of %v: %v", q, err)
	}
	taken := pop.Taken{Lease: l, Next: l.From}
	for _, again := range l.Again {
		taken.Again = append(taken.Again, again.Offset)
	}
	b, res := s.Get(nil, q, l.From, max(l.Room, 1), 1<<20, nil)
	for ; len(b) > 0 && l.Room > 0; l.Room-- {
		rec, err := message.ParseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if taken.Next = res.Next; !slices.Contains(l.Skip, rec.QueueOffset) {
			taken.Fresh = append(taken.Fresh, rec.QueueOffset)
		}
		b = b[rec.Size:]
	}
	if len(taken.Again)+len(taken.Fresh) == 0 {
		s.PopAbandon(l)
		return nil, r.NowMillis
	}
	if err := s.PopTake(context.Background(), r.NowMillis, invisible, r.Ordered, taken); err != nil {
		t.Fatalf("take of %v: %v", q, err)
	}
	return append(taken.Again, taken.Fresh...), r.NowMillis
}

func ack(t testing.TB, s *Store, q message.Queue, popTime int64, offs ...message.QueueOffset) int {
	t.Helper()
	w := newWaiter()
	known, lost, err := s.PopAck("g", q, popTime, offs, w)
	if err != nil {
		t.Fatal(err)
	}
	acked := known > 0
	if len(lost) > 0 {
		if acked, err = s.PopAckLost("g", q, popTime, lost, w); err != nil {
			t.Fatal(err)
		}
	}
	if acked {
		s.Kick()
		if _, err := w.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return known
}

func checkPops(t testing.TB, s *Store, inFlight int) {
	t.Helper()
	if n, err := s.PopAudit(); err != nil || n != inFlight {
		t.Fatalf("%d messages are in flight, want %d; the audit says %v", n, inFlight, err)
	}
}

func TestWhatIsNotAcknowledgedComesAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		s := openTest(t, testOptions(fs))
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		for i := range 4 {
			mustPut(t, s, record("T", 0, fmt.Sprint("m", i)))
		}
		q := message.Queue{Topic: "T"}
		offs, at := popAll(t, s, q, pop.Request{}, 10_000)
		if len(offs) != 4 {
			t.Fatalf("popped %v", offs)
		}
		if known := ack(t, s, q, at, 0, 2); known != 2 {
			t.Errorf("%d acknowledgements count, want 2", known)
		}
		if base, _ := s.Offset("g", q); base != 1 {
			t.Errorf("the group's offset is %d, want that of the first message in flight, 1", base)
		}
		renewed, _, known, err := s.PopRenew("g", q, 3, at, 30_000, false, nobody{})
		if err != nil || !known {
			t.Fatalf("renewal: known %v, %v", known, err)
		}
		closeTest(t, s)
		s = openTest(t, testOptions(fs)) // the handles outlive the process
		checkPops(t, s, 2)
		time.Sleep(10_100 * time.Millisecond)
		synctest.Wait()
		retry := message.Queue{Topic: popRetry}
		if got := bodies(t, s, retry, 0); got != "m1" {
			t.Fatalf("the retry topic holds %q, want m1", got)
		}
		b, _ := s.Get(nil, retry, 0, 1, 1, nil)
		rec, err := message.ParseRecord(b)
		if err != nil || rec.ReconsumeTimes != 1 || rec.Properties.GetString(redelivery.FirstPopTime) != fmt.Sprint(at) {
			t.Errorf("the copy has %d reconsume times and the properties %q, %v", rec.ReconsumeTimes, rec.Properties, err)
		}
		if known := ack(t, s, q, renewed, 3); known != 1 {
			t.Error("the acknowledgement of the renewed message does not count")
		}
		checkPops(t, s, 0)
		if c, _ := s.PopCounts("g", q); c.Acknowledged != 4 || c.Base != 4 {
			t.Errorf("counts %+v", c)
		}
		closeTest(t, s)
	})
}

func TestAPoppedMessageBecomesADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		c := group.New("g")
		c.RetryMaxTimes = 2
		if err := s.PutGroup(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, record("T", 0, "m"))
		q := message.Queue{Topic: "T"}
		for range 3 {
			if offs, _ := popAll(t, s, q, pop.Request{}, 1000); len(offs) != 1 {
				t.Fatalf("popped %v of %v", offs, q)
			}
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			q.Topic = popRetry
		}
		b, res := s.Get(nil, message.Queue{Topic: "%DLQ%g"}, 0, 10, 1000, nil)
		rec, err := message.ParseRecord(b)
		if err != nil || res.Count != 1 || rec.Properties.GetString(message.PropDLQOriginTopic) != "T" {
			t.Fatalf("%d dead letters, %q, %v", res.Count, rec.Properties, err)
		}
		if res := bodies(t, s, q, 0); res != "m m" {
			t.Errorf("the retry topic holds %q, want two copies", res)
		}
		checkPops(t, s, 0)
	})
}

func TestAnOrderedQueueIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		mustPut(t, s, record("T", 0, "a"))
		mustPut(t, s, record("T", 0, "b"))
		q := message.Queue{Topic: "T"}
		_, at := popAll(t, s, q, pop.Request{Ordered: true}, 5000)
		_, err := s.PopBegin("g", q, pop.Request{Ordered: true, Max: 1, NowMillis: s.nowMillis()})
		var refused *pop.Refusal
		if !errors.As(err, &refused) || refused.Reason != pop.Blocked {
			t.Fatalf("a second pop: %v", err)
		}
		if ready, refused := s.PopReady("g", q, pop.Request{Ordered: true, Max: 1, NowMillis: s.nowMillis()}); ready || refused == nil || refused.Until != at+5000 {
			t.Errorf("ready %v, refused %v", ready, refused)
		}
		ack(t, s, q, at, 0)
		time.Sleep(5100 * time.Millisecond)
		if offs, _ := popAll(t, s, q, pop.Request{Ordered: true}, 5000); len(offs) != 1 || offs[0] != 1 {
			t.Errorf("what comes again is %v, want 1", offs)
		}
		checkPops(t, s, 1)
	})
}

func TestADeletedTopicTakesItsPopsAlong(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	mustPut(t, s, record("T", 0, "a"))
	q := message.Queue{Topic: "T"}
	if err := s.SetRequestMode(context.Background(), "g", "T", pop.Mode{Pop: true, Share: 2}); err != nil {
		t.Fatal(err)
	}
	popAll(t, s, q, pop.Request{}, 5000)
	if m, ok := s.RequestMode("g", "T"); !ok || !m.Pop || m.Share != 2 {
		t.Errorf("mode %+v", m)
	}
	if err := s.DeleteTopic(context.Background(), "T"); err != nil {
		t.Fatal(err)
	}
	checkPops(t, s, 0)
	if _, err := s.PopBegin("g", q, pop.Request{Max: 1}); !errors.Is(err, ErrNoTopic) {
		t.Errorf("a pop of a deleted topic: %v", err)
	}
	if _, ok := s.RequestMode("g", "T"); ok {
		t.Error("the mode outlives the topic")
	}
}

func TestAResetEndsWhatIsInFlight(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	for range 3 {
		mustPut(t, s, record("T", 0, "a"))
	}
	q := message.Queue{Topic: "T"}
	popAll(t, s, q, pop.Request{}, 50_000)
	if err := s.ResetOffset(context.Background(), "g", q, 1); err != nil {
		t.Fatal(err)
	}
	checkPops(t, s, 0)
	if offs, _ := popAll(t, s, q, pop.Request{}, 50_000); len(offs) != 2 || offs[0] != 1 {
		t.Errorf("popped %v after a reset to 1", offs)
	}
	if err := s.CommitOffset("g", q, 3); err != nil {
		t.Fatal(err)
	}
	if s.Offsets("g")[q] != 1 {
		t.Errorf("offsets %v: what is in flight holds the group's offset back", s.Offsets("g"))
	}
}

// TestOffsetsOfAnImportCount says that what another broker has made of the offsets meanwhile counts, and not what was popped before.
func TestOffsetsOfAnImportCount(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustGroup(t, s, "g")
	for range 3 {
		mustPut(t, s, record("T", 0, "a"))
	}
	q := message.Queue{Topic: "T"}
	if err := s.SetRequestMode(context.Background(), "g", "T", pop.Mode{Pop: true}); err != nil {
		t.Fatal(err)
	}
	popAll(t, s, q, pop.Request{}, 50_000)
	err := s.change(context.Background(), func(ch *changes) error {
		ch.add(state.Import, []byte{byte(state.Offset)})
		k, _ := s.offsetKey("g", q)
		ch.add(state.Offset, offset.AppendCommit(nil, k, 2))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkPops(t, s, 0)
	if off, _ := s.Offset("g", q); off != 2 {
		t.Errorf("the offset is %d, imported was 2", off)
	}
	if offs, _ := popAll(t, s, q, pop.Request{}, 50_000); len(offs) != 1 || offs[0] != 2 {
		t.Errorf("popped %v", offs)
	}
	if _, ok := s.RequestMode("g", "T"); !ok {
		t.Error("the mode is forgotten, of which Apache's files say nothing")
	}
}

// TestAcknowledgementOutlivesItsPop acknowledges, after a power cut, what a pop had handed out that the cut has taken out of the log.
func TestAcknowledgementOutlivesItsPop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		o := testOptions(fs)
		o.Flush = commitlog.AsyncFlush
		s := openTest(t, o)
		defer abandon(s)
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		mustPut(t, s, record("T", 0, "a"))
		mustPut(t, s, record("T", 0, "b"))
		q := message.Queue{Topic: "T"}
		if offs, _ := popAll(t, s, q, pop.Request{Max: 1}, 60_000); len(offs) != 2 {
			t.Fatalf("popped %v", offs)
		}
		if err := s.ResetOffset(context.Background(), "g", q, 0); err != nil { // the group is known to the queue, durably
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		_, at := popAll(t, s, q, pop.Request{}, 60_000)
		after := openTest(t, Options{FS: synced(fs), Dir: o.Dir, SegmentSize: o.SegmentSize, Flush: o.Flush, StoreHost: o.StoreHost, Now: func() time.Time { return time.Now().Add(time.Second) }})
		defer closeTest(t, after)
		if state, _ := after.PopState("g", q, 1); state != pop.Unpopped {
			t.Fatalf("the pop has outlived the power cut: %d", state)
		}
		ack(t, after, q, at, 1)
		if offs, _ := popAll(t, after, q, pop.Request{}, 60_000); len(offs) != 1 || offs[0] != 0 {
			t.Errorf("popped %v, message 1 is acknowledged", offs)
		}
		checkPops(t, after, 1)
	})
}

// A message whose properties leave no room for what a pop adds comes again without that, and becomes a dead letter without it.
func TestAMessageFullOfPropertiesComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		q := message.Queue{Topic: "T"}
		r := record("T", 0, "big")
		r.Properties = message.AppendProperty(r.Properties, "x", strings.Repeat("x", 32_735))
		mustPut(t, s, r)
		if offs, _ := popAll(t, s, q, pop.Request{}, 1000); len(offs) != 1 {
			t.Fatal(offs)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: popRetry}, 0); got != "big" {
			t.Errorf("not acknowledged in time, the message is in the retry topic %q, and nowhere else", got)
		}
		g := group.New("g")
		g.RetryMaxTimes = 1
		if err := s.PutGroup(context.Background(), g); err != nil {
			t.Fatal(err)
		}
		popAll(t, s, message.Queue{Topic: popRetry}, pop.Request{}, 1000)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "%DLQ%g"}, 0); got != "big" {
			t.Errorf("given up, the message is among the dead letters as %q", got)
		}
		checkPops(t, s, 0)
		closeTest(t, s)
	})
}

// One message that cannot go to its retry topic must not hold up the others.
func TestAMessageOfLongNamesHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		long := strings.Repeat("t", 127)
		mustTopic(t, s, long, 1)
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		group := strings.Repeat("g", 250)
		mustGroup(t, s, group)
		for _, topic := range []string{long, "T"} {
			mustPut(t, s, record(topic, 0, "m"))
			g := "g"
			if topic == long {
				g = group
			}
			l, err := s.PopBegin(g, message.Queue{Topic: topic}, pop.Request{Max: 1, NowMillis: s.nowMillis()})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.PopTake(context.Background(), s.nowMillis(), 1000, false, pop.Taken{Lease: l, Fresh: []message.QueueOffset{0}, Next: 1}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: popRetry}, 0); got != "m" {
			t.Errorf("the retry topic holds %q, want m", got)
		}
		if n, _ := s.PopAudit(); n != 0 {
			t.Errorf("%d are still in flight after a minute", n)
		}
		closeTest(t, s)
	})
}
