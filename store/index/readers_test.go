package index

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

// TestReadersSeeNoHole scans while entries are added, cut, merged, made again and dropped. A scan begun at the least
// offset must reach what was next when it began, and may miss only what has been dropped meanwhile.
func TestReadersSeeNoHole(t *testing.T) {
	for range 10 { // queues are looked up for the first time in each
		liveWithReaders(t)
	}
}

func liveWithReaders(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	var stop atomic.Bool
	var wg sync.WaitGroup
	queues := []Queue{{1, 0}, {1, 1}, {2, 0}}
	for _, q := range queues {
		wg.Go(func() {
			for !stop.Load() {
				readWhole(t, m.ix, q)
			}
		})
	}
	for i := range 60 {
		for j := range 90 {
			m.add(queues[j%len(queues)], 0, 150, 1, []uint64{1 << 60})
		}
		mustCut(t, m.ix, m.db, m.end)
		switch i % 6 {
		case 2:
			m.replace(t, m.ix.Spans()[0])
		case 4:
			if err := m.mergeAll(); err != nil {
				t.Fatal(err)
			}
		case 5:
			m.floor = m.end * 2 / 3
			if err := m.ix.DropBefore(m.floor); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	m.checkAll(t)
}

func readWhole(t *testing.T, ix *Index, q Queue) {
	least, next := ix.Bounds(q)
	at := least
	var holes []message.QueueOffset // each one's end
	if err := ix.Scan(q, least, func(e Entry) bool {
		if e.QueueOffset != at {
			holes = append(holes, e.QueueOffset)
		}
		at = e.QueueOffset + 1
		return true
	}); err != nil {
		t.Errorf("scan %v: %v", q, err)
	}
	after, _ := ix.Bounds(q)
	for _, end := range holes {
		if end > after {
			t.Errorf("scan of %v misses entries before %d, the least offset is %d", q, end, after)
		}
	}
	if at < next && after < next {
		t.Errorf("scan of %v ended at %d, next was %d", q, at, next)
	}
	if got, err := ix.ByTime(q, 1, false); err != nil || got < least {
		t.Errorf("by time %v: %d, %v; the least offset was %d", q, got, err, least)
	}
	last := message.LogOffset(1 << 62)
	if err := ix.Keys(1<<60, 0, 1<<60, func(at message.LogOffset) bool {
		if at >= last {
			t.Errorf("key at log offset %d behind one at %d", at, last)
		}
		last = at
		return true
	}); err != nil {
		t.Errorf("keys: %v", err)
	}
}

// TestWrittenNotReleased: between Write and Release the entries lie in the block and in the frozen head, and show once.
func TestWrittenNotReleased(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	q := Queue{Topic: 1}
	for range 5 {
		m.add(q, 0, 100, 1, []uint64{1 << 60})
	}
	f, b := m.ix.Freeze(), m.db.NewBatch()
	m.add(q, 0, 100, 1, []uint64{1 << 60})
	for _, do := range []func() error{
		func() error { return m.ix.Write(f, m.end-100, b) },
		func() error { return b.Commit(pebble.NoSync) },
		func() error { m.ix.Release(f); return nil },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		m.checkAll(t)
	}
}

// TestCutOrder: a head that was frozen later cannot be written first, and an empty one needs no block.
func TestCutOrder(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	empty := m.ix.Freeze()
	if err := cut(m.ix, m.db, empty, 0); err != nil {
		t.Fatal(err)
	}
	m.add(Queue{Topic: 1}, 0, 100, 1, nil)
	first, upTo := m.ix.Freeze(), m.end
	m.add(Queue{Topic: 1}, 0, 100, 1, nil)
	second := m.ix.Freeze()
	if err := m.ix.Write(second, m.end, m.db.NewBatch()); err == nil {
		t.Fatal("a later head was written before an earlier one")
	}
	m.frozen = []pendingCut{{first, upTo}, {second, m.end}}
	m.writeFrozen(t, 2)
	m.checkAll(t)
	if diff := cmp.Diff([]Span{{0, 100}, {100, 200}}, m.ix.Spans()); diff != "" {
		t.Fatal(diff)
	}
}

// TestNumberedTwice: of two entries with one queue offset the first counts, in the head, across blocks and after a merge.
func TestNumberedTwice(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	q := Queue{Topic: 1}
	add := func(offset message.QueueOffset, at message.LogOffset) {
		m.ix.Add(q, Entry{QueueOffset: offset, LogOffset: at, Size: 100, StoreTime: 1}, nil)
	}
	want := []Entry{{0, 0, 100, 0, 1}, {1, 100, 100, 0, 1}, {2, 400, 100, 0, 1}}
	check := func() {
		t.Helper()
		if diff := cmp.Diff(want, collect(t, m.ix, q, 0)); diff != "" {
			t.Fatal(diff)
		}
	}
	add(0, 0)
	add(1, 100)
	add(1, 200)
	mustCut(t, m.ix, m.db, 300)
	add(1, 300)
	add(2, 400)
	check()
	mustCut(t, m.ix, m.db, testSegment)
	check()
	if did, err := m.ix.Merge(); !did || err != nil {
		t.Fatalf("merge: %v, %v", did, err)
	}
	check()
}

func TestKeyHash(t *testing.T) {
	if a, b := KeyHash([]byte("a"), []byte("b#c")), KeyHash([]byte("a"), []byte("b#d")); a == b {
		t.Fatalf("two keys have the hash %x", a)
	}
	// The hash is in the files: it may not change.
	if got, want := KeyHash([]byte("TopicTest"), []byte("order-1")), uint64(0xc2d3a991765eebb0); got != want {
		t.Fatalf("got %#x, want %#x", got, want)
	}
}
