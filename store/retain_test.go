package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/cutdb"
)

// retire runs the store's retention until the first segments are gone. It needs a bubble's clock.
func retire(t *testing.T, s *Store) {
	t.Helper()
	before := s.log.Start()
	time.Sleep(11 * time.Second)
	synctest.Wait()
	if s.log.Start() == before {
		t.Fatalf("no segment has gone: the log still begins at %d of %d", before, s.log.Published())
	}
}

func smallRetention(fs vfs.FS) Options {
	o := testOptions(fs)
	o.SegmentSize = 64 << 10
	o.Retention = Retention{Size: 150 << 10}
	return o
}

// flood fills segments with messages of a topic of its own.
func flood(t *testing.T, s *Store, messages int) {
	t.Helper()
	if _, ok := s.Topic("flood"); !ok {
		mustTopic(t, s, "flood", 1)
	}
	for range messages {
		mustPut(t, s, record("flood", 0, strings.Repeat("f", 8000)))
	}
}

func TestQueueGoesOnAfterItsLastMessageHasRetired(t *testing.T) {
	f := func(name string, spoil func(t *testing.T, fs *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := vfs.NewCrashableMem()
				s := openTest(t, smallRetention(fs))
				mustTopic(t, s, "T", 1)
				for i := range 10 {
					mustPut(t, s, record("T", 0, fmt.Sprint("m", i)))
				}
				if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 4); err != nil {
					t.Fatal(err)
				}
				flood(t, s, 40)
				retire(t, s)
				q := message.Queue{Topic: "T"}
				check := func(s *Store) {
					t.Helper()
					if least, next := s.MinOffset(q), s.MaxOffset(q); least != 10 || next != 10 {
						t.Fatalf("the retired queue goes from %d to %d, want 10 to 10", least, next)
					}
					if _, res := s.Get(nil, q, 3, 1, 100, nil); res.Status != OffsetTooSmall || res.Next != 10 {
						t.Errorf("a get at 3 says %v, next %d", res.Status, res.Next)
					}
					if off, _ := s.Offset("g", q); off != 4 {
						t.Errorf("the offset is %d, want 4", off)
					}
				}
				check(s)
				after := synced(fs)
				abandon(s)
				spoil(t, after)
				s = openTest(t, smallRetention(after))
				defer closeTest(t, s)
				check(s)
				if a := mustPut(t, s, record("T", 0, "m10")); a.QueueOffset != 10 {
					t.Errorf("the next message has offset %d, want 10", a.QueueOffset)
				}
			})
		})
	}
	f("with its cache", func(*testing.T, *vfs.MemFS) {})
	f("without", func(t *testing.T, fs *vfs.MemFS) {
		remove(t, fs, "store/cache")
		remove(t, fs, "store/blocks")
	})
}

func TestRetentionChangesWhileTheStoreIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := smallRetention(vfs.NewMem())
		o.Retention.Size = 64 << 20
		s := openTest(t, o)
		defer closeTest(t, s)
		flood(t, s, 50)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if s.log.Start() != 0 {
			t.Fatalf("the log begins at %d though there is room", s.log.Start())
		}
		if err := s.SetRetention(Retention{MaxUsedRatio: 0.99}); err == nil || !strings.Contains(err.Error(), "must rise") {
			t.Error(err)
		}
		if err := s.SetRetention(Retention{Size: 150 << 10}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it looks at once
		if s.log.Start() == 0 {
			t.Error("nothing has gone")
		}
	})
}

func TestPendingMessagesAreCarriedForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrashRecorder(2)
		o := smallRetention(c.wrapped())
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		for i := range 3 {
			putDelayed(t, s, record("T", 0, fmt.Sprint("late", i)), 18) // 2 h
		}
		flood(t, s, 40)
		c.record(true)
		retire(t, s)
		c.record(false)
		if n := s.Stats().PendingTimers; n != 3 {
			t.Fatalf("%d entries are pending after the carrying forward, want 3", n)
		}
		flood(t, s, 20)
		retire(t, s) // once more: the handles stay
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "late0 late1 late2" {
			t.Errorf("delivered %q, want each once and in order", got)
		}
		abandon(s)
		c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "late0 late1 late2" {
				t.Fatalf("crash at %s: delivered %q, want each once and in order", p.what, got)
			}
		})
	})
}

func TestCrashWhileDelivering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrashRecorder(1)
		o := testOptions(c.wrapped())
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		for i := range 5 {
			putDelayed(t, s, record("T", 0, fmt.Sprint("late", i)), 1)
			time.Sleep(10 * time.Millisecond)
		}
		ask(t, s)
		c.record(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		ask(t, s)
		c.record(false)
		abandon(s)
		c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "late0 late1 late2 late3 late4" {
				t.Fatalf("crash at %s: delivered %q, want each once and in order", p.what, got)
			}
		})
	})
}

func TestFullDiskRefusesAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		s := openTest(t, testOptions(fs))
		defer func() { closeTest(t, s) }()
		mustTopic(t, s, "T", 1)
		mustPut(t, s, record("T", 0, "m0"))
		fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, UsedBytes: 950 << 20, AvailBytes: 50 << 20})
		time.Sleep(11 * time.Second)
		_, err := s.PutWait(context.Background(), record("T", 0, "m1"))
		var full *FullError
		if !errors.As(err, &full) || full.Free != 50<<20 || full.Used != 950<<20 || !strings.Contains(err.Error(), "90.0 %") {
			t.Fatalf("a put on a full disk says %v", err)
		}
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "m0" {
			t.Errorf("reads give %q", got)
		}
		if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 1); err != nil {
			t.Errorf("offsets are refused: %v", err)
		}
		closeTest(t, s)
		s = openTest(t, testOptions(fs))
		if err := s.Put(record("T", 0, "m1"), nobody{}, 0); !errors.As(err, &full) {
			t.Errorf("right after a start on a full disk a put says %v", err)
		}
		fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, UsedBytes: 100 << 20, AvailBytes: 900 << 20})
		time.Sleep(11 * time.Second)
		mustPut(t, s, record("T", 0, "m1"))
	})
}

// Segments go, and make room, though the database cannot write that their index blocks have gone; the next start finds it out.
func TestSegmentsGoOnAFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	var broken atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	}))
	o := smallRetention(fs)
	o.Retention = Retention{Age: -1}
	s := openTest(t, o)
	flood(t, s, 40)
	ask(t, s)
	segments := s.log.Segments()
	broken.Store(true)
	if err := s.dropBefore(context.Background(), segments[2].Base); err != nil {
		t.Fatal(err)
	}
	if s.log.Start() != segments[2].Base {
		t.Errorf("the log begins at %d, want %d", s.log.Start(), segments[2].Base)
	}
	least := s.MinOffset(message.Queue{Topic: "flood"})
	abandon(s)
	broken.Store(false)
	s = openTest(t, o)
	defer closeTest(t, s)
	if got, next := s.MinOffset(message.Queue{Topic: "flood"}), s.MaxOffset(message.Queue{Topic: "flood"}); got != least || next != 40 {
		t.Errorf("after the start the queue has [%d,%d), want [%d,40)", got, next, least)
	}
}

func TestCutsOutliveAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		var broken atomic.Bool
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".sst") {
				return syscall.ENOSPC
			}
			return nil
		}))
		s := openTest(t, testOptions(fs))
		mustTopic(t, s, "T", 1)
		broken.Store(true)
		for range 10 {
			mustPut(t, s, record("T", 0, "m"))
			if err := s.Cut(context.Background()); !errors.Is(err, cutdb.ErrFlush) {
				t.Fatalf("a cut on a full disk says %v", err)
			}
		}
		broken.Store(false)
		time.Sleep(time.Second)
		ask(t, s)
		if s.Stats().Cut != s.Stats().LogEnd {
			t.Errorf("the cut is at %d, the log ends at %d", s.Stats().Cut, s.Stats().LogEnd)
		}
		mem.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, UsedBytes: 999 << 20, AvailBytes: 1 << 20})
		mustPut(t, s, record("T", 0, "m"))
		var full *FullError
		if err := s.Cut(context.Background()); !errors.As(err, &full) {
			t.Errorf("a cut without room says %v", err)
		}
		closeTest(t, s)
		s = openTest(t, testOptions(mem))
		defer closeTest(t, s)
		if n := s.MaxOffset(message.Queue{Topic: "T"}); n != 11 {
			t.Errorf("after a stop without room there are %d messages, want 11", n)
		}
	})
}
