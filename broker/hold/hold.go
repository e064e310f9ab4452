package hold

import (
	"container/heap"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/internal/slotheap"
	"github.com/aerobee-mq/aerobee/message"
)

// Hold is one pull that waits for a message with an offset of From or more that its filter wants, until Deadline (in ms). It
// belongs to the table from Add until it comes out of one of the table's methods, and then to whoever took it. Pull is the
// caller's.
type Hold[P any] struct {
	Queue    message.Queue
	From     message.QueueOffset
	Deadline int64
	Filter   *filter.Filter
	Pull     P

	slot       int // place in its queue's list
	at         int // place in the deadline heap
	prev, next *Hold[P]
	owner      *Owner[P]
}

// Owner is the list of the pulls that one connection has on hold, so that its end can take them out. The zero Owner has none.
type Owner[P any] struct{ first *Hold[P] }

// Table keeps the pulls on hold by queue and by deadline. It is a machine without clock or lock; the broker guards it
// with one mutex. Every operation costs the logarithm of the number of holds, and a message that nobody waits for one
// look-up.
type Table[P any] struct {
	limit   int
	byQueue map[message.Queue][]*Hold[P]
	byTime  slotheap.Heap[*Hold[P]]
}

// New returns an empty table for at most so many pulls.
func New[P any](limit int) *Table[P] {
	return &Table[P]{limit: limit, byQueue: map[message.Queue][]*Hold[P]{}}
}

// Len counts the pulls on hold.
func (t *Table[P]) Len() int { return len(t.byTime) }

// Add puts a pull on hold. It reports false when the table is full.
func (t *Table[P]) Add(h *Hold[P], owner *Owner[P]) bool {
	if len(t.byTime) >= t.limit {
		return false
	}
	list := t.byQueue[h.Queue]
	h.slot = len(list)
	t.byQueue[h.Queue] = append(list, h)
	heap.Push(&t.byTime, h)
	h.owner, h.next, h.prev = owner, owner.first, nil
	if owner.first != nil {
		owner.first.prev = h
	}
	owner.first = h
	return true
}

// Remove takes one hold out. It reports false when it was out already.
func (t *Table[P]) Remove(h *Hold[P]) bool {
	if h.owner == nil {
		return false
	}
	list := t.byQueue[h.Queue]
	last := len(list) - 1
	list[h.slot] = list[last]
	list[h.slot].slot = h.slot
	list[last] = nil
	if last == 0 {
		delete(t.byQueue, h.Queue)
	} else {
		t.byQueue[h.Queue] = list[:last]
	}
	heap.Remove(&t.byTime, h.at)
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		h.owner.first = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.owner, h.prev, h.next = nil, nil, nil
	return true
}

// Arrived takes out the pulls that want a message which now lies in a queue, and appends them to out.
func (t *Table[P]) Arrived(out []*Hold[P], q message.Queue, at message.QueueOffset, tagsCode int64) []*Hold[P] {
	list := t.byQueue[q]
	for i := len(list) - 1; i >= 0; i-- {
		if h := list[i]; at >= h.From && h.Filter.Match(tagsCode) {
			t.Remove(h)
			out = append(out, h)
			list = t.byQueue[q]
		}
	}
	return out
}

// Behind takes out the pulls of one queue that could have been answered: the queue's next offset lies above what they wait
// for. It is the net under a missed arrival.
func (t *Table[P]) Behind(out []*Hold[P], q message.Queue, next message.QueueOffset) []*Hold[P] {
	list := t.byQueue[q]
	for i := len(list) - 1; i >= 0; i-- {
		if h := list[i]; next > h.From {
			t.Remove(h)
			out = append(out, h)
			list = t.byQueue[q]
		}
	}
	return out
}

// Expired takes out the pulls whose time is up.
func (t *Table[P]) Expired(out []*Hold[P], now int64) []*Hold[P] {
	for len(t.byTime) > 0 && t.byTime[0].Deadline <= now {
		h := t.byTime[0]
		t.Remove(h)
		out = append(out, h)
	}
	return out
}

// Next is the earliest deadline, false when nothing is on hold.
func (t *Table[P]) Next() (int64, bool) {
	if len(t.byTime) == 0 {
		return 0, false
	}
	return t.byTime[0].Deadline, true
}

// Queues lists the queues that pulls wait for.
func (t *Table[P]) Queues() []message.Queue {
	out := make([]message.Queue, 0, len(t.byQueue))
	for q := range t.byQueue {
		out = append(out, q)
	}
	return out
}

// Drop takes out all pulls of a connection that has ended.
func (t *Table[P]) Drop(owner *Owner[P]) {
	for owner.first != nil {
		t.Remove(owner.first)
	}
}

// Drain takes out everything.
func (t *Table[P]) Drain(out []*Hold[P]) []*Hold[P] {
	for len(t.byTime) > 0 {
		h := t.byTime[0]
		t.Remove(h)
		out = append(out, h)
	}
	return out
}

// Before orders the holds by deadline.
func (h *Hold[P]) Before(other *Hold[P]) bool { return h.Deadline < other.Deadline }

// Moved is the heap's.
func (h *Hold[P]) Moved(slot int) { h.at = slot }
