package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
)

// A timer whose cancel the log has refused is delivered, though who asked for it has gone before that.
func TestRefusedCancelOfOneWhoHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if full.Load() && op.Kind == errorfs.OpFileWriteAt && strings.HasSuffix(op.Path, firstSegmentName) {
				return syscall.ENOSPC
			}
			return nil
		}))
		s := openTest(t, testOptions(fs))
		mustTopic(t, s, "T", 1)
		w := newWaiter()
		if err := s.PutTimed(record("T", 0, "m"), s.nowMillis()+5000, w, 0); err != nil {
			t.Fatal(err)
		}
		s.Kick()
		a, err := w.wait(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		ctx, hangUp := context.WithCancel(context.Background())
		hangUp()
		if _, err := s.CancelTimer(ctx, a.LogOffset); err == nil {
			t.Error("a cancel on a full disk succeeds")
		}
		synctest.Wait()
		full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "m" {
			t.Errorf("delivered %q; pending %d", got, s.timers.Len())
		}
		closeTest(t, s)
	})
}

// What waits grows until it is delivered: what could not be written then is refused at once, and all else is delivered.
func TestPropertiesOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		mustTopic(t, s, "T", 1)
		accepted := 0
		for size := 32_000; size < message.MaxPropertiesSize; size += 10 {
			r := record("T", 0, "m")
			r.Properties = message.AppendProperty(r.Properties, "x", strings.Repeat("x", size))
			var err error
			w := newWaiter()
			if accepted%2 == 0 {
				err = s.PutTimed(r, s.nowMillis()+2000, w, 0)
			} else {
				err = s.PutDelayed(r, 1, w, 0)
			}
			if errors.Is(err, message.ErrTooBig) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Kick()
			if _, err := w.wait(context.Background()); err != nil {
				t.Fatal(err)
			}
			accepted++
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := int(s.MaxOffset(message.Queue{Topic: "T"})); got != accepted || accepted < 10 {
			t.Errorf("%d messages are delivered of %d accepted", got, accepted)
		}
		closeTest(t, s)
	})
}
