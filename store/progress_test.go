package store

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/timer"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 4)
		mustTopic(t, s, "U", 1)
		mustGroup(t, s, "g")
		for _, q := range []int{0, 0, 0, 2, 3} {
			mustPut(t, s, record("T", q, "x"))
		}
		for range 3 {
			mustPut(t, s, record("U", 0, "x"))
		}
		if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 1); err != nil {
			t.Fatal(err)
		}
		f := func(group, topic string, queues int32, want string) {
			t.Helper()
			got := ""
			for _, p := range s.Progress(nil, group, topic, queues) {
				got += fmt.Sprintf("%d:%v %d %d %d %d  ", p.Queue, p.Known, p.Committed, p.Read, p.End, p.InFlight)
			}
			if got != want {
				t.Errorf("%s in %s: %q, want %q", group, topic, got, want)
			}
		}
		f("g", "T", 4, "0:true 1 1 3 0  2:false 0 0 1 0  3:false 0 0 1 0  ")
		f("g", "T", 3, "0:true 1 1 3 0  2:false 0 0 1 0  ")
		f("nobody", "T", 1, "0:false 0 0 3 0  ")
		f("g", "nothing", 1, "")
		time.Sleep(2 * time.Second) // the offset is in the log
		synctest.Wait()
		f("g", "T", 1, "0:true 1 1 3 0  ")
		popAll(t, s, message.Queue{Topic: "U"}, pop.Request{}, 60_000)
		f("g", "U", 1, "0:true 0 3 3 3  ")
	})
}

func TestTimersAreCounted(t *testing.T) {
	inTimers(t, usual, func(t *testing.T, s *Store) {
		for i, after := range []time.Duration{time.Second, 30 * time.Second, 40 * time.Second, time.Hour} {
			putTimed(t, s, "x", fmt.Sprint(i), time.Now().Add(after))
		}
		count := func() string {
			due := 0
			s.EachTimer(func(timer.Entry) { due++ })
			n := s.TimerTraffic()[0]
			return fmt.Sprint(due, " ", n.Topic, " ", n.Waiting, " ", n.Delivered)
		}
		if got := count(); got != "4 T 4 0" {
			t.Errorf("got %s", got)
		}
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if got := count(); got != "2 T 4 2" {
			t.Errorf("got %s", got)
		}
		if err := withdraw(s, "3", time.Now().Add(time.Hour-35*time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := s.TimerTraffic(); !slices.Equal(got, s.TimerTraffic()) || got[0].Delivered != 2 {
			t.Errorf("what was taken back counts as delivered: %v", got)
		}
	})
}
