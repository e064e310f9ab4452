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
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// unreadable is a file system on which the commit log's first segment cannot be read while the switch is on.
func unreadable(on *atomic.Bool) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, firstSegmentName) {
			return errors.New("input/output error")
		}
		return nil
	}))
}

const firstSegmentName = "commitlog/00000000000000000000"

// pendingInOldSegments puts n messages that are due in two minutes and buries them under so many others that their
// records are not in memory any more.
func pendingInOldSegments(t *testing.T, s *Store, n int) {
	t.Helper()
	mustTopic(t, s, "T", 1)
	for i := range n {
		putDelayed(t, s, record("T", 0, fmt.Sprint(i)), 6)
	}
	flood(t, s, 200)
}

func checkDeliveredOnce(t *testing.T, s *Store, n int) {
	t.Helper()
	got := strings.Fields(bodies(t, s, message.Queue{Topic: "T"}, 0))
	slices.Sort(got)
	if once := slices.Compact(slices.Clone(got)); len(got) != n || len(once) != n {
		t.Errorf("%d messages were delivered, %d different ones, want %d", len(got), len(once), n)
	}
	if left := s.Stats().PendingTimers; left != 0 {
		t.Errorf("%d entries are still pending", left)
	}
}

func TestReadErrorWhileCarryingForwardLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		s := openTest(t, smallRetention(unreadable(&on)))
		defer closeTest(t, s)
		pendingInOldSegments(t, s, 100)
		on.Store(true)
		start := s.log.Start()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		on.Store(false)
		if s.log.Start() != start {
			t.Fatal("segments went although what is pending in them could not be read")
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		checkDeliveredOnce(t, s, 100)
	})
}

func TestReadErrorWhileDeliveringLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		o := smallRetention(unreadable(&on))
		o.Retention = Retention{}
		s := openTest(t, o)
		defer closeTest(t, s)
		pendingInOldSegments(t, s, 5)
		on.Store(true)
		time.Sleep(125 * time.Second)
		putDelayed(t, s, record("T", 0, "5"), 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		on.Store(false)
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "5" {
			t.Errorf("while older ones cannot be read, %q is delivered, want 5", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		checkDeliveredOnce(t, s, 6)
	})
}

func TestLargeDueMessagesAreDeliveredPieceByPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		o.SegmentSize = 64 << 20
		var largest atomic.Int64
		o.OnArrive = func(as []Arrival) {
			size := int64(0)
			for _, a := range as {
				size += int64(len(a.Record))
			}
			largest.Store(max(largest.Load(), size))
		}
		s := openTest(t, o)
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		body := strings.Repeat("x", 3<<20)
		for range 8 {
			putDelayed(t, s, record("T", 0, body), 3)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := s.MaxOffset(message.Queue{Topic: "T"}); n != 8 {
			t.Fatalf("%d messages are delivered, want 8", n)
		}
		if limit := int64(rePutBytes + 4<<20); largest.Load() > limit {
			t.Errorf("one group of %d bytes was in memory, want at most %d", largest.Load(), limit)
		}
	})
}

// clock is a wall clock that can be set.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

func TestDelaysWhenTheClockJumps(t *testing.T) {
	f := func(name string, run func(t *testing.T, c *clock, s *Store, open func() *Store) *Store) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, fs := &clock{}, vfs.NewMem()
				open := func() *Store {
					o := testOptions(fs)
					o.Now = c.now
					return openTest(t, o)
				}
				s := open()
				mustTopic(t, s, "T", 1)
				s = run(t, c, s, open)
				defer closeTest(t, s)
				time.Sleep(12 * time.Second)
				synctest.Wait()
				if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "late" {
					t.Errorf("%q is delivered, want the one message", got)
				}
			})
		})
	}
	put := func(t *testing.T, s *Store) { putDelayed(t, s, record("T", 0, "late"), 3) } // 10 s
	f("back, before the message", func(t *testing.T, c *clock, s *Store, _ func() *Store) *Store {
		c.set(24 * time.Hour)
		mustTopic(t, s, "U", 1)
		mustPut(t, s, record("U", 0, "")) // the store's time is a day ahead now
		c.set(0)
		put(t, s)
		return s
	})
	f("back, behind the message", func(t *testing.T, c *clock, s *Store, _ func() *Store) *Store {
		c.set(24 * time.Hour)
		put(t, s)
		synctest.Wait() // it is armed by the clock that it was stored by
		c.set(0)
		return s
	})
	f("back, while the store is closed", func(t *testing.T, c *clock, s *Store, open func() *Store) *Store {
		c.set(24 * time.Hour)
		put(t, s)
		closeTest(t, s)
		c.set(0)
		return open()
	})
	f("forth", func(t *testing.T, c *clock, s *Store, _ func() *Store) *Store {
		putDelayed(t, s, record("T", 0, "late"), 18) // 2 h
		time.Sleep(time.Second)
		c.set(24 * time.Hour)
		return s
	})
}

func TestCrashWhileDelayedMessagesAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrashRecorder(3)
		o := smallRetention(c.wrapped())
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		c.record(true)
		for i := range 6 {
			putDelayed(t, s, record("T", 0, fmt.Sprint("late", i)), 5) // 1 min
			flood(t, s, 4)
			if err := s.Cut(context.Background()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(11 * time.Second)
		}
		c.record(false)
		abandon(s)
		c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			got := strings.Fields(bodies(t, s, message.Queue{Topic: "T"}, 0))
			slices.Sort(got)
			if once := slices.Compact(slices.Clone(got)); len(once) != len(got) {
				t.Fatalf("crash at %s: delivered twice: %v", p.what, got)
			}
		})
	})
}

func TestWhatHappensWhileACutIsEncodedCountsOnce(t *testing.T) {
	for _, flush := range []commitlog.FlushMode{commitlog.SyncFlush, commitlog.AsyncFlush} {
		synctest.Test(t, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			o := testOptions(fs)
			o.Flush = flush
			s := openTest(t, o)
			mustTopic(t, s, "T", 1)
			q := message.Queue{Topic: "T"}
			putDelayed(t, s, record("T", 0, "early"), 1)
			putDelayed(t, s, record("T", 0, "late"), 5)
			if err := s.ResetOffset(context.Background(), "g", q, 1); err != nil {
				t.Fatal(err)
			}
			var c *cut
			if err := s.log.Barrier(func(message.LogOffset) { c = s.freeze() }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second) // early is delivered
			putDelayed(t, s, record("T", 0, "new"), 5)
			if err := s.RemoveOffsets(context.Background(), "g", ""); err != nil {
				t.Fatal(err)
			}
			if err := s.ResetOffset(context.Background(), "h", q, 2); err != nil {
				t.Fatal(err)
			}
			if err := s.finishCut(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			after := synced(fs)
			abandon(s)
			o.FS = after
			s = openTest(t, o)
			defer closeTest(t, s)
			if at := message.LogOffset(s.cutAt.Load()); at != c.mark.Applied {
				t.Fatalf("replayed from %d, the cut is at %d", at, c.mark.Applied)
			}
			if n, g, h := s.Stats().PendingTimers, s.Offsets("g"), s.Offsets("h"); n != 2 || len(g) != 0 || h[q] != 2 {
				t.Errorf("%d entries are pending, want 2; offsets of g %v, want none, of h %v, want 2", n, g, h)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			checkDeliveredOnce(t, s, 3)
		})
	}
}
