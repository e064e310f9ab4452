package index

import (
	"sync"

	"github.com/aerobee-mq/aerobee/message"
)

// queueStates keeps the bounds of the queues that were asked for or restored: about 40 bytes a queue. What is not there
// is worked out from the directory when it is asked for.
type queueStates struct {
	mu    sync.Mutex // guards the rest
	of    map[Queue]queueState
	drops uint32 // counts DropBefore calls
}

type queueState struct {
	least  message.QueueOffset // no entry below it is visible
	next   message.QueueOffset // of what has left the head, and perhaps more
	loaded bool                // next takes account of all blocks
	exact  uint32              // drops + 1 when least was found to be the first visible entry; 0: never
}

func (s *queueStates) get(q Queue) (st queueState, drops uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[q], s.drops
}

func (s *queueStates) least(q Queue) message.QueueOffset {
	st, _ := s.get(q)
	return st.least
}

func (s *queueStates) stored(q Queue) (next message.QueueOffset, loaded bool) {
	st, _ := s.get(q)
	return st.next, st.loaded
}

// raise moves a queue's bounds up, never down. What a queue's state was when the caller read it does not matter.
func (s *queueStates) raise(q Queue, to queueState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[Queue]queueState)
	}
	st := s.of[q]
	if to.least > st.least {
		st.least, st.exact = to.least, 0
	}
	if to.least == st.least {
		st.exact = max(st.exact, to.exact)
	}
	st.next = max(st.next, to.next)
	st.loaded = st.loaded || to.loaded
	s.of[q] = st
}

// extend raises next of a queue that is known.
func (s *queueStates) extend(q Queue, next message.QueueOffset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.of[q]; ok && st.next < next {
		st.next = next
		s.of[q] = st
	}
}

// dropped makes every least bound a lower limit only.
func (s *queueStates) dropped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops++
}

// Restore tells the bounds of a queue that the index may no longer know from its entries, because they have gone: no
// entry below least is visible, and the next offset is at least next. The store calls it at open, from its snapshot.
func (ix *Index) Restore(q Queue, least, next message.QueueOffset) {
	ix.queues.raise(q, queueState{least: min(least, next), next: next})
}

// Bounds returns the offset of a queue's first visible entry and the offset behind its last. Of a queue without entries
// both are what [Index.Restore] said last, 0 if nothing. What cannot be read is logged, and the bounds are then those of
// the rest; [Index.Scan] reports the error.
func (ix *Index) Bounds(q Queue) (least, next message.QueueOffset) {
	st, drops := ix.queues.get(q)
	if !st.loaded {
		st = ix.loadState(q, st)
	}
	next = st.next
	v := ix.acquire()
	c := reader{ix: ix, q: q, v: v}
	c.memory(func(h *head) bool {
		if _, last, ok := h.bounds(q); ok {
			next = max(next, last.QueueOffset+1)
		}
		return true
	})
	c.close()
	if st.exact == drops+1 {
		return st.least, next
	}
	found := false
	err := ix.scan(q, st.least, func(e Entry) bool {
		least, found = e.QueueOffset, true
		return false
	})
	if err != nil {
		ix.o.Logger.Error("find a queue's first entry", "queue", q.String(), "err", err)
		return st.least, next
	}
	if !found {
		return next, next
	}
	ix.queues.raise(q, queueState{least: least, exact: drops + 1})
	return least, max(next, least+1)
}

// loadState finds the end of what the blocks and the memory have of a queue. The view is taken before the directory is
// read: what is in neither was not there yet.
func (ix *Index) loadState(q Queue, st queueState) queueState {
	c := ix.reader(q)
	defer c.close()
	c.memory(func(h *head) bool {
		if _, last, ok := h.bounds(q); ok {
			st.next = max(st.next, last.QueueOffset+1)
		}
		return true
	})
	r, ok, err := ix.dir.lastRun(q)
	if err != nil {
		ix.o.Logger.Error("find a queue's last entry", "queue", q.String(), "err", err)
		return st
	}
	if ok {
		st.next = max(st.next, r.last+1)
	}
	st.loaded = true
	ix.queues.raise(q, st)
	return st
}

// forget drops all states.
func (s *queueStates) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = nil
}
