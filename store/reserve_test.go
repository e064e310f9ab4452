package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// keptTopic makes a topic of two queues with attributes, "name=value name=value".
func keptTopic(t *testing.T, s *Store, name, attributes string) {
	t.Helper()
	c := topic.Config{Name: name, ReadQueues: 2, WriteQueues: 2, Perm: 6, Attributes: map[string]string{}}
	for _, pair := range strings.Fields(attributes) {
		k, v, _ := strings.Cut(pair, "=")
		c.Attributes[k] = v
	}
	if err := s.PutTopic(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// mustRetain has the keeper look, and waits for it: what is asked of it next comes after the look.
func mustRetain(t *testing.T, s *Store) {
	t.Helper()
	s.DeleteExpired()
	for len(s.retainDue) > 0 {
		ask(t, s)
	}
	ask(t, s)
}

// movingClock is a clock that tests move.
type movingClock struct{ millis atomic.Int64 }

func newMovingClock() *movingClock {
	c := &movingClock{}
	c.millis.Store(1_700_000_000_000)
	return c
}

func (c *movingClock) passes(d time.Duration) { c.millis.Add(d.Milliseconds()) }

func (c *movingClock) options(fs vfs.FS) Options {
	o := testOptions(fs)
	o.Now = func() time.Time { return time.UnixMilli(c.millis.Load()) }
	return o
}

// TestRetentionByAgeOfTopic: the topic's old messages are gone, in each queue, another topic's are not, and so it stays after restarts with and without
// the cache, and after a crash.
func TestRetentionByAgeOfTopic(t *testing.T) {
	clock, fs := newMovingClock(), vfs.NewCrashableMem()
	o := clock.options(fs)
	s := openTest(t, o)
	keptTopic(t, s, "short", "reserve.time.ms=60000")
	keptTopic(t, s, "long", "")
	for i := range 10 {
		for q := range 2 {
			mustPut(t, s, record("short", q, fmt.Sprintf("s%d%d", q, i)))
		}
		mustPut(t, s, record("long", 0, fmt.Sprint("l", i)))
		clock.passes(10 * time.Second)
	}
	mustRetain(t, s)
	check := func(s *Store, how string) {
		t.Helper()
		for q, want := range []string{"s04 s05 s06 s07 s08 s09", "s14 s15 s16 s17 s18 s19"} {
			on := message.Queue{Topic: "short", ID: message.QueueID(q)}
			if least := s.MinOffset(on); least != 4 {
				t.Errorf("%s: queue %d begins at %d", how, q, least)
			}
			if got := bodies(t, s, on, s.MinOffset(on)); got != want {
				t.Errorf("%s: queue %d holds %q", how, q, got)
			}
			if _, res := s.Get(nil, on, 0, 32, 1<<20, nil); res.Status != OffsetTooSmall || res.Next != 4 {
				t.Errorf("%s: from 0: %v, next %d", how, res.Status, res.Next)
			}
		}
		if n := s.MinOffset(message.Queue{Topic: "long"}); n != 0 {
			t.Errorf("%s: the other topic begins at %d", how, n)
		}
	}
	check(s, "at once")
	crashed := synced(fs)
	closeTest(t, s)
	s = openTest(t, o)
	check(s, "restarted")
	closeTest(t, s)
	for _, dir := range []string{directory.CacheDir, directory.BlockDir} {
		if err := fs.RemoveAll("store/" + dir); err != nil {
			t.Fatal(err)
		}
	}
	s = openTest(t, o)
	check(s, "without the cache")
	mustPut(t, s, record("short", 0, "new"))
	if n := s.MaxOffset(message.Queue{Topic: "short"}); n != 11 {
		t.Errorf("the queue goes on at %d", n-1)
	}
	clock.passes(time.Hour)
	mustRetain(t, s)
	if least, next := s.MinOffset(message.Queue{Topic: "short"}), s.MaxOffset(message.Queue{Topic: "short"}); least != 11 || next != 11 {
		t.Errorf("an hour later the queue goes from %d to %d", least, next)
	}
	closeTest(t, s)
	o.FS = crashed
	s = openTest(t, o)
	defer closeTest(t, s)
	check(s, "after a power cut")
}

// TestRetentionByBytesOfTopic: of all queues together not much less than the limit is kept, and not more.
func TestRetentionByBytesOfTopic(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	s := openTest(t, o)
	const limit = 64 << 10
	keptTopic(t, s, "small", fmt.Sprint("reserve.bytes=", limit))
	keptTopic(t, s, "other", "")
	pad := strings.Repeat("x", 1000)
	size := func() (bytes, count int) {
		for q := range message.QueueID(2) {
			on := message.Queue{Topic: "small", ID: q}
			for off := s.MinOffset(on); ; {
				b, res := s.Get(nil, on, off, 32, 1<<20, nil)
				if res.Status != Found {
					break
				}
				bytes, count, off = bytes+len(b), count+res.Count, res.Next
			}
		}
		return bytes, count
	}
	for round := range 5 {
		for i := range 150 {
			mustPut(t, s, record("small", i%3/2, pad))
			mustPut(t, s, record("other", 0, pad))
		}
		mustRetain(t, s)
		bytes, count := size()
		if bytes > limit || bytes < limit*9/10 {
			t.Errorf("round %d: %d bytes are kept in %d messages, the limit is %d", round, bytes, count, limit)
		}
		if round == 2 {
			closeTest(t, s)
			s = openTest(t, o)
			if again, _ := size(); again != bytes {
				t.Errorf("a restart keeps %d bytes of %d", again, bytes)
			}
		}
	}
	if n := s.MinOffset(message.Queue{Topic: "other"}); n != 0 {
		t.Errorf("the other topic begins at %d", n)
	}
	closeTest(t, s)
}

// TestRetentionFollowsTheAttributes: it begins when the attribute comes, also before the first message, and ends when it goes.
func TestRetentionFollowsTheAttributes(t *testing.T) {
	clock := newMovingClock()
	s := openTest(t, clock.options(vfs.NewMem()))
	defer closeTest(t, s)
	keptTopic(t, s, "T", "reserve.time.ms=1000")
	mustRetain(t, s) // it knows the topic now, which has no queues
	q := message.Queue{Topic: "T"}
	put := func() {
		mustPut(t, s, record("T", 0, "x"))
		clock.passes(2 * time.Second)
		mustRetain(t, s)
	}
	put()
	if n := s.MinOffset(q); n != 1 {
		t.Errorf("begins at %d", n)
	}
	keptTopic(t, s, "T", "reserve.time=1")
	put()
	if n := s.MinOffset(q); n != 1 {
		t.Errorf("with an hour it begins at %d", n)
	}
	keptTopic(t, s, "T", "reserve.time.ms=1000")
	put()
	if n := s.MinOffset(q); n != 3 {
		t.Errorf("with a second again it begins at %d", n)
	}
	if err := s.DeleteTopic(t.Context(), "T"); err != nil {
		t.Fatal(err)
	}
	mustRetain(t, s)
	keptTopic(t, s, "T", "reserve.time.ms=1000")
	mustPut(t, s, record("T", 0, "y"))
	mustRetain(t, s)
	if got := bodies(t, s, q, 0); got != "y" {
		t.Errorf("made again it holds %q", got)
	}
}

// TestCrashWithRetentionOfTopics: at every write the minimum is what it was or what was about to be, never below what was told, and what lies above
// can be read.
func TestCrashWithRetentionOfTopics(t *testing.T) {
	clock, c := newMovingClock(), newCrashRecorder(2)
	o := clock.options(c.wrapped())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	keptTopic(t, s, "T", "reserve.time.ms=20000")
	c.record(true)
	pad := strings.Repeat("x", 1500)
	type told struct {
		acked int
		least message.QueueOffset
	}
	var tellings []told
	for i := range 80 {
		c.ack(mustPut(t, s, record("T", i%2, fmt.Sprint(i, pad))))
		clock.passes(time.Second)
		if i%15 == 14 {
			mustRetain(t, s)
			tellings = append(tellings, told{i + 1, s.MinOffset(message.Queue{Topic: "T"})})
		}
		if i%40 == 39 {
			ask(t, s)
		}
	}
	c.record(false)
	least := s.MinOffset(message.Queue{Topic: "T"})
	abandon(s)
	c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
		for id := range message.QueueID(2) {
			q := message.Queue{Topic: "T", ID: id}
			from, next := s.MinOffset(q), s.MaxOffset(q)
			if from > least {
				t.Fatalf("crash at %s: the queue begins at %d, it was never told more than %d", p.what, from, least)
			}
			for _, one := range tellings {
				if id == 0 && p.acked > one.acked && from < one.least {
					t.Fatalf("crash at %s: the queue begins at %d, it was told %d", p.what, from, one.least)
				}
			}
			if n := len(strings.Fields(bodies(t, s, q, from))); n != int(next-from) {
				t.Fatalf("crash at %s: %d messages of %d to %d", p.what, n, from, next)
			}
		}
		mustRetain(t, s)
	})
}

// TestTopicsAreKeptNoLongerThanTheStore: what a topic asks for keeps no segment. Its messages go with the segment, by the store's age and by its size, however
// long and however much it asks for; of what asks for less the minimum moves before, and the disk is freed no sooner.
func TestTopicsAreKeptNoLongerThanTheStore(t *testing.T) {
	asks := map[string]string{"more": "reserve.time=1000000 reserve.bytes=1000000000000", "plain": "", "brief": "reserve.time.ms=1000", "small": "reserve.bytes=1"}
	f := func(name string, rules Retention, goes func(t *testing.T, s *Store)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := smallRetention(vfs.NewMem())
				o.Retention = rules
				s := openTest(t, o)
				for name, attributes := range asks {
					keptTopic(t, s, name, attributes)
					for i := range 5 {
						mustPut(t, s, record(name, 0, fmt.Sprint(i)))
					}
				}
				flood(t, s, 18) // the segment in which all of these lie is sealed
				first := logFiles(t, o.FS)[0]
				check := func(when string, want map[string]message.QueueOffset) {
					t.Helper()
					for name := range asks {
						q := message.Queue{Topic: name}
						if least := s.MinOffset(q); least != want[name] {
							t.Errorf("%s: %s begins at %d, want %d", when, name, least, want[name])
						}
						if got, left := bodies(t, s, q, want[name]), "0 1 2 3 4"[min(2*want[name], 9):]; got != left {
							t.Errorf("%s: %s holds %q, want %q", when, name, got, left)
						}
					}
				}
				time.Sleep(2 * time.Second)
				mustRetain(t, s)
				check("in the segment", map[string]message.QueueOffset{"brief": 5, "small": 4})
				if now := logFiles(t, o.FS)[0]; now != first || s.log.Start() != 0 {
					t.Errorf("the disk is freed before the store's time: the log begins at %d, its first segment is %s, was %s", s.log.Start(), now, first)
				}
				goes(t, s)
				gone := map[string]message.QueueOffset{"more": 5, "plain": 5, "brief": 5, "small": 5}
				check("behind it", gone)
				if slices.Contains(logFiles(t, o.FS), first) {
					t.Errorf("the segment %s has not gone", first)
				}
				closeTest(t, s)
				s = openTest(t, o)
				defer closeTest(t, s)
				check("after a restart", gone)
			})
		})
	}
	f("age", Retention{Age: 10 * time.Minute}, func(t *testing.T, s *Store) {
		time.Sleep(11 * time.Minute)
		mustRetain(t, s)
	})
	f("size", Retention{Age: -1, Size: 300 << 10}, func(t *testing.T, s *Store) {
		flood(t, s, 40)
		mustRetain(t, s)
	})
}

// logFiles lists the log's segments on the disk, the oldest first.
func logFiles(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("store/" + directory.LogDir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
