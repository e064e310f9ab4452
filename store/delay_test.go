package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

func putDelayed(t testing.TB, s *Store, r *message.Record, level int) Appended {
	t.Helper()
	w := newWaiter()
	if err := s.PutDelayed(r, level, w, 0); err != nil {
		t.Fatalf("put delayed: %v", err)
	}
	s.Kick()
	a, err := w.wait(context.Background())
	if err != nil {
		t.Fatalf("put delayed: %v", err)
	}
	return a
}

func TestDelayedMessageArrivesWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 2)
		r := record("T", 1, "late", message.PropTags, "a", message.PropDelay, "3")
		created := putDelayed(t, s, r, 3) // 10 s
		q := message.Queue{Topic: "T", ID: 1}
		time.Sleep(9900 * time.Millisecond)
		synctest.Wait()
		if got := bodies(t, s, q, 0); got != "" {
			t.Fatalf("the message is there before its time: %q", got)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		b, res := s.Get(nil, q, 0, 32, 1<<20, nil)
		if res.Status != Found || res.Count != 1 {
			t.Fatalf("got %v with %d messages, want one", res.Status, res.Count)
		}
		got, err := message.ParseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if level := got.Properties.GetString(message.PropDelay); level != "3" {
			t.Errorf("DELAY is %q", level)
		}
		if real := got.Properties.GetString(message.PropRealTopic); real != "T" {
			t.Errorf("REAL_TOPIC is %q", real)
		}
		if got.PreparedOffset != created.LogOffset {
			t.Errorf("field 14 is %d, want the handle %d", got.PreparedOffset, created.LogOffset)
		}
		if n := s.Stats().PendingTimers; n != 0 {
			t.Errorf("%d entries are pending after the delivery", n)
		}
	})
}

func TestDelayLevelIsClamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		o.DelayLevels = []time.Duration{time.Second, time.Minute}
		s := openTest(t, o)
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		putDelayed(t, s, record("T", 0, "x"), 99)
		q := message.Queue{Topic: message.TopicSchedule, ID: 1}
		if got := bodies(t, s, q, 0); got != "x" {
			t.Errorf("the highest level's queue holds %q", got)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "x" {
			t.Errorf("the topic holds %q", got)
		}
	})
}

func TestDueMessageOfADeletedTopicIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "%RETRY%g", 1)
		putDelayed(t, s, record("%RETRY%g", 0, "again"), 1)
		if err := s.DeleteTopic(context.Background(), "%RETRY%g"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "%RETRY%g"}, 0); got != "again" {
			t.Errorf("the retry topic holds %q", got)
		}
	})
}
