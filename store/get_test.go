package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func TestGetStatuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, smallRetention(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 3)
		for range 3 {
			mustPut(t, s, record("T", 0, "old", message.PropTags, "a"))
		}
		flood(t, s, 40)
		retire(t, s)
		for range 4 {
			mustPut(t, s, record("T", 0, "new", message.PropTags, "a"))
		}
		none := func(int64) bool { return false }
		f := func(topic string, queue, from int, match func(int64) bool, status GetStatus, next int) {
			t.Helper()
			_, res := s.Get(nil, message.Queue{Topic: topic, ID: message.QueueID(queue)}, message.QueueOffset(from), 32, 1<<20, match)
			if res.Err != nil || res.Status != status || int(res.Next) != next {
				t.Errorf("get %s queue %d from %d: %v, next %d, %v; want %v, next %d", topic, queue, from, res.Status, res.Next, res.Err, status, next)
			}
		}
		f("T", 0, 3, nil, Found, 7)
		f("T", 0, 5, nil, Found, 7)
		f("T", 0, 3, none, NoMatchedMessage, 7)
		f("T", 0, 7, nil, OffsetOverflowOne, 7)
		f("T", 0, 8, nil, OffsetOverflowBadly, 7)
		f("T", 0, 2, nil, OffsetTooSmall, 3)
		f("T", 0, -1, nil, OffsetTooSmall, 3)
		f("T", 1, 0, nil, NoMessageInQueue, 0)
		f("T", 1, 5, nil, NoMessageInQueue, 0)
		f("T", 99, 0, nil, NoMessageInQueue, 0)
		f("T", -1, 0, nil, NoMessageInQueue, 0)
		f("none", 0, 0, nil, NoMatchedLogicQueue, 0)
	})
}

func TestGetLimits(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	var size int
	for i := range 1000 {
		tag := "a"
		if i == 900 {
			tag = "b"
		}
		size = len(mustPut(t, s, record("T", 0, "0123456789", message.PropTags, tag)).Record)
	}
	q := message.Queue{Topic: "T"}
	onlyB := func(code int64) bool { return code == message.TagsCode([]byte("b")) }
	f := func(from, count, bytes int, match func(int64) bool, status GetStatus, n, next int) {
		t.Helper()
		b, res := s.Get([]byte("before"), q, message.QueueOffset(from), count, bytes, match)
		if res.Status != status || res.Count != n || int(res.Next) != next || len(b) != 6+n*size || string(b[:6]) != "before" {
			t.Errorf("get from %d, %d messages, %d bytes: %v, %d messages in %d bytes, next %d; want %v, %d, next %d",
				from, count, bytes, res.Status, res.Count, len(b), res.Next, status, n, next)
		}
	}
	f(0, 32, 1<<20, nil, Found, 32, 32)
	f(0, 32, 5*size, nil, Found, 5, 5)
	f(0, 32, 6*size-1, nil, Found, 5, 5)
	f(10, 32, 1, nil, Found, 1, 11) // always at least one
	f(990, 32, 1<<20, nil, Found, 10, 1000)
	f(0, 32, 1<<20, onlyB, NoMatchedMessage, 0, 800) // 800 entries a call
	f(800, 32, 1<<20, onlyB, Found, 1, 1000)
	f(0, 950, 1<<20, onlyB, Found, 1, 950)
}

func TestBatchAndArrivals(t *testing.T) {
	var told []string
	o := testOptions(vfs.NewMem())
	o.OnArrive = func(as []Arrival) {
		for _, a := range as {
			told = append(told, fmt.Sprint(a.Topic, a.Queue, "@", a.QueueOffset, " ", a.TagsCode))
		}
	}
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	rs := []message.Record{*record("T", 0, "a", message.PropTags, "x"), *record("T", 0, "b"), *record("T", 0, "c")}
	w := newWaiter()
	if err := s.PutBatch(rs, w, 0); err != nil {
		t.Fatal(err)
	}
	s.Kick()
	if _, err := w.wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "a b c" {
		t.Errorf("the queue holds %q", got)
	}
	rs[1].QueueID = 1
	if err := s.PutBatch(rs, w, 0); err == nil {
		t.Error("a batch for two queues is taken")
	}
	closeTest(t, s)
	if got, want := fmt.Sprint(told), fmt.Sprint([]string{"T0@0 120", "T0@1 0", "T0@2 0"}); got != want {
		t.Errorf("arrivals are %s, want %s", got, want)
	}
}

func TestWhatWaitsArrivesForWhoAsks(t *testing.T) {
	for _, tell := range []bool{false, true} {
		var told []string
		o := testOptions(vfs.NewMem())
		o.TellWaiting = tell
		o.OnArrive = func(as []Arrival) {
			for _, a := range as {
				told = append(told, fmt.Sprint(a.Topic, " ", a.Waits, " ", a.StoreTime > 0))
			}
		}
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		mustTopic(t, s, message.TopicSchedule, 18)
		mustPut(t, s, record("T", 0, "a"))
		w := newWaiter()
		if err := s.PutDelayed(record("T", 0, "b"), 18, w, 0); err != nil {
			t.Fatal(err)
		}
		s.Kick()
		if _, err := w.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
		closeTest(t, s)
		want := []string{"T false true"}
		if tell {
			want = append(want, message.TopicSchedule+" true true")
		}
		if fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("arrivals are %q, want %q", told, want)
		}
	}
}

func TestQueryComparesRealKeys(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustTopic(t, s, "U", 1)
	mustPut(t, s, record("T", 0, "1", message.PropKeys, "k1 k2", message.PropUniqueKey, "u1"))
	mustPut(t, s, record("T", 0, "2", message.PropKeys, "k2  k3"))
	mustPut(t, s, record("U", 0, "3", message.PropKeys, "k2"))
	ask(t, s)
	last := mustPut(t, s, record("T", 0, "4", message.PropKeys, "k2"))
	f := func(topic, key string, unique bool, max int, from, to message.StoreTime, want string) {
		t.Helper()
		b, n, _, end, err := s.Query(nil, topic, key, unique, max, from, to)
		if err != nil {
			t.Fatalf("query %s %s: %v", topic, key, err)
		}
		got := ""
		for len(b) > 0 {
			r, err := message.ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			got += string(r.Body)
			b = b[r.Size:]
		}
		if got != want || n != len(want) || end <= last.LogOffset {
			t.Errorf("query %s for %s found %q (%d, log end %d), want %q", topic, key, got, n, end, want)
		}
	}
	const ever = message.StoreTime(1 << 60)
	f("T", "k2", false, 10, 0, ever, "421")
	f("T", "k2", false, 2, 0, ever, "42")
	f("T", "k3", false, 10, 0, ever, "2")
	f("U", "k2", false, 10, 0, ever, "3")
	f("T", "u1", true, 10, 0, ever, "1")
	f("T", "k2", true, 10, 0, ever, "")
	f("T", "k2", false, 10, 0, 5, "")
	f("T", "", false, 10, 0, ever, "")
	f("T", "k2", false, 0, 0, ever, "")
}

func TestViewTakesOnlyWholeRecords(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	a := mustPut(t, s, record("T", 0, "hello"))
	if b, err := s.View(nil, a.LogOffset); err != nil || string(b) != string(a.Record) {
		t.Errorf("view gives %d bytes, %v", len(b), err)
	}
	for _, at := range []message.LogOffset{a.LogOffset + 1, a.LogOffset - 1, 1 << 40, -1, 0 /* state */} {
		if _, err := s.View(nil, at); err == nil {
			t.Errorf("view at %d finds a message", at)
		}
	}
	for _, at := range []message.LogOffset{-1, math.MinInt64, 1 << 40, math.MaxInt64 - 8, math.MaxInt64 - 7, math.MaxInt64} {
		if _, err := s.View(nil, at); !errors.Is(err, commitlog.ErrRange) {
			t.Errorf("View(%d): %v, want ErrRange", at, err)
		}
	}
	if _, err := s.View(nil, 1<<40); !errors.Is(err, commitlog.ErrRange) {
		t.Errorf("view beyond the end says %v", err)
	}
}

func TestOffsetsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 2)
		begin := message.StoreTime(time.Now().UnixMilli())
		for range 5 {
			mustPut(t, s, record("T", 0, "m"))
			time.Sleep(time.Second)
		}
		q := message.Queue{Topic: "T"}
		f := func(at message.StoreTime, upper bool, want message.QueueOffset) {
			t.Helper()
			if got, err := s.OffsetByTime(q, begin+at, upper); err != nil || got != want {
				t.Errorf("offset at %d ms, upper %v, is %d, %v; want %d", at, upper, got, err, want)
			}
		}
		f(-5, false, 0)
		f(2000, false, 2)
		f(2001, false, 3)
		f(2001, true, 2)
		f(9000, false, 5)
		if at, ok := s.StoreTimeAt(q, 3); !ok || at != begin+3000 {
			t.Errorf("message 3 was stored at %d %v", at-begin, ok)
		}
		if _, ok := s.StoreTimeAt(q, 5); ok {
			t.Error("a message that is not there has a store time")
		}
		if _, err := s.OffsetByTime(message.Queue{Topic: "none"}, 0, false); !errors.Is(err, ErrNoTopic) {
			t.Errorf("a missing topic says %v", err)
		}
	})
}
