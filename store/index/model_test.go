package index

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

type record struct {
	q    Queue
	e    Entry
	keys []uint64
}

// model is the naive index: all records in one slice. It also drives the real one and compares.
type model struct {
	fs  *vfs.MemFS
	db  *pebble.DB
	ix  *Index
	rng *rand.Rand

	recs   []record
	next   map[Queue]message.QueueOffset
	end    message.LogOffset
	time   message.StoreTime
	floor  message.LogOffset
	frozen []pendingCut
}

type pendingCut struct {
	f    *Frozen
	upTo message.LogOffset
}

func newModel(t fataler) *model {
	m := &model{fs: vfs.NewCrashableMem(), next: map[Queue]message.QueueOffset{}, time: 1000, rng: rand.New(rand.NewPCG(1, 2))}
	if err := m.fs.MkdirAll("index", 0o755); err != nil {
		t.Fatalf("mkdir: %v", err)
	}
	m.db = openDB(t, m.fs)
	m.ix = openIndex(t, m.fs, m.db, 0)
	return m
}

func (m *model) close(t fataler) {
	t.Helper()
	if err := m.ix.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := m.db.Close(); err != nil {
		t.Fatalf("close pebble: %v", err)
	}
}

func (m *model) add(q Queue, gap int64, size int32, step int64, keys []uint64) {
	m.time += message.StoreTime(step)
	e := Entry{
		QueueOffset: m.next[q] + message.QueueOffset(gap), LogOffset: m.end, Size: size,
		TagsCode: int64(size%5) - 2, StoreTime: m.time,
	}
	m.recs = append(m.recs, record{q, e, keys})
	m.next[q] = e.QueueOffset + 1
	m.end += message.LogOffset(size)
	m.ix.Add(q, e, keys)
}

// reopen opens the index anew over fs and replays the log from a little before where the index says.
func (m *model) reopen(t fataler, fs *vfs.MemFS, logStart bool) {
	t.Helper()
	m.fs, m.frozen = fs, nil
	m.db = openDB(t, fs)
	start := m.floor
	if !logStart {
		start = 0
	}
	m.ix = openIndex(t, fs, m.db, start)
	if m.end < m.ix.AppliedTo() {
		if err := m.ix.DropFrom(m.end); err != nil {
			t.Fatalf("drop from %d: %v", m.end, err)
		}
	}
	if err := m.ix.DropBefore(m.floor); err != nil {
		t.Fatalf("drop before %d: %v", m.floor, err)
	}
	for q, next := range m.next {
		least := next
		if es := m.visible(q); len(es) > 0 {
			least = es[0].QueueOffset
		}
		m.ix.Restore(q, least, next)
	}
	from := max(m.floor, m.ix.AppliedTo()-500)
	for _, r := range m.recs {
		if r.e.LogOffset >= from {
			m.ix.Add(r.q, r.e, r.keys)
		}
	}
}

func (m *model) visible(q Queue) []Entry {
	var es []Entry
	for _, r := range m.recs {
		if r.q == q && r.e.LogOffset >= m.floor {
			es = append(es, r.e)
		}
	}
	return es
}

// check compares everything that the index says of a queue, from an offset and a time on.
func (m *model) check(t fataler, q Queue, from message.QueueOffset, at message.StoreTime) {
	t.Helper()
	es := m.visible(q)
	next := m.next[q]
	least := next
	if len(es) > 0 {
		least = es[0].QueueOffset
	}
	if gotLeast, gotNext := m.ix.Bounds(q); gotLeast != least || gotNext != next {
		t.Fatalf("bounds of %v: got [%d, %d), want [%d, %d)", q, gotLeast, gotNext, least, next)
	}
	i, _ := slices.BinarySearchFunc(es, from, func(e Entry, o message.QueueOffset) int { return cmp.Compare(e.QueueOffset, o) })
	want := append([]Entry(nil), es[i:]...)
	if diff := gocmp.Diff(want, collect(t, m.ix, q, from)); diff != "" {
		t.Fatalf("scan %v from %d (-want +got):\n%s", q, from, diff)
	}
	lower, upper := next, least
	for _, e := range es {
		if e.StoreTime >= at && lower == next {
			lower = e.QueueOffset
		}
		if e.StoreTime <= at {
			upper = e.QueueOffset
		}
	}
	for _, up := range []bool{false, true} {
		got, err := m.ix.ByTime(q, at, up)
		if want := map[bool]message.QueueOffset{false: lower, true: upper}[up]; err != nil || got != want {
			t.Fatalf("by time %v at %d, upper %v: got %d, %v, want %d", q, at, up, got, err, want)
		}
	}
}

func (m *model) checkKeys(t fataler, hash uint64, from, to message.StoreTime) {
	t.Helper()
	var want, got []message.LogOffset
	for _, r := range slices.Backward(m.recs) {
		if r.e.LogOffset >= m.floor && slices.Contains(r.keys, hash) && r.e.StoreTime >= from && r.e.StoreTime <= to {
			want = append(want, r.e.LogOffset)
		}
	}
	if err := m.ix.Keys(hash, from, to, func(at message.LogOffset) bool {
		got = append(got, at)
		return true
	}); err != nil {
		t.Fatalf("keys: %v", err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("keys of %x in [%d, %d] (-want +got):\n%s", hash, from, to, diff)
	}
}

func (m *model) checkAll(t fataler) {
	t.Helper()
	for _, q := range slices.SortedFunc(maps.Keys(m.next), compareQueues) {
		m.check(t, q, 0, m.time/2)
		m.check(t, q, m.next[q]/2, m.time)
	}
	for k := range uint64(12) {
		m.checkKeys(t, k<<60, 0, m.time)
	}
}

func drawQueue(t *rapid.T) Queue {
	return Queue{Topic: rapid.Uint32Range(1, 3).Draw(t, "topic"), ID: rapid.Int32Range(0, 2).Draw(t, "queue")}
}

func (m *model) addSome(t *rapid.T) {
	q := drawQueue(t)
	seed := rapid.Uint64().Draw(t, "seed")
	r := rand.New(rand.NewPCG(seed, seed))
	odd := rapid.Bool().Draw(t, "odd")
	for range rapid.IntRange(1, 400).Draw(t, "n") {
		if r.IntN(20) == 0 {
			q = Queue{Topic: 1 + r.Uint32N(3), ID: r.Int32N(3)}
		}
		var gap, step int64
		if odd {
			gap, step = r.Int64N(4), r.Int64N(6)
		}
		var keys []uint64
		if k := r.Uint64N(20); k < 12 {
			keys = []uint64{k << 60}
		}
		m.add(q, gap, 1+r.Int32N(200), step, keys)
	}
}

func (m *model) writeFrozen(t fataler, n int) {
	t.Helper()
	for _, p := range m.frozen[:n] {
		if err := cut(m.ix, m.db, p.f, p.upTo); err != nil {
			t.Fatalf("cut: %v", err)
		}
	}
	m.frozen = m.frozen[n:]
}

// replace makes a block again from what the log still has.
func (m *model) replace(t fataler, s Span) {
	t.Helper()
	if err := m.tryReplace(s); err != nil {
		t.Fatalf("replace %v: %v", s, err)
	}
}

func (m *model) tryReplace(s Span) error {
	return m.ix.Replace(s, func(add func(Queue, Entry, []uint64)) error {
		for _, r := range m.recs {
			if r.e.LogOffset >= max(s.From, m.floor) && r.e.LogOffset < s.UpTo {
				add(r.q, r.e, r.keys)
			}
		}
		return nil
	})
}

// truncate loses all but the log's first n records.
func (m *model) truncate(n int) {
	for _, r := range m.recs[n:] {
		if r.e.LogOffset >= m.floor {
			m.end = min(m.end, r.e.LogOffset)
		}
	}
	m.recs = slices.DeleteFunc(m.recs, func(r record) bool { return r.e.LogOffset >= m.end })
	for q := range m.next {
		m.next[q] = 0
	}
	for _, r := range m.recs {
		m.next[r.q] = r.e.QueueOffset + 1
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"add": func(t *rapid.T) { m.addSome(t) },
		"add and cut": func(t *rapid.T) {
			for range rapid.IntRange(1, 10).Draw(t, "cuts") {
				m.addSome(t)
				m.frozen = append(m.frozen, pendingCut{m.ix.Freeze(), m.end})
			}
			m.writeFrozen(t, len(m.frozen))
		},
		"leap": func(t *rapid.T) { m.add(drawQueue(t), 1<<33, 100, 1<<32, nil) },
		"freeze": func(*rapid.T) {
			m.frozen = append(m.frozen, pendingCut{m.ix.Freeze(), m.end})
		},
		"write": func(t *rapid.T) {
			if len(m.frozen) == 0 {
				t.Skip("nothing frozen")
			}
			m.writeFrozen(t, 1)
		},
		"merge": func(t *rapid.T) {
			did, err := m.ix.Merge()
			if err != nil {
				t.Fatalf("merge: %v", err)
			}
			if !did {
				t.Skip("nothing to merge")
			}
		},
		"replace": func(t *rapid.T) {
			spans := m.ix.Spans()
			if len(spans) == 0 {
				t.Skip("no blocks")
			}
			m.replace(t, rapid.SampledFrom(spans).Draw(t, "span"))
		},
		"lose the log's end": func(t *rapid.T) {
			m.close(t)
			n := len(m.recs) * rapid.IntRange(50, 100).Draw(t, "kept") / 100
			m.truncate(n)
			m.reopen(t, m.fs, true)
		},
		"drop": func(t *rapid.T) {
			m.floor = message.LogOffset(rapid.Int64Range(int64(m.floor), int64(max(m.floor, m.ix.AppliedTo()))).Draw(t, "floor"))
			if err := m.ix.DropBefore(m.floor); err != nil {
				t.Fatalf("drop: %v", err)
			}
		},
		"reopen": func(t *rapid.T) {
			m.close(t)
			m.reopen(t, m.fs, rapid.Bool().Draw(t, "tell start"))
		},
		"crash": func(t *rapid.T) {
			fs := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(t, "kept"), RNG: m.rng})
			m.close(t)
			m.reopen(t, fs, rapid.Bool().Draw(t, "tell start"))
		},
		"forget pebble": func(t *rapid.T) {
			m.close(t)
			if err := m.fs.RemoveAll("db"); err != nil {
				t.Fatalf("remove: %v", err)
			}
			m.reopen(t, m.fs, rapid.Bool().Draw(t, "tell start"))
		},
		"": func(t *rapid.T) {
			m.check(t, drawQueue(t), message.QueueOffset(rapid.Int64Range(0, 1000).Draw(t, "from")),
				message.StoreTime(rapid.Int64Range(900, int64(m.time)+10).Draw(t, "time")))
			from := message.StoreTime(rapid.Int64Range(900, int64(m.time)+10).Draw(t, "from time"))
			m.checkKeys(t, rapid.Uint64Range(0, 12).Draw(t, "key")<<60, from, from+message.StoreTime(rapid.Int64Range(0, 1000).Draw(t, "to")))
		},
	}
}

func TestAgainstModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		m := newModel(t)
		defer m.close(t)
		t.Repeat(m.actions())
		m.checkAll(t)
	})
}
