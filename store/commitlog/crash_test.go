package commitlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// crash is the state of the disk at one moment, and what had been promised by then.
type crash struct {
	what     string
	fs       *vfs.MemFS
	promised []string // answered with nil (SYNC_FLUSH) or known to be synced (ASYNC_FLUSH), in log order
	applied  []string
}

// crasher takes crash clones before each change of the disk.
type crasher struct {
	mu      sync.Mutex
	mem     *vfs.MemFS
	rng     *rand.Rand
	promise func() (promised, applied []string)
	crashes []crash
	n       int
	every   int
}

func (c *crasher) hook(op change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.every > 1 && c.n%c.every != 0 {
		return nil
	}
	promised, applied := c.promise()
	for _, percent := range []int{0, 50, 100} {
		c.crashes = append(c.crashes, crash{
			what: fmt.Sprintf("change %d (before %s %s at %d), %d %% of unsynced data kept", c.n, op.op, op.path, op.off, percent),
			fs:   c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng}), promised: promised, applied: applied,
		})
	}
	return nil
}

// script appends groups of records of growing and repeating sizes to three queues and returns their texts in log order.
func script(t *testing.T, l *commitlog.Log, m *model, s *sink, first uint64, groups int) []string {
	t.Helper()
	var want []string
	next := map[message.QueueID]message.QueueOffset{}
	for id := range message.QueueID(3) {
		next[id] = m.queue("t", id).Next()
	}
	token := first
	for g := range groups {
		for i := range 1 + g%4 {
			id := message.QueueID((g + i) % 3)
			body := fmt.Sprintf("%-12d%s", token, make([]byte, (g%5)*900+i*300))
			if err := l.Append(m.queue("t", id), record("t", id, body), s, token); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("t/%d@%d %s", id, next[id], head([]byte(body))))
			next[id]++
			token++
		}
		l.Kick()
	}
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	return want
}

func crashOptions(fs vfs.FS, m *model, mode commitlog.FlushMode, fill int64) commitlog.Options {
	m.pad = 1500 // a checkpoint of more than one block
	o := options(fs, m)
	o.SegmentSize, o.Flush, o.FillWindow, o.TailBytes = 32<<10, mode, fill, 8<<10
	return o
}

// check opens a crashed disk and compares what is replayed with what may be there.
func (c crash) check(t *testing.T, mode commitlog.FlushMode, all []string) []string {
	t.Helper()
	m := newModel()
	l, err := commitlog.Open(crashOptions(c.fs, m, mode, -1))
	if err != nil {
		t.Fatalf("%s: %v", c.what, err)
	}
	got := m.log()
	if len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
		t.Fatalf("%s: replayed %q, which is no beginning of %q", c.what, got, all)
	}
	if len(got) < len(c.promised) {
		t.Fatalf("%s: %d records were promised, %d are there", c.what, len(c.promised), len(got))
	}
	if mode == commitlog.SyncFlush && len(got) < len(c.applied) {
		t.Fatalf("%s: %d records had been published, %d are durable", c.what, len(c.applied), len(got))
	}
	segs := l.Segments()
	if err := l.DropBefore(segs[len(segs)-1].Base); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.retired(t, mode, m)
	return got
}

// retired opens the last segment alone: its checkpoint must carry every queue's numbers on.
func (c crash) retired(t *testing.T, mode commitlog.FlushMode, want *model) {
	t.Helper()
	m := newModel()
	l, err := commitlog.Open(crashOptions(c.fs, m, mode, -1))
	if err != nil {
		t.Fatalf("%s, then all segments but the last dropped: %v", c.what, err)
	}
	for k, q := range want.queues {
		if got := m.queues[k]; got == nil || got.Next() != q.Next() {
			t.Fatalf("%s, then all segments but the last dropped: queue %s goes on at %v, want %d", c.what, k, got, q.Next())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCrashAnywhere(t *testing.T) {
	for _, c := range []struct {
		name string
		mode commitlog.FlushMode
		fill int64
	}{{"sync", commitlog.SyncFlush, -1}, {"sync, filled ahead", commitlog.SyncFlush, 8 << 10}, {"async", commitlog.AsyncFlush, -1}} {
		t.Run(c.name, func(t *testing.T) { crashAnywhere(t, c.mode, c.fill) })
	}
}

func crashAnywhere(t *testing.T, mode commitlog.FlushMode, fill int64) {
	mem := vfs.NewCrashableMem()
	m, s := newModel(), newSink()
	var l *commitlog.Log
	c := &crasher{mem: mem, rng: rand.New(rand.NewPCG(1, 2))}
	c.promise = func() ([]string, []string) {
		applied := m.log()
		if mode == commitlog.AsyncFlush {
			return nil, applied
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return applied[:min(len(applied), len(s.got))], applied
	}
	l = open(t, crashOptions(&fault{FS: mem, hook: c.hook}, m, mode, fill))
	all := script(t, l, m, s, 0, 24)
	c.mu.Lock()
	crashes := c.crashes
	c.mu.Unlock()
	if len(crashes) < 100 || len(l.Segments()) < 3 {
		t.Fatalf("only %d crashes and %d segments: the script has become too short", len(crashes), len(l.Segments()))
	}
	for i, crash := range crashes {
		later := crash
		later.fs = crash.fs.CrashClone(vfs.CrashCloneCfg{})
		got := crash.check(t, mode, all)
		if i%4 == 0 {
			later.again(t, mode, got, uint64(i))
		}
	}
}

// again goes on writing after the crash, and crashes at each change of the recovery and of the writing.
func (c crash) again(t *testing.T, mode commitlog.FlushMode, got []string, seed uint64) {
	t.Helper()
	m, s := newModel(), newSink()
	second := &crasher{mem: c.fs, rng: rand.New(rand.NewPCG(3, seed)), every: 3}
	second.promise = func() ([]string, []string) {
		if mode == commitlog.AsyncFlush {
			return got, nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return append(slices.Clone(got), make([]string, len(s.got))...), nil
	}
	l, err := commitlog.Open(crashOptions(&fault{FS: c.fs, hook: second.hook}, m, mode, -1))
	if err != nil {
		t.Fatalf("%s, again: %v", c.what, err)
	}
	all := append(slices.Clone(got), script(t, l, m, s, 1000, 5)...)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, crash := range second.crashes {
		crash.what = c.what + ", then " + crash.what
		crash.check(t, mode, all)
	}
}

// A power cut under ASYNC_FLUSH loses what was not synced, and nothing else.
func TestAsyncPowerCut(t *testing.T) {
	mem := vfs.NewCrashableMem()
	m, s := newModel(), newSink()
	o := crashOptions(mem, m, commitlog.AsyncFlush, -1)
	o.AsyncInterval = 1 << 40 // never within this test
	l := open(t, o)
	first := script(t, l, m, s, 0, 2)
	if l.Synced() != l.Published() {
		t.Fatalf("Sync left %d of %d", l.Synced(), l.Published())
	}
	synced := l.Synced()
	appendOK(t, l, m, s, 100, "t", 0, "visible")
	l.Kick()
	if err := s.outcome(t, 100); err != nil {
		t.Fatal(err)
	}
	if l.Synced() != synced || l.Published() <= synced {
		t.Fatalf("synced %d, published %d", l.Synced(), l.Published())
	}
	m2 := newModel()
	l2 := open(t, crashOptions(mem.CrashClone(vfs.CrashCloneCfg{}), m2, commitlog.AsyncFlush, -1))
	if !slices.Equal(m2.log(), first) || l2.Published() != synced {
		t.Fatalf("replayed %q up to %d", m2.log(), l2.Published())
	}
}

// What SYNC_FLUSH acknowledges is there after a power cut, and so is what lay before it: also what an earlier run had written under ASYNC_FLUSH
// and not synced when it was killed.
func TestSyncFlushAfterAKilledAsyncFlush(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var dead atomic.Bool
	m, s := newModel(), newSink()
	o := crashOptions(&fault{FS: mem, hook: func(change) error {
		if dead.Load() {
			return errors.New("the process is gone")
		}
		return nil
	}}, m, commitlog.AsyncFlush, -1)
	o.AsyncInterval = 1 << 40 // never within this test
	l, err := commitlog.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // it says that the process is gone
	for i := range uint64(3) {
		appendOK(t, l, m, s, i, "t", 0, fmt.Sprint("unsynced ", i))
		l.Kick()
		if err := s.outcome(t, i); err != nil {
			t.Fatal(err)
		}
	}
	if synced, all := l.Synced(), l.Published(); synced >= all {
		t.Fatalf("synced %d of %d: nothing is left to lose", synced, all)
	}
	all := m.log()
	dead.Store(true)

	m2, s2 := newModel(), newSink()
	l2 := open(t, crashOptions(mem, m2, commitlog.SyncFlush, -1))
	appendOK(t, l2, m2, s2, 0, "t", 0, "acknowledged")
	l2.Kick()
	if err := s2.outcome(t, 0); err != nil {
		t.Fatal(err)
	}
	m3 := newModel()
	open(t, crashOptions(mem.CrashClone(vfs.CrashCloneCfg{}), m3, commitlog.SyncFlush, -1))
	if got := m3.log(); len(got) != len(all)+1 || !slices.Equal(got[:len(all)], all) {
		t.Fatalf("after the power cut there are %q, want %q and one more", got, all)
	}
}

// A crash while old segments are deleted leaves all of the log from some segment's beginning on, with the numbers of all queues.
func TestCrashWithinADropOfSegments(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var dropping atomic.Bool
	c := &crasher{mem: mem, rng: rand.New(rand.NewPCG(1, 1)), promise: func() (promised, applied []string) { return nil, nil }}
	m, s := newModel(), newSink()
	l := open(t, crashOptions(&fault{FS: mem, hook: func(op change) error {
		if dropping.Load() {
			return c.hook(op)
		}
		return nil
	}}, m, commitlog.SyncFlush, -1))
	all := script(t, l, m, s, 0, 60)
	list, end := l.Segments(), l.Published()
	if len(list) < 6 {
		t.Fatalf("%d segments are too few", len(list))
	}
	dropping.Store(true)
	if err := l.DropBefore(list[len(list)-2].Base); err != nil {
		t.Fatal(err)
	}
	dropping.Store(false)
	c.crashes = append(c.crashes, crash{what: "afterwards", fs: mem.CrashClone(vfs.CrashCloneCfg{})})
	if want := 3 * 2 * (len(list) - 2); len(c.crashes) < want {
		t.Fatalf("%d crashes, want %d or more: two changes for each segment", len(c.crashes), want)
	}
	lengths := map[int]bool{}
	for _, crash := range c.crashes {
		m2 := newModel()
		l2, err := commitlog.Open(crashOptions(crash.fs, m2, commitlog.SyncFlush, -1))
		if err != nil {
			t.Fatalf("%s: %v", crash.what, err)
		}
		got := m2.log()
		lengths[len(got)] = true
		if len(got) == 0 || len(got) > len(all) || !slices.Equal(got, all[len(all)-len(got):]) || l2.Published() != end {
			t.Fatalf("%s: %d records up to %d, want the last ones of %d up to %d", crash.what, len(got), l2.Published(), len(all), end)
		}
		for k, q := range m.queues {
			if have := m2.queues[k]; have == nil || have.Next() != q.Next() {
				t.Fatalf("%s: queue %s goes on at %v, want %d", crash.what, k, have, q.Next())
			}
		}
		if err := l2.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(lengths) < len(list)-2 {
		t.Errorf("%d different logs after crashes, want one for each of %d segments that went", len(lengths), len(list)-2)
	}
}
