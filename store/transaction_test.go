package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func putHalf(t testing.TB, s *Store, r *message.Record) Appended {
	t.Helper()
	w := newWaiter()
	if err := s.PutHalf(r, w, 0); err != nil {
		t.Fatalf("put half: %v", err)
	}
	s.Kick()
	a, err := w.wait(context.Background())
	if err != nil {
		t.Fatalf("put half: %v", err)
	}
	return a
}

// endHalf commits a half message or rolls it back, as the broker does, and waits.
func endHalf(s *Store, handle message.LogOffset, commit bool) (Appended, error) {
	e, r, err := s.Half(handle)
	if err != nil {
		return Appended{}, err
	}
	w := newWaiter()
	if !commit {
		err = s.EndHalf(handle, nil, w, 0)
	} else if err = transaction.Committed(&r, e); err == nil {
		err = s.EndHalf(handle, &r, w, 0)
	}
	if err != nil {
		return Appended{}, err
	}
	s.Kick()
	return w.wait(context.Background())
}

func wantPending(t *testing.T, s *Store, want ...message.LogOffset) []transaction.Entry {
	t.Helper()
	some, all := s.Halves(0, 100)
	var got []message.LogOffset
	for _, e := range some {
		got = append(got, e.Created)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || all != len(want) {
		t.Errorf("pending %v, want %v", got, want)
	}
	return some
}

// TestHalfMessagesOutliveEverything: commits, rollbacks and what is open are the same after a stop, a crash, and without the cache; so
// are the questions asked.
func TestHalfMessagesOutliveEverything(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 2)
	mustTopic(t, s, message.TopicHalf, 1)
	var at []message.LogOffset
	for i := range 4 {
		a := putHalf(t, s, record("T", 1, fmt.Sprint("m", i), message.PropProducerGroup, "pg", message.PropUniqueKey, fmt.Sprint("U", i)))
		if a.QueueOffset != message.QueueOffset(i) {
			t.Errorf("half message %d has queue offset %d", i, a.QueueOffset)
		}
		at = append(at, a.LogOffset)
	}
	if _, err := endHalf(s, at[0], true); err != nil {
		t.Fatal(err)
	}
	if _, err := endHalf(s, at[1], false); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{true, false} {
		if _, err := endHalf(s, at[0], commit); !errors.Is(err, transaction.ErrGone) {
			t.Errorf("a second end: %v", err)
		}
	}
	asked := wantPending(t, s, at[2], at[3])
	asked[0].Checks, asked[0].Due = 5, asked[0].Due+1000
	if err := s.HalvesAsked(asked[:1]); err != nil {
		t.Fatal(err)
	}
	if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
		t.Fatal(err)
	}
	again := func(how string, open func() *Store) {
		t.Helper()
		s := open()
		defer closeTest(t, s)
		some := wantPending(t, s, at[2], at[3])
		if some[0] != asked[0] || some[1] != asked[1] {
			t.Errorf("%s: %+v, want %+v", how, some, asked)
		}
		if got := bodies(t, s, message.Queue{Topic: "T", ID: 1}, 0); got != "m0" {
			t.Errorf("%s: committed are %q", how, got)
		}
	}
	crashed := synced(fs)
	again("after a crash", func() *Store { return openTest(t, testOptions(crashed)) })
	closeTest(t, s)
	again("after a stop", func() *Store { return openTest(t, testOptions(fs)) })
	remove(t, fs, "store/cache")
	again("without the cache", func() *Store { return openTest(t, testOptions(fs)) })
}

// TestLateEndOfHalfMessageThatHasMoved lets retention carry a half message forward many times; its end counts once, named as ever.
func TestLateEndOfHalfMessageThatHasMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		s := openTest(t, smallRetention(fs))
		mustTopic(t, s, "T", 1)
		mustTopic(t, s, message.TopicHalf, 1)
		kept := putHalf(t, s, record("T", 0, "kept", message.PropImmunity, "60"))
		dropped := putHalf(t, s, record("T", 0, "dropped"))
		first := wantPending(t, s, kept.LogOffset, dropped.LogOffset)
		for range 3 {
			flood(t, s, 40)
			retire(t, s)
		}
		if start := s.log.Start(); start <= kept.LogOffset {
			t.Fatalf("the log still begins at %d", start)
		}
		for _, how := range []string{"moved", "restarted", "without the cache"} {
			switch how {
			case "restarted":
				closeTest(t, s)
				s = openTest(t, smallRetention(fs))
			case "without the cache":
				closeTest(t, s)
				remove(t, fs, "store/cache")
				s = openTest(t, smallRetention(fs))
			}
			for i, e := range wantPending(t, s, kept.LogOffset, dropped.LogOffset) {
				if e.At <= e.Created || e.Queue != first[i].Queue || e.Stored != first[i].Stored || e.Due != first[i].Due {
					t.Errorf("%s: %+v, at first %+v", how, e, first[i])
				}
			}
		}
		if first[0].Due-first[0].Stored != 60_000 || first[1].Due-first[1].Stored != 6_000 {
			t.Errorf("asked after %+v", first)
		}
		if _, err := endHalf(s, dropped.LogOffset, false); err != nil {
			t.Error(err)
		}
		a, err := endHalf(s, kept.LogOffset, true)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := message.ParseRecord(a.Record); err != nil || r.PreparedOffset != kept.LogOffset || string(r.Body) != "kept" {
			t.Errorf("committed %s with field 14 %d, %v", r.Body, r.PreparedOffset, err)
		}
		closeTest(t, s)
		s = openTest(t, smallRetention(fs))
		defer closeTest(t, s)
		wantPending(t, s)
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "kept" {
			t.Errorf("the topic holds %q", got)
		}
	})
}

// TestEndsWhileHalfMessagesMove ends half messages while retention carries them forward, and looks whether each end counts once.
func TestEndsWhileHalfMessagesMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		s := openTest(t, smallRetention(fs))
		mustTopic(t, s, "T", 1)
		mustTopic(t, s, message.TopicHalf, 1)
		var at []message.LogOffset
		for i := range 100 {
			at = append(at, putHalf(t, s, record("T", 0, fmt.Sprint("m", i))).LogOffset)
		}
		flood(t, s, 12)
		moved := make(chan error)
		go func() { moved <- s.carryHalves(context.Background(), s.log.Published()) }()
		for i, handle := range at {
			if _, err := endHalf(s, handle, i%2 == 0); err != nil {
				t.Error(err)
			}
		}
		if err := <-moved; err != nil {
			t.Error(err)
		}
		wantPending(t, s)
		closeTest(t, s)
		remove(t, fs, "store/cache")
		s = openTest(t, smallRetention(fs))
		defer closeTest(t, s)
		wantPending(t, s)
		if got := strings.Fields(bodies(t, s, message.Queue{Topic: "T"}, 0)); len(got) != 50 {
			t.Errorf("%d messages are committed, want 50: %v", len(got), got)
		}
	})
}

// TestRefusedEndMayBeTriedAgain lets the disk refuse a commit and a rollback.
func TestRefusedEndMayBeTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1, commitlog.SyncFlush)
		l.disk.choose = func(opPoint, int) (bool, int) { return false, 0 }
		l.disk.record(true)
		l.open()
		mustTopic(t, l.s, "T", 1)
		mustTopic(t, l.s, message.TopicHalf, 1)
		for _, commit := range []bool{true, false} {
			a := putHalf(t, l.s, record("T", 0, fmt.Sprint("commit ", commit)))
			l.failOnce("segment.write in commitlog.(*Log).writeSpans")
			if _, err := endHalf(l.s, a.LogOffset, commit); err == nil {
				t.Error("the disk refused nothing")
			}
			wantPending(t, l.s, a.LogOffset)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if _, err := endHalf(l.s, a.LogOffset, commit); err != nil {
				t.Error(err)
			}
			wantPending(t, l.s)
		}
		l.close()
	})
}

// TestQuestionsWhenTheClockGoesBack: what the store takes with a clock that is hours ahead, and after that, is asked about soon, and so is what was
// asked about meanwhile; whether the clock goes back while the store is open or closed.
func TestQuestionsWhenTheClockGoesBack(t *testing.T) {
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	options := func(fs vfs.FS) Options {
		o := testOptions(fs)
		o.Now = clock
		return o
	}
	fs := vfs.NewCrashableMem()
	s := openTest(t, options(fs))
	mustTopic(t, s, "T", 1)
	mustTopic(t, s, message.TopicHalf, 1)
	before := putHalf(t, s, record("T", 0, "before")).LogOffset
	ahead.Store(int64(8 * time.Hour))
	meanwhile := putHalf(t, s, record("T", 0, "meanwhile")).LogOffset
	asked, _ := s.Halves(before, 1)
	asked[0].Checks, asked[0].Due = 1, clock().Add(30*time.Second).UnixMilli()
	if err := s.HalvesAsked(asked); err != nil {
		t.Fatal(err)
	}
	if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
		t.Fatal(err)
	}
	ahead.Store(0)
	after := putHalf(t, s, record("T", 0, "after")).LogOffset
	soon := func(s *Store, when string, want ...message.LogOffset) {
		t.Helper()
		var got []message.LogOffset
		for _, e := range s.HalvesDue(clock().Add(7*time.Second).UnixMilli(), 10) {
			got = append(got, e.Created)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: asked about soon are %v, want %v", when, got, want)
		}
		for _, e := range wantPending(t, s, before, meanwhile, after) {
			if e.Stored > clock().UnixMilli() && slices.Contains(want, e.Created) {
				t.Errorf("%s: %d was stored in the future", when, e.Created)
			}
		}
	}
	soon(s, "while it is open", after) // the others are shifted by who asks
	crashed := openTest(t, options(synced(fs)))
	soon(crashed, "after a crash", before, meanwhile, after)
	closeTest(t, crashed)
	closeTest(t, s)
	s = openTest(t, options(fs))
	soon(s, "after a stop", before, meanwhile, after)
	closeTest(t, s)
}
