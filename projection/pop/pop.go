package pop

import (
	"math/bits"

	"github.com/aerobee-mq/aerobee/message"
)

// Key names one queue as one group sees it. Group and Topic are ids of package name, which count from 1.
type Key struct {
	Group, Topic uint32
	Queue        message.QueueID
}

// MaxMessages bounds one pop, as RocketMQ does.
const MaxMessages = 32

// MaxAttempt bounds an attempt id in bytes; a longer one counts as none.
const MaxAttempt = 128

const (
	// runLen is how many neighbours one slot may hold.
	runLen = 32
	// maxAhead bounds the early acknowledgements of a queue; more are forgotten, which costs a redelivery each.
	maxAhead = 1024
)

// slot is a run of neighbours that were handed out together: message first+i is in flight if bit i is set, under the
// handle created+i. 48 bytes; with its places in the heap and in two orders, 60.
type slot struct {
	first   message.QueueOffset
	popTime int64 // ms; what handles must show
	due     int64 // ms
	created message.LogOffset
	bits    uint32
	queue   int32
	pos     int32  // place in the heap, or one of the below
	count   uint16 // earlier deliveries that count; ordered queues only
	flags   byte   // flagSuspended, flagRewound
}

const (
	posClaimed = -1 // a re-put is under way
	posIdle    = -2 // the queue is ordered: nothing happens when the time has come
)

type queue struct {
	key      Key
	id       int32
	born     bool // the log knows the queue; else it is here for its claim alone
	ordered  bool // how it was popped last
	frontier message.QueueOffset
	asOf     message.LogOffset // of the last change applied; older ones are known
	since    int64             // ms; of the last reset: handles from before say nothing about what lies above the frontier
	expired  int64             // messages that retired before they were acknowledged
	attempt  string            // of the last ordered pop
	ahead    []message.QueueOffset
	slots    order // by first
	inFlight int
	claimed  int    // slots whose re-put is under way
	latest   int64  // ms; no slot is due later
	mark     uint64 // of the lease that is out, 0 for none
	loading  int    // entries that a snapshot has announced and not brought yet
}

// Table holds the pops of all groups. The zero Table is empty and ready.
type Table struct {
	queues   []*queue // nil where one was removed
	holes    []int32
	index    map[Key]int32
	slab     [][]slot
	used     int32 // slots of the slab that were ever used
	free     []int32
	heap     []int32 // by due, then created
	handles  order   // by created
	modes    map[modeKey]Mode
	inFlight int
	groups   map[uint32]int // how many messages of each group are in flight
	mark     uint64
	since    int64 // ms, see Recovered
	scratch  []message.QueueOffset
}

const slabPage = 1024

func (t *Table) slot(id int32) *slot { return &t.slab[id/slabPage][id%slabPage] }

func (t *Table) firstOf(id int32) int64   { return int64(t.slot(id).first) }
func (t *Table) createdOf(id int32) int64 { return int64(t.slot(id).created) }

// Len counts the messages in flight or deliverable, of all groups.
func (t *Table) Len() int { return t.inFlight }

// Base is the group's committed offset in the queue: that of the first message that is neither acknowledged nor expired
// nor on its way through a retry topic. It reports false for a queue that the group has not popped.
func (t *Table) Base(k Key) (message.QueueOffset, bool) {
	q := t.lookup(k)
	if q == nil || !q.born {
		return 0, false
	}
	base := q.frontier
	q.slots.ascend(func(id int32) bool {
		s := t.slot(id)
		if s.first >= base {
			return false
		}
		base = min(base, s.first+message.QueueOffset(bits.TrailingZeros32(s.bits)))
		return true
	})
	return base, true
}

// Recovered says that the log has been replayed and the table begins to serve: pops from before may have been lost with the
// log's unsynced end, and their handles still count, see Ack.
func (t *Table) Recovered(nowMillis int64) { t.since = nowMillis }

func (t *Table) lookup(k Key) *queue {
	if i, ok := t.index[k]; ok {
		return t.queues[i]
	}
	return nil
}

func (t *Table) open(k Key) *queue {
	if q := t.lookup(k); q != nil {
		return q
	}
	q := &queue{key: k, id: int32(len(t.queues))}
	if n := len(t.holes); n > 0 {
		q.id = t.holes[n-1]
		t.holes = t.holes[:n-1]
		t.queues[q.id] = q
	} else {
		t.queues = append(t.queues, q)
	}
	if t.index == nil {
		t.index = make(map[Key]int32)
	}
	t.index[k] = q.id
	return q
}

func (t *Table) drop(q *queue) {
	t.clear(q)
	delete(t.index, q.key)
	t.queues[q.id] = nil
	t.holes = append(t.holes, q.id)
}

// clear lets go of all entries of the queue.
func (t *Table) clear(q *queue) {
	for len(q.slots.pages) > 0 {
		t.release(q, q.slots.pages[0][0])
	}
}

// find returns the slot in which a message is in flight.
func (t *Table) find(q *queue, off message.QueueOffset) (id int32, ok bool) {
	q.slots.descend(int64(off), t.firstOf, func(i int32) bool {
		s := t.slot(i)
		at := off - s.first
		if at >= runLen {
			return false
		}
		id, ok = i, s.bits>>at&1 == 1
		return !ok
	})
	return id, ok
}

// findHandle returns the slot and the offset of the message with the handle.
func (t *Table) findHandle(h message.LogOffset) (id int32, off message.QueueOffset, ok bool) {
	t.handles.descend(int64(h), t.createdOf, func(i int32) bool {
		s := t.slot(i)
		at := h - s.created
		if at >= runLen {
			return false
		}
		id, off, ok = i, s.first+message.QueueOffset(at), s.bits>>at&1 == 1
		return !ok
	})
	return id, off, ok
}

// hold puts a new slot into its places. Its bits count as in flight from here on.
func (t *Table) hold(q *queue, s slot) int32 {
	var id int32
	if n := len(t.free); n > 0 {
		id = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		id = t.used
		t.used++
		if int(id)/slabPage == len(t.slab) {
			t.slab = append(t.slab, make([]slot, slabPage))
		}
	}
	s.queue = q.id
	q.latest = max(q.latest, s.due)
	claimed := s.pos == posClaimed
	if claimed {
		q.claimed++
	} else {
		s.pos = posIdle
	}
	*t.slot(id) = s
	q.slots.insert(id, t.firstOf)
	t.handles.insert(id, t.createdOf)
	n := bits.OnesCount32(s.bits)
	t.count(q, n)
	if !claimed && !q.ordered {
		t.push(id)
	}
	return id
}

// count notes that n more messages of the queue are in flight.
func (t *Table) count(q *queue, n int) {
	q.inFlight += n
	t.inFlight += n
	if t.groups == nil {
		t.groups = make(map[uint32]int)
	}
	if t.groups[q.key.Group] += n; t.groups[q.key.Group] == 0 {
		delete(t.groups, q.key.Group)
	}
}

// release takes a slot out of its places, with all that is in flight in it.
func (t *Table) release(q *queue, id int32) {
	s := t.slot(id)
	if s.pos >= 0 {
		t.unheap(s.pos)
	}
	q.slots.remove(id, t.firstOf)
	t.handles.remove(id, t.createdOf)
	n := bits.OnesCount32(s.bits)
	t.count(q, -n)
	if s.pos == posClaimed {
		q.claimed--
	}
	*s = slot{pos: posIdle}
	t.free = append(t.free, id)
	if t.inFlight == 0 && t.used > slabPage { // gives the memory of a past flood back
		t.slab, t.used, t.free, t.heap, t.handles = nil, 0, nil, nil, order{}
	}
}

// settle ends one message of a slot.
func (t *Table) settle(q *queue, id int32, off message.QueueOffset) {
	s := t.slot(id)
	left := s.bits &^ (1 << (off - s.first))
	if left == 0 {
		t.release(q, id)
		return
	}
	s.bits = left
	t.count(q, -1)
}

// single makes sure that a message has a slot of its own, and returns it. A claim stays.
func (t *Table) single(q *queue, id int32, off message.QueueOffset) int32 {
	s := *t.slot(id)
	at := off - s.first
	if s.bits == 1<<at {
		return id
	}
	t.settle(q, id, off)
	s.first, s.created, s.bits = off, s.created+message.LogOffset(at), 1
	return t.hold(q, s)
}

// setMode says how the queue is popped now: what is due in a queue without order is re-put, in an ordered one it waits to
// be handed out again.
func (t *Table) setMode(q *queue, ordered bool) {
	if q.ordered == ordered {
		return
	}
	q.ordered, q.attempt = ordered, ""
	q.slots.ascend(func(id int32) bool {
		switch s := t.slot(id); {
		case ordered && s.pos >= 0:
			t.unheap(s.pos)
			s.pos = posIdle
		case !ordered && s.pos == posIdle:
			t.push(id)
		}
		return true
	})
}
