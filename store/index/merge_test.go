package index

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestMergeOfLongRuns merges runs whose pages are copied as they lie, runs that are too short for that, and keys that
// many messages share, and asks for all of it before and after.
func TestMergeOfLongRuns(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	shared, pair := KeyHash([]byte("topic"), []byte("shared")), KeyHash([]byte("topic"), []byte("pair"))
	for part := range 4 {
		for i := range 500 * (part + 1) { // one queue's entries take up to 16 pages, and the last is never full
			own := KeyHash([]byte("topic"), fmt.Append(nil, part, i))
			keys := []uint64{own}
			if i%3 == 0 {
				keys = append(keys, shared, own) // a key that is given twice
			}
			if i%50 == 0 {
				keys = append(keys, pair)
			}
			m.add(Queue{1, 0}, 0, 15, 1, keys)
			if i%200 == 0 {
				m.add(Queue{1, 1}, int64(i%2), 15, 0, []uint64{own})
			}
		}
		mustCut(t, m.ix, m.db, m.end)
	}
	m.end = testSegment // the first segment is complete
	m.add(Queue{1, 2}, 0, 15, 1, nil)
	mustCut(t, m.ix, m.db, m.end)
	check := func() {
		t.Helper()
		for q := range int32(3) {
			for from := message.QueueOffset(0); from < m.next[Queue{1, q}]+200; from += 100 {
				m.check(t, Queue{1, q}, from, message.StoreTime(1000+from))
			}
		}
		m.checkKeys(t, shared, 0, m.time)
		m.checkKeys(t, pair, 1200, 3000)
		m.checkKeys(t, KeyHash([]byte("topic"), fmt.Append(nil, 2, 33)), 0, m.time)
	}
	check()
	if did, err := m.ix.Merge(); !did || err != nil {
		t.Fatalf("merge: did %v, err %v", did, err)
	}
	if n := len(m.ix.cur.live); n != 1 {
		t.Fatalf("%d blocks, want 1", n)
	}
	if err := m.ix.Verify(); err != nil {
		t.Fatal(err)
	}
	check()
}

// TestMergeOfSharedKeys merges more messages of one key than a merge gathers.
func TestMergeOfSharedKeys(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	shared, other := KeyHash([]byte("topic"), []byte("shared")), KeyHash([]byte("topic"), []byte("other"))
	for range 3 {
		for i := range maxGathered / 2 {
			keys := []uint64{shared, other}
			if i%5 == 0 {
				keys = []uint64{uint64(i) << 40, other}
			}
			m.add(Queue{1, 0}, 0, 1, 0, keys)
		}
		mustCut(t, m.ix, m.db, m.end)
	}
	m.end = max(m.end, testSegment)
	m.add(Queue{1, 0}, 0, 1, 0, nil)
	mustCut(t, m.ix, m.db, m.end)
	if did, err := m.ix.Merge(); !did || err != nil || len(m.ix.cur.live) != 1 {
		t.Fatalf("merge: did %v, err %v, %d blocks", did, err, len(m.ix.cur.live))
	}
	if err := m.ix.Verify(); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []uint64{shared, other, 100 << 40, 7 << 40} {
		m.checkKeys(t, hash, 0, m.time)
	}
}
