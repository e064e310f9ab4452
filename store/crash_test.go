package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// synced is the harshest crash: only what was synced survives.
func synced(fs *vfs.MemFS) *vfs.MemFS { return fs.CrashClone(vfs.CrashCloneCfg{}) }

// torn is a crash in which a part of what was not synced survives, each block by chance.
func torn(fs *vfs.MemFS, seed uint64) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, seed))})
}

// abandon closes a store that has "crashed": what it still does no longer matters.
func abandon(s *Store) { _ = s.Close() }

// crashPoint is the disk as a crash would have left it at one moment, and what had been promised by then.
type crashPoint struct {
	what  string
	fs    *vfs.MemFS
	acked int
}

// crashRecorder clones the disk before every n-th write, sync, rename and removal.
type crashRecorder struct {
	fs    *vfs.MemFS
	every int

	mu     sync.Mutex
	on     bool
	ops    int
	acked  []Appended
	points []crashPoint
}

func newCrashRecorder(every int) *crashRecorder {
	return &crashRecorder{fs: vfs.NewCrashableMem(), every: every}
}

func (c *crashRecorder) wrapped() vfs.FS {
	return errorfs.Wrap(c.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ops++; !c.on || c.ops%c.every != 0 {
			return nil
		}
		fs := synced(c.fs)
		if c.ops/c.every%2 == 1 {
			fs = torn(c.fs, uint64(c.ops))
		}
		c.points = append(c.points, crashPoint{what: fmt.Sprintf("op %d, %v of %s", c.ops, op.Kind, op.Path), fs: fs, acked: len(c.acked)})
		return nil
	}))
}

func (c *crashRecorder) record(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

func (c *crashRecorder) ack(a Appended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = append(c.acked, a)
}

// check opens the store of each crash point, as it is and once more without what was derived from the log, and looks for
// everything that had been acknowledged by then and has not retired; then more is asked of it by the caller.
func (c *crashRecorder) check(t *testing.T, o Options, more func(t *testing.T, p crashPoint, s *Store)) {
	t.Helper()
	if len(c.points) < 5 {
		t.Fatalf("only %d crash points were recorded", len(c.points))
	}
	t.Logf("%d crash points", len(c.points))
	points := c.points
	for _, p := range c.points {
		bare := crashPoint{what: p.what + ", cache lost", fs: synced(p.fs), acked: p.acked}
		remove(t, bare.fs, "store/cache")
		remove(t, bare.fs, "store/blocks")
		points = append(points, bare)
	}
	for _, p := range points {
		o.FS = p.fs
		s, err := Open(o)
		if err != nil {
			t.Fatalf("crash at %s: open: %v", p.what, err)
		}
		for _, a := range c.acked[:p.acked] {
			want, err := message.ParseRecord(a.Record)
			if err != nil {
				t.Fatal(err)
			}
			q := message.Queue{Topic: string(want.Topic), ID: want.QueueID}
			if a.QueueOffset < s.MinOffset(q) {
				continue
			}
			got, res := s.Get(nil, q, a.QueueOffset, 1, 1<<20, nil)
			if res.Status != Found || string(got) != string(a.Record) {
				t.Fatalf("crash at %s: message %d of %v: %v %v, want its %d bytes", p.what, a.QueueOffset, q, res.Status, res.Err, len(a.Record))
			}
		}
		if more != nil {
			more(t, p, s)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("crash at %s: close: %v", p.what, err)
		}
	}
}

func TestCrashAtEveryWriteWhileSendingAndCutting(t *testing.T) {
	c := newCrashRecorder(3)
	o := testOptions(c.wrapped())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 3)
	c.record(true)
	pad := strings.Repeat("x", 2000)
	for i := range 90 {
		c.ack(mustPut(t, s, record("T", i%3, fmt.Sprint(i, pad), message.PropKeys, fmt.Sprint("k", i))))
		if i%20 == 19 {
			ask(t, s)
		}
	}
	c.record(false)
	abandon(s)
	c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
		for q := range 3 {
			next := s.MaxOffset(message.Queue{Topic: "T", ID: message.QueueID(q)})
			if a := mustPut(t, s, record("T", q, "after")); a.QueueOffset != next {
				t.Fatalf("crash at %s: queue %d goes on at %d, want %d", p.what, q, a.QueueOffset, next)
			}
		}
	})
}

// Committed acknowledges what was put in groups.
func (c *crashRecorder) Committed(_ uint64, recs []Appended, err error) {
	for _, r := range recs {
		if err == nil {
			r.Record = bytes.Clone(r.Record)
			c.ack(r)
		}
	}
}

// Flush does nothing.
func (c *crashRecorder) Flush() {}

func TestCrashTearsNoAcknowledgedGroup(t *testing.T) {
	c := newCrashRecorder(1)
	o := testOptions(c.wrapped())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 2)
	c.record(true)
	for group := range 12 {
		for i := range 7 {
			if err := s.Put(record("T", 0, fmt.Sprintf("%d-%d%s", group, i, strings.Repeat("y", 1500))), c, 0); err != nil {
				t.Fatal(err)
			}
		}
		batch := make([]message.Record, 5)
		for i := range batch {
			batch[i] = *record("T", 1, fmt.Sprintf("%d-%d", group, i))
		}
		if err := s.PutBatch(batch, c, 0); err != nil {
			t.Fatal(err)
		}
		s.Kick()
		if err := s.log.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	c.record(false)
	abandon(s)
	c.check(t, o, func(t *testing.T, p crashPoint, s *Store) {
		for id := range message.QueueID(2) {
			q := message.Queue{Topic: "T", ID: id}
			if n := len(strings.Fields(bodies(t, s, q, 0))); n != int(s.MaxOffset(q)) {
				t.Fatalf("crash at %s: %d messages of queue %d can be read, it ends at %d", p.what, n, id, s.MaxOffset(q))
			}
		}
	})
}

// ask makes a cut.
func ask(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Cut(context.Background()); err != nil {
		t.Fatalf("cut: %v", err)
	}
}

func TestTopicsAreDurableBeforeTheAnswer(t *testing.T) {
	t.Run("SYNC_FLUSH", func(t *testing.T) { durableTopics(t, commitlog.SyncFlush) })
	t.Run("ASYNC_FLUSH", func(t *testing.T) { durableTopics(t, commitlog.AsyncFlush) })
}

func durableTopics(t *testing.T, flush commitlog.FlushMode) {
	fs := vfs.NewCrashableMem()
	o := testOptions(fs)
	o.Flush = flush
	s := openTest(t, o)
	defer abandon(s)
	for i := range 10 {
		mustTopic(t, s, fmt.Sprint("T", i), 1)
		after := openTest(t, testOptions(synced(fs)))
		if got := len(after.Topics()); got != i+1 {
			t.Fatalf("after the crash there are %d topics, %d were answered", got, i+1)
		}
		closeTest(t, after)
	}
	if err := s.DeleteTopic(context.Background(), "T3"); err != nil {
		t.Fatal(err)
	}
	static := topic.Config{Name: "T4", ReadQueues: 2, WriteQueues: 2, Perm: topic.PermRead, Static: &topic.Static{Epoch: 7, Scope: topic.GlobalScope}}
	if err := s.PutTopic(context.Background(), static); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []bool{false, true} { // from the log, from the snapshot of a cut
		if cut {
			ask(t, s)
		}
		after := openTest(t, testOptions(synced(fs)))
		if _, ok := after.Topic("T3"); ok {
			t.Error("a deleted topic came back")
		}
		if got, _ := after.Topic("T4"); !got.Equal(&static) {
			t.Errorf("with a cut %v: the static topic is %+v %+v after the crash", cut, got, got.Static)
		}
		closeTest(t, after)
	}
}

func TestAtMostOneSecondOfOffsetsIsLost(t *testing.T) {
	for _, flush := range []commitlog.FlushMode{commitlog.SyncFlush, commitlog.AsyncFlush} {
		synctest.Test(t, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			o := testOptions(fs)
			o.Flush = flush
			s := openTest(t, o)
			defer abandon(s)
			mustTopic(t, s, "T", 1)
			q := message.Queue{Topic: "T"}
			for i := range 20 {
				mustPut(t, s, record("T", 0, "m"))
				if err := s.CommitOffset("g", q, message.QueueOffset(i+1)); err != nil {
					t.Fatal(err)
				}
				if got, ok := s.Offset("g", q); !ok || int(got) != i+1 {
					t.Fatalf("offset is %d %v right after the commit of %d", got, ok, i+1)
				}
				time.Sleep(500 * time.Millisecond)
			}
			// Commits are half a second apart.
			after := openTest(t, Options{FS: synced(fs), Dir: o.Dir, SegmentSize: o.SegmentSize, Flush: flush, StoreHost: o.StoreHost})
			got, ok := after.Offset("g", q)
			closeTest(t, after)
			if !ok || got < 18 {
				t.Errorf("flush mode %v: after the crash the offset is %d, want at least 18 of 20", flush, got)
			}
		})
	}
}
