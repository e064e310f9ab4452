package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/store/directory"
)

func lit(name string) message.Queue { return message.Queue{Topic: message.LMQPrefix + name} }

func litRecord(topic, body string, names ...string) *message.Record {
	for i := range names {
		names[i] = message.LMQPrefix + names[i]
	}
	return record(topic, 0, body, message.PropMultiDispatch, strings.Join(names, ","))
}

// wantLit compares what lies in a light queue, and its bounds.
func wantLit(t *testing.T, s *Store, name, want string, least, next message.QueueOffset) {
	t.Helper()
	if got := bodies(t, s, lit(name), s.MinOffset(lit(name))); got != want {
		t.Errorf("light queue %s holds %q, want %q", name, got, want)
	}
	if l, n := s.MinOffset(lit(name)), s.MaxOffset(lit(name)); l != least || n != next {
		t.Errorf("light queue %s goes from %d to %d, want %d to %d", name, l, n, least, next)
	}
}

// TestLightQueues: one record stands in several queues, under an offset of its own in each, and a restart finds it there, from the
// cache or from the log alone.
func TestLightQueues(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	mustPut(t, s, record("T", 0, "plain"))
	mustPut(t, s, litRecord("T", "one", "a", "b"))
	mustPut(t, s, litRecord("T", "two", "b"))
	a := mustPut(t, s, litRecord("T", "three", "c", "b", "a"))
	r, err := message.ParseRecord(a.Record)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Properties.GetString(message.PropMultiQueueOffset); got != "0,2,1" {
		t.Errorf("offsets in the record: %q", got)
	}
	check := func(s *Store) {
		t.Helper()
		wantLit(t, s, "a", "one three", 0, 2)
		wantLit(t, s, "b", "one two three", 0, 3)
		wantLit(t, s, "c", "three", 0, 1)
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "plain one two three" {
			t.Errorf("the topic holds %q", got)
		}
		if s.Lights() != 3 {
			t.Errorf("%d light queues", s.Lights())
		}
	}
	check(s)
	if err := s.CommitOffset("g", lit("b"), 2); err != nil {
		t.Fatal(err)
	}
	closeTest(t, s)
	s = openTest(t, testOptions(fs))
	check(s)
	if off, ok := s.Offset("g", lit("b")); !ok || off != 2 {
		t.Errorf("offset %d, %v", off, ok)
	}
	closeTest(t, s)
	for _, dir := range []string{directory.CacheDir, directory.BlockDir} {
		if err := fs.RemoveAll("store/" + dir); err != nil {
			t.Fatal(err)
		}
	}
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	check(s)
	mustPut(t, s, litRecord("T", "four", "a"))
	wantLit(t, s, "a", "one three four", 0, 3)
}

// TestLightQueueByProperties: a filter of properties goes on in the light queue where it stopped, whatever the offsets in the topic.
func TestLightQueueByProperties(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustPut(t, s, record("T", 0, "plain"))
	for i := range 5 {
		mustPut(t, s, litRecord("T", fmt.Sprint(i), "a"))
		mustPut(t, s, record("T", 0, "between"))
	}
	all := func(message.Properties) (bool, bool) { return true, true }
	var got []string
	for off := message.QueueOffset(0); off < 5; {
		b, res := s.GetMatching(nil, lit("a"), off, 2, 1<<20, all)
		if res.Status != Found || res.Next <= off {
			t.Fatalf("from %d: %v, next %d", off, res.Status, res.Next)
		}
		for off = res.Next; len(b) > 0; {
			r, err := message.ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			got, b = append(got, string(r.Body)), b[r.Size:]
		}
	}
	if text := strings.Join(got, " "); text != "0 1 2 3 4" {
		t.Errorf("found %s", text)
	}
}

func TestLightQueueGoesAndComesAgain(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	mustPut(t, s, litRecord("T", "one", "a", "b"))
	if err := s.DeleteTopic(t.Context(), lit("a").Topic); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteTopic(t.Context(), lit("none").Topic); !errors.Is(err, ErrNoTopic) {
		t.Errorf("a light queue that nobody began is deleted: %v", err)
	}
	wantLit(t, s, "a", "", 0, 0)
	mustPut(t, s, litRecord("T", "two", "a", "b"))
	mustTopic(t, s, "U", 1)
	check := func() {
		t.Helper()
		wantLit(t, s, "a", "two", 0, 1)
		wantLit(t, s, "b", "one two", 0, 2)
	}
	check()
	abandon(s)
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	check()
	if s.Lights() != 2 {
		t.Errorf("%d light queues", s.Lights())
	}
}

func TestTooManyLightQueues(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.MaxLights = 3
	s := openTest(t, o)
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustPut(t, s, litRecord("T", "x", "a", "b", "c"))
	_, err := s.PutWait(context.Background(), litRecord("T", "y", "a", "d"))
	if !errors.Is(err, ErrTooManyLights) || !strings.Contains(err.Error(), "there are 3, the limit is 3") {
		t.Errorf("%v", err)
	}
	mustPut(t, s, litRecord("T", "z", "c"))
	wantLit(t, s, "a", "x", 0, 1)
	wantLit(t, s, "c", "x z", 0, 2)
}

// TestLightQueuesByOtherWays: delayed messages and half messages go to their light queues when they go to their topic, not before.
func TestLightQueuesByOtherWays(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	mustTopic(t, s, message.TopicHalf, 1)
	w := newWaiter()
	if err := s.PutHalf(litRecord("T", "half", "a"), w, 0); err != nil {
		t.Fatal(err)
	}
	s.Kick()
	<-w.done
	wantLit(t, s, "a", "", 0, 0)
	if _, err := endHalf(s, w.rec.LogOffset, true); err != nil {
		t.Fatal(err)
	}
	wantLit(t, s, "a", "half", 0, 1)
	batch := []message.Record{*litRecord("T", "unit", "a")}
	w = newWaiter()
	if err := s.PutBatch(batch, w, 0); err != nil {
		t.Fatal(err)
	}
	s.Kick()
	<-w.done
	wantLit(t, s, "a", "half", 0, 1)
}

// TestLightNamesAndTopicsTakeTurns: light queues begin while topics are made and deleted; each keeps the id that it was given.
func TestLightNamesAndTopicsTakeTurns(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 {
			mustTopic(t, s, fmt.Sprint("N", i), 1)
			mustPut(t, s, record(fmt.Sprint("N", i), 0, fmt.Sprint("n", i)))
		}
	}()
	const rounds = 200
	for i := range rounds {
		mustPut(t, s, litRecord("T", fmt.Sprint("m", i), fmt.Sprint("l", i), "all"))
	}
	<-done
	check := func() {
		t.Helper()
		for i := range rounds {
			wantLit(t, s, fmt.Sprint("l", i), fmt.Sprint("m", i), 0, 1)
		}
		for i := range 100 {
			if got := bodies(t, s, message.Queue{Topic: fmt.Sprint("N", i)}, 0); got != fmt.Sprint("n", i) {
				t.Errorf("topic N%d holds %q", i, got)
			}
		}
		if n := s.MaxOffset(lit("all")); n != rounds {
			t.Errorf("the queue of all ends at %d", n)
		}
	}
	check()
	closeTest(t, s)
	s = openTest(t, o)
	defer closeTest(t, s)
	check()
}

// TestRetentionOfLightQueues: with the segment goes what it holds of light queues; their numbers go on, also after a restart.
func TestRetentionOfLightQueues(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	o.SegmentSize = 64 << 10
	o.Retention.Size = 128 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	mustPut(t, s, litRecord("T", "old", "gone", "kept"))
	pad := strings.Repeat("x", 4000)
	for i := range 60 {
		mustPut(t, s, litRecord("T", fmt.Sprint(i, pad), "kept"))
	}
	mustRetain(t, s)
	check := func() {
		t.Helper()
		wantLit(t, s, "gone", "", 1, 1)
		least, next := s.MinOffset(lit("kept")), s.MaxOffset(lit("kept"))
		if least < 10 || next != 61 {
			t.Errorf("the queue goes from %d to %d", least, next)
		}
		if got := strings.Fields(bodies(t, s, lit("kept"), least)); len(got) != int(next-least) {
			t.Errorf("%d messages can be read of %d to %d", len(got), least, next)
		}
	}
	check()
	closeTest(t, s)
	s = openTest(t, o)
	defer closeTest(t, s)
	check()
	mustPut(t, s, litRecord("T", "again", "gone"))
	wantLit(t, s, "gone", "again", 1, 2)
}

// TestCrashWithLightQueues: at every write, what was acknowledged stands in its light queues, at the offset that it was told, and nothing else does.
func TestCrashWithLightQueues(t *testing.T) {
	c := newCrashRecorder(3)
	o := testOptions(c.wrapped())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	c.record(true)
	pad := strings.Repeat("x", 1500)
	for i := range 90 {
		c.ack(mustPut(t, s, litRecord("T", fmt.Sprint(i, pad), fmt.Sprint("q", i%7), fmt.Sprint("once", i))))
		if i%20 == 19 {
			ask(t, s)
		}
	}
	c.record(false)
	abandon(s)
	c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
		least := s.MinOffset(message.Queue{Topic: "T"})
		b, res := []byte(nil), GetResult{Status: Found}
		for off := least; res.Status == Found && off < s.MaxOffset(message.Queue{Topic: "T"}); off = res.Next {
			b, res = s.Get(b[:0], message.Queue{Topic: "T"}, off, 1, 1, nil)
			r, err := message.ParseRecord(b)
			if err != nil {
				t.Fatalf("crash at %s: %v", p.what, err)
			}
			for _, place := range light.Places(&r) {
				q := message.Queue{Topic: string(place.Name)}
				there, got := s.Get(nil, q, place.Offset, 1, 1, nil)
				if got.Status != Found || string(there) != string(b) {
					t.Fatalf("crash at %s: message %d does not stand in %s at %d: %v", p.what, off, place.Name, place.Offset, got.Status)
				}
			}
		}
		before := make(map[string]message.QueueOffset)
		for i := range 7 {
			before[fmt.Sprint("q", i)] = s.MaxOffset(lit(fmt.Sprint("q", i)))
		}
		a := mustPut(t, s, litRecord("T", "after", "q0", "new"))
		r, _ := message.ParseRecord(a.Record)
		if want := fmt.Sprintf("%d,0", before["q0"]); r.Properties.GetString(message.PropMultiQueueOffset) != want {
			t.Fatalf("crash at %s: goes on with %q, want %q", p.what, r.Properties.GetString(message.PropMultiQueueOffset), want)
		}
	})
}

// outcomes notes which puts were taken.
type outcomes struct {
	mu    sync.Mutex
	taken map[uint64]bool
}

func (o *outcomes) Committed(token uint64, recs []Appended, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken[token] = err == nil && len(recs) == 1
}

func (o *outcomes) Flush() {}

// TestLightQueuesWhenWritesFail: what a failed write refuses takes no offset and no name with it; what comes behind is numbered as if it had never been.
func TestLightQueuesWhenWritesFail(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		mem := vfs.NewMem()
		var fail atomic.Bool
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileWriteAt && strings.Contains(op.Path, "commitlog") && fail.CompareAndSwap(true, false) {
				return errors.New("the disk refuses")
			}
			return nil
		}))
		o := testOptions(fs)
		o.SegmentSize = 64 << 10
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		said := &outcomes{taken: map[uint64]bool{}}
		want, order := map[string][]string{}, [][]string{}
		refused := 0
		for round := range 60 {
			first := len(order)
			for range 1 + rng.IntN(4) {
				token := uint64(len(order))
				names := []string{fmt.Sprint("l", rng.IntN(8))}
				if other := fmt.Sprint("n", round/3); rng.IntN(2) == 0 {
					names = append(names, other)
				}
				order = append(order, append([]string{fmt.Sprint("m", token)}, names...))
				if err := s.Put(litRecord("T", fmt.Sprint("m", token, strings.Repeat("x", rng.IntN(2000))), names...), said, token); err != nil {
					t.Fatal(err)
				}
			}
			fail.Store(rng.IntN(4) == 0)
			s.Kick()
			if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
				t.Fatal(err)
			}
			fail.Store(false)
			for i, one := range order[first:] {
				if !said.taken[uint64(first+i)] {
					refused++
					continue
				}
				for _, name := range one[1:] {
					name = strings.TrimPrefix(name, message.LMQPrefix)
					want[name] = append(want[name], one[0])
				}
			}
		}
		if refused == 0 {
			t.Errorf("seed %d: nothing was refused", seed)
		}
		check := func(how string) {
			t.Helper()
			for name, bodiesOf := range want {
				var got []string
				for _, b := range strings.Fields(bodies(t, s, lit(name), 0)) {
					got = append(got, strings.TrimRight(b, "x"))
				}
				if !slices.Equal(got, bodiesOf) || int(s.MaxOffset(lit(name))) != len(bodiesOf) {
					t.Fatalf("seed %d, %s: light queue %s holds %v to %d, want %v", seed, how, name, got, s.MaxOffset(lit(name)), bodiesOf)
				}
			}
		}
		check("at once")
		abandon(s)
		o.FS = mem
		s = openTest(t, o)
		check("restarted")
		closeTest(t, s)
	}
}
