package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/store/backup"
)

// restore takes a backup of an open store and opens a store on it.
func restore(t *testing.T, s *Store) (*Store, backup.Plan) {
	t.Helper()
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := s.Backup(context.Background(), w)
		sent <- errors.Join(err, w.CloseWithError(err))
	}()
	fs := vfs.NewMem()
	plan, err := backup.Receive(fs, "store", r, nil)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	o := s.opt
	o.FS, o.OnArrive, o.OnTopics, o.Retention = fs, nil, nil, Retention{Age: -1}
	return openTest(t, o), plan
}

// contents is everything that clients can ask of a store, as text; of each queue what lies before to, nil for all.
func contents(t *testing.T, s *Store, to map[message.Queue]message.QueueOffset) string {
	t.Helper()
	var b strings.Builder
	for _, c := range s.Topics() {
		fmt.Fprintf(&b, "%+v\n", c)
		for id := range c.WriteQueues {
			q := message.Queue{Topic: c.Name, ID: message.QueueID(id)}
			end, ok := to[q]
			if !ok {
				end = s.MaxOffset(q)
			}
			fmt.Fprintf(&b, "%v from %d to %d\n", q, s.MinOffset(q), end)
			for off := s.MinOffset(q); off < end; off++ {
				rec, res := s.Get(nil, q, off, 1, 1, nil)
				fmt.Fprintf(&b, "%v %v %x\n", res.Status, res.Err, rec)
			}
		}
	}
	for _, c := range s.Groups() {
		fmt.Fprintf(&b, "%+v %v\n", c, s.Offsets(c.Name))
	}
	fmt.Fprintln(&b, s.Stats().PendingTimers)
	return b.String()
}

func TestBackupHoldsEverything(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	defer closeTest(t, s)
	for _, name := range []string{"A", "B"} {
		mustTopic(t, s, name, 2)
	}
	if err := s.PutGroup(context.Background(), group.Config{Name: "g"}); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		mustPut(t, s, record("A", i%2, fmt.Sprint("m", i, strings.Repeat("x", i*20)), message.PropKeys, fmt.Sprint("k", i)))
	}
	for i := range 5 {
		putDelayed(t, s, record("B", 1, fmt.Sprint("late", i)), 18)
	}
	if err := s.ResetOffset(context.Background(), "g", message.Queue{Topic: "A", ID: 1}, 17); err != nil {
		t.Fatal(err)
	}
	after, plan := restore(t, s)
	if got, want := contents(t, after, nil), contents(t, s, nil); got != want {
		t.Errorf("the copy differs:\n%.2000s\nwant\n%.2000s", got, want)
	}
	if plan.Segments < 3 || plan.Blocks == 0 {
		t.Errorf("the copy has too little in it: %+v", plan)
	}
	if b, n, _, _, err := after.Query(nil, "A", "k150", false, 9, 0, 1<<62); n != 1 || err != nil || len(b) == 0 {
		t.Errorf("a query of the copy finds %d, %v", n, err)
	}
	if a := mustPut(t, after, record("A", 0, "more")); a.QueueOffset != 100 {
		t.Errorf("the copy goes on at %d", a.QueueOffset)
	}
	closeTest(t, after)
	if out, err := verify(after.opt.FS); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// TestBackupUnderLoad copies a store while it is written and while its segments are deleted. The copy is the store at one
// log offset: no queue has a hole, and nothing that was acknowledged before the backup began is missing unless it retired.
func TestBackupUnderLoad(t *testing.T) {
	o := smallRetention(vfs.NewMem())
	o.Retention.Interval = 20 * time.Millisecond
	s := openTest(t, o)
	defer closeTest(t, s)
	mustTopic(t, s, "A", 3)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for q := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					if _, err := s.PutWait(context.Background(), record("A", q, fmt.Sprint(i, strings.Repeat("x", 700)))); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	defer writers.Wait()
	defer close(stop)
	for dropped, start := 0, s.log.Start(); dropped < 3; {
		acked := make(map[message.Queue]message.QueueOffset)
		for q := range message.QueueID(3) {
			acked[message.Queue{Topic: "A", ID: q}] = s.MaxOffset(message.Queue{Topic: "A", ID: q})
		}
		after, _ := restore(t, s)
		for q, next := range acked {
			least, end := after.MinOffset(q), after.MaxOffset(q)
			if end < next {
				t.Errorf("%v ends at %d in the copy, %d were acknowledged", q, end, next)
			}
			for off := least; off < end; off++ {
				rec, res := after.Get(nil, q, off, 1, 1, nil)
				r, err := message.ParseChecked(rec)
				if err != nil || res.Status != Found || !strings.HasPrefix(string(r.Body), fmt.Sprint(off, "x")) {
					t.Fatalf("%v at %d of %d to %d: %v %v, %v", q, off, least, end, res.Status, res.Err, err)
				}
			}
		}
		closeTest(t, after)
		if out, err := verify(after.opt.FS); err != nil {
			t.Fatalf("verify: %v\n%s", err, out)
		}
		if now := s.log.Start(); now > start {
			dropped, start = dropped+1, now
		}
	}
}

// TestTornBackupIsRefused cuts the stream at every 10 KiB: the copy has no name yet, what lies there is refused with the
// words that say why, and the next backup may take its place.
func TestTornBackupIsRefused(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	defer closeTest(t, s)
	mustTopic(t, s, "A", 1)
	for range 20 {
		mustPut(t, s, record("A", 0, strings.Repeat("x", 4000)))
	}
	var stream bytes.Buffer
	if err := s.Backup(context.Background(), &stream); err != nil {
		t.Fatal(err)
	}
	fs := vfs.NewMem()
	for n := 0; n < stream.Len()-2048; n += 10 << 10 {
		if _, err := backup.Receive(fs, "store", bytes.NewReader(stream.Bytes()[:n]), nil); err == nil {
			t.Fatalf("%d of %d bytes make a copy", n, stream.Len())
		}
		if _, err := fs.Stat("store"); err == nil {
			t.Fatalf("after %d of %d bytes the directory has its name", n, stream.Len())
		}
		torn := testOptions(fs)
		torn.Dir = "store.partial"
		if s, err := Open(torn); err == nil || !strings.Contains(err.Error(), "this backup is not complete") {
			t.Fatalf("a torn copy opens as %v, %v", s, err)
		}
	}
	if _, err := backup.Receive(fs, "store", &stream, nil); err != nil {
		t.Fatal(err)
	}
	after := openTest(t, testOptions(fs))
	defer closeTest(t, after)
	if got, want := contents(t, after, nil), contents(t, s, nil); got != want {
		t.Error("the copy differs")
	}
	if _, err := backup.Receive(fs, "store", &stream, nil); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a backup over a store says %v", err)
	}
}

// TestBackupTakesLittleMemory copies 64 MiB on the real disk and looks at what it allocates.
func TestBackupTakesLittleMemory(t *testing.T) {
	o := testOptions(vfs.Default)
	o.Dir, o.SegmentSize = t.TempDir()+"/store", 16<<20
	s := openTest(t, o)
	defer closeTest(t, s)
	mustTopic(t, s, "A", 1)
	for range 64 {
		mustPut(t, s, record("A", 0, strings.Repeat("x", 1<<20)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() { err := s.Backup(context.Background(), w); sent <- errors.Join(err, w.CloseWithError(err)) }()
	plan, err := backup.Receive(vfs.Default, t.TempDir()+"/copy", r, nil)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; plan.Bytes < 64<<20 || n > 16<<20 {
		t.Errorf("a backup of %d bytes allocates %d", plan.Bytes, n)
	}
}
