package index

import (
	"sync"

	"github.com/aerobee-mq/aerobee/message"
)

// queueStates keeps the bounds of the queues that were asked for or restored: about 40 bytes a queue. What is not there
// is worked out from the directory when it is asked for.
type queueStates struct {
	mu       sync.Mutex // guards the rest
	of       map[Queue]queueState
	drops    uint32 // counts DropBefore calls
	releases uint32 // counts heads that have left the memory
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
	s.raiseLocked(q, to)
}

// raiseLoaded is raise for a state that was worked out since the caller read releases. It refuses one if a head has left
// the memory in between: extend passes over queues that are not known, so the state may lack that head.
func (s *queueStates) raiseLoaded(q Queue, to queueState, releases uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.releases != releases {
		return false
	}
	s.raiseLocked(q, to)
	return true
}

func (s *queueStates) released() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.releases
}

// release notes that a head is about to leave the memory; extend follows for its queues.
func (s *queueStates) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releases++
}

func (s *queueStates) raiseLocked(q Queue, to queueState) {
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

// dropped makes every least bound a lower limit only, and raises the floor at once with that: who has seen the new floor
// finds no bound that was exact before it.
func (s *queueStates) dropped(raiseFloor func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raiseFloor()
	s.drops++
}

// Restore tells the bounds of a queue that the index may no longer know from its entries, because they have gone: no
// entry below least is visible, and the next offset is at least next. The store calls it at open, from its snapshot.
func (ix *Index) Restore(q Queue, least, next message.QueueOffset) {
	ix.queues.raise(q, queueState{least: min(least, next), next: next})
}

// BoundsKnown reports whether [Index.Bounds] can tell a queue's bounds without asking the disk.
func (ix *Index) BoundsKnown(q Queue) bool {
	st, drops := ix.queues.get(q)
	return st.loaded && st.exact == drops+1
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
	err := ix.scan(q, st.least, true, func(e Entry) bool {
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
	for {
		releases := ix.queues.released()
		found, ok := ix.findState(q, st)
		if !ok || ix.queues.raiseLoaded(q, found, releases) {
			return found
		}
	}
}

// findState is one look for loadState; ok is false if something could not be read.
func (ix *Index) findState(q Queue, st queueState) (_ queueState, ok bool) {
	c := ix.reader(q)
	defer c.close()
	c.memory(func(h *head) bool {
		if _, last, ok := h.bounds(q); ok {
			st.next = max(st.next, last.QueueOffset+1)
		}
		return true
	})
	r, some, err := ix.dir.lastRun(q)
	if err != nil {
		ix.o.Logger.Error("find a queue's last entry", "queue", q.String(), "err", err)
		return st, false
	}
	if some {
		st.next = max(st.next, r.last+1)
	}
	st.loaded = true
	return st, true
}

// forget drops all states.
func (s *queueStates) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = nil
}
