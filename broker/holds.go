package broker

import (
	"container/heap"

	"github.com/aerobee-mq/aerobee/message"
)

// hold is one pull that waits for a message. It belongs to the hold table from add until it comes out of one of the
// table's methods, and then to whoever took it.
type hold struct {
	queue    message.Queue
	from     message.QueueOffset
	deadline int64 // ms
	pull     *pullRequest

	slot       int // place in its queue's list
	at         int // place in the deadline heap
	prev, next *hold
	owner      *heldPulls
}

// heldPulls are the pulls that one connection has on hold, so that its end can take them out.
type heldPulls struct{ first *hold }

// holdTable keeps the pulls on hold by queue and by deadline. It is a machine without clock or lock; the broker guards it
// with one mutex. Every operation costs the logarithm of the number of holds, and a message that nobody waits for one
// look-up.
type holdTable struct {
	limit   int
	byQueue map[message.Queue][]*hold
	byTime  holdHeap
}

func newHoldTable(limit int) *holdTable {
	return &holdTable{limit: limit, byQueue: map[message.Queue][]*hold{}}
}

func (t *holdTable) len() int { return len(t.byTime) }

// add puts a pull on hold. It reports false when the table is full.
func (t *holdTable) add(h *hold, owner *heldPulls) bool {
	if len(t.byTime) >= t.limit {
		return false
	}
	list := t.byQueue[h.queue]
	h.slot = len(list)
	t.byQueue[h.queue] = append(list, h)
	heap.Push(&t.byTime, h)
	h.owner, h.next, h.prev = owner, owner.first, nil
	if owner.first != nil {
		owner.first.prev = h
	}
	owner.first = h
	return true
}

// remove takes one hold out. It reports false when it was out already.
func (t *holdTable) remove(h *hold) bool {
	if h.owner == nil {
		return false
	}
	list := t.byQueue[h.queue]
	last := len(list) - 1
	list[h.slot] = list[last]
	list[h.slot].slot = h.slot
	list[last] = nil
	if last == 0 {
		delete(t.byQueue, h.queue)
	} else {
		t.byQueue[h.queue] = list[:last]
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

// arrived takes out the pulls that want a message which now lies in a queue, and appends them to out.
func (t *holdTable) arrived(out []*hold, q message.Queue, at message.QueueOffset, tagsCode int64) []*hold {
	list := t.byQueue[q]
	for i := len(list) - 1; i >= 0; i-- {
		if h := list[i]; at >= h.from && h.pull.filter.Match(tagsCode) {
			t.remove(h)
			out = append(out, h)
			list = t.byQueue[q]
		}
	}
	return out
}

// behind takes out the pulls of one queue that could have been answered: the queue's next offset lies above what they wait
// for. It is the net under a missed arrival.
func (t *holdTable) behind(out []*hold, q message.Queue, next message.QueueOffset) []*hold {
	list := t.byQueue[q]
	for i := len(list) - 1; i >= 0; i-- {
		if h := list[i]; next > h.from {
			t.remove(h)
			out = append(out, h)
			list = t.byQueue[q]
		}
	}
	return out
}

// expired takes out the pulls whose time is up.
func (t *holdTable) expired(out []*hold, now int64) []*hold {
	for len(t.byTime) > 0 && t.byTime[0].deadline <= now {
		h := t.byTime[0]
		t.remove(h)
		out = append(out, h)
	}
	return out
}

// next is the earliest deadline, false when nothing is on hold.
func (t *holdTable) next() (int64, bool) {
	if len(t.byTime) == 0 {
		return 0, false
	}
	return t.byTime[0].deadline, true
}

// queues lists the queues that pulls wait for.
func (t *holdTable) queues() []message.Queue {
	out := make([]message.Queue, 0, len(t.byQueue))
	for q := range t.byQueue {
		out = append(out, q)
	}
	return out
}

// drop takes out all pulls of a connection that has ended.
func (t *holdTable) drop(owner *heldPulls) {
	for owner.first != nil {
		t.remove(owner.first)
	}
}

// drain takes out everything.
func (t *holdTable) drain(out []*hold) []*hold {
	for len(t.byTime) > 0 {
		h := t.byTime[0]
		t.remove(h)
		out = append(out, h)
	}
	return out
}

// holdHeap orders holds by deadline.
type holdHeap []*hold

func (h holdHeap) Len() int           { return len(h) }
func (h holdHeap) Less(i, j int) bool { return h[i].deadline < h[j].deadline }
func (h holdHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is container/heap's.
func (h *holdHeap) Push(x any) {
	n := x.(*hold)
	n.at = len(*h)
	*h = append(*h, n)
}

// Pop is container/heap's.
func (h *holdHeap) Pop() any {
	old := *h
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return n
}
