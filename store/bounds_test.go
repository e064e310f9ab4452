package store

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
)

func TestMessagesAreRefusedWhenCutsFailForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		o := testOptions(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if full.Load() && op.Kind == errorfs.OpCreate && strings.Contains(op.Path, directory.BlockDir) {
				return syscall.ENOSPC
			}
			return nil
		})))
		o.CutEntries, o.SegmentSize = 10, 1<<20
		s := openTest(t, o)
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		full.Store(true)
		put := func() error {
			w := newWaiter()
			if err := s.Put(record("T", 0, "m"), w, 0); err != nil {
				return err
			}
			s.Kick()
			<-w.done
			synctest.Wait()
			return w.err
		}
		var err error
		taken := 0
		for ; err == nil && taken < 1000; taken++ {
			err = put()
		}
		if limit := maxUncut * o.CutEntries; !errors.Is(err, commitlog.ErrFull) || taken < limit || taken > limit+20 {
			t.Fatalf("after %d messages without a cut: %v, want a refusal after %d", taken, err, limit)
		}
		full.Store(false)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if err := put(); err != nil {
			t.Errorf("after the cut: %v", err)
		}
	})
}

// TestPendingMessagesFitACheckpoint puts delayed messages until no more are taken; plain ones go on, into further segments.
func TestPendingMessagesFitACheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		o.SegmentSize = 64 << 10
		s := openTest(t, o)
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		var err error
		for i := 0; err == nil && i < 5000; i++ {
			w := newWaiter()
			if err = s.PutDelayed(record("T", 0, "m"), 18, w, 0); err == nil {
				s.Kick()
				<-w.done
				err = w.err
			}
		}
		if n := s.Stats().PendingTimers; !errors.Is(err, commitlog.ErrFull) || n != int(o.SegmentSize/delayedRoom) {
			t.Fatalf("with %d pending messages: %v", n, err)
		}
		flood(t, s, 40)
	})
}
