package index

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/aerobee-mq/aerobee/message"
)

type (
	block       struct{ span Span }
	directory   struct{}
	queueStates struct{}
	pageCache   struct{}
	runCache    struct{}
)

func (b *block) ref()   {}
func (b *block) unref() {}

// Open opens the index.
func Open(o Options) (*Index, error) {
	ix := &Index{o: o.withDefaults(), head: newHead()}
	ix.cur = &view{head: ix.head}
	ix.cur.refs.Store(1)
	return ix, nil
}

// Write makes a block of f.
func (ix *Index) Write(f *Frozen, upTo message.LogOffset, b *pebble.Batch) error {
	ix.applied.Store(int64(upTo))
	return nil
}

// Release lets go of f.
func (ix *Index) Release(f *Frozen) {}

// Restore sets the least bounds of a queue.
func (ix *Index) Restore(q Queue, least, next message.QueueOffset) {}

// Bounds returns a queue's least offset and the one behind its last.
func (ix *Index) Bounds(q Queue) (least, next message.QueueOffset) {
	v := ix.acquire()
	defer v.release()
	found := false
	for _, h := range v.heads() {
		first, last, ok := h.bounds(q)
		if ok && !found {
			least, found = first.QueueOffset, true
		}
		if ok {
			next = last.QueueOffset + 1
		}
	}
	return least, next
}

func (v *view) heads() []*head {
	var hs []*head
	for _, f := range v.frozen {
		hs = append(hs, f.h)
	}
	return append(hs, v.head)
}

// Scan visits entries from an offset on.
func (ix *Index) Scan(q Queue, from message.QueueOffset, visit func(Entry) bool) error {
	v := ix.acquire()
	defer v.release()
	more := true
	for _, h := range v.heads() {
		if from, more = h.scan(q, from, visit); !more {
			break
		}
	}
	return nil
}

// ByTime finds the boundary.
func (ix *Index) ByTime(q Queue, t message.StoreTime, upper bool) (message.QueueOffset, error) {
	least, next := ix.Bounds(q)
	at, prev := next, least
	err := ix.Scan(q, least, func(e Entry) bool {
		if e.StoreTime > t || !upper && e.StoreTime == t {
			at = e.QueueOffset
			return false
		}
		prev = e.QueueOffset
		return true
	})
	if upper {
		return prev, err
	}
	return at, err
}

// Keys visits candidates newest first.
func (ix *Index) Keys(hash uint64, from, to message.StoreTime, visit func(message.LogOffset) bool) error {
	v := ix.acquire()
	defer v.release()
	hs := v.heads()
	for i := len(hs) - 1; i >= 0; i-- {
		cs := hs[i].keyChunks()
		for j := len(cs) - 1; j >= 0; j-- {
			for k := len(cs[j].rows) - 1; k >= 0; k-- {
				r := cs[j].at(k)
				if r.hash == hash && r.time >= from && r.time <= to && !visit(r.log) {
					return nil
				}
			}
		}
	}
	return nil
}

// DropBefore drops blocks below at.
func (ix *Index) DropBefore(at message.LogOffset) error { return nil }

// DropFrom drops blocks that reach beyond at.
func (ix *Index) DropFrom(at message.LogOffset) error { return nil }

// Merge merges blocks.
func (ix *Index) Merge() (did bool, err error) { return false, nil }

// Replace rebuilds a block.
func (ix *Index) Replace(s Span, fill func(add func(q Queue, e Entry, keys []uint64)) error) error {
	return nil
}

// Close releases what the index holds.
func (ix *Index) Close() error { return nil }
