package store

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/directory"
)

func TestNewOwnerIsWrittenBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		busy := make(chan struct{}, 1) // whoever syncs the log must get it
		o := testOptions(errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && strings.Contains(op.Path, directory.LogDir) {
				busy <- struct{}{}
				<-busy
			}
			return nil
		})))
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		busy <- struct{}{}
		w := newWaiter()
		if err := s.Put(record("T", 0, "m"), w, 0); err != nil {
			t.Fatal(err)
		}
		go s.Kick()
		synctest.Wait() // the message's group is on its way to the disk now
		answered := make(chan []message.Queue, 1)
		go func() { answered <- s.Lock("g", "a", []message.Queue{{Topic: "T"}}) }()
		synctest.Wait()
		if len(answered) > 0 {
			t.Error("the owner is told of a lock that is not in the log yet")
		}
		<-busy
		if held := <-answered; len(held) != 1 {
			t.Fatalf("a holds %v", held)
		}
		after := openTest(t, testOptions(synced(fs)))
		if held := after.Lock("g", "b", []message.Queue{{Topic: "T"}}); len(held) != 0 {
			t.Errorf("after a crash b gets %v, which a was told to hold", held)
		}
		closeTest(t, after)
		if _, err := w.wait(context.Background()); err != nil {
			t.Error(err)
		}
		closeTest(t, s)
	})
}
