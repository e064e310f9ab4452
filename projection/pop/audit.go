package pop

import (
	"fmt"
	"maps"
	"math/bits"

	"github.com/aerobee-mq/aerobee/message"
)

// State is what has become of one message as one group sees it.
type State byte

// The states. A message that has expired is Acknowledged here: the table keeps their number alone, see [Counts].
const (
	Unpopped     State = iota // at or above the frontier
	InFlight                  // handed out, and its time has not passed
	Deliverable               // its time has passed: it is re-put, or handed out again in order
	Acknowledged              // by a client, by the filter, or its copy is in a retry topic
)

// State says what has become of a message.
func (t *Table) State(k Key, off message.QueueOffset, nowMillis int64) State {
	q := t.lookup(k)
	switch {
	case q == nil || !q.born || off >= q.frontier && !q.acknowledgedAhead(off):
		return Unpopped
	case off >= q.frontier:
		return Acknowledged
	}
	id, ok := t.find(q, off)
	switch {
	case !ok:
		return Acknowledged
	case t.slot(id).due > nowMillis:
		return InFlight
	}
	return Deliverable
}

// Counts sums one queue up. Below Frontier are Frontier messages: Acknowledged, InFlight, Deliverable and Expired together.
type Counts struct {
	Base, Frontier message.QueueOffset
	Acknowledged   int64
	InFlight       int64
	Deliverable    int64
	Expired        int64
	// Ahead is how many messages above the frontier are acknowledged.
	Ahead int64
	// Ordered says how the queue was popped last, and Since when it was reset last, in milliseconds.
	Ordered bool
	Since   int64
}

// Counts sums one queue up, and reports false if the group has not popped it. It walks over the queue's entries.
func (t *Table) Counts(k Key, nowMillis int64) (Counts, bool) {
	q := t.lookup(k)
	if q == nil || !q.born {
		return Counts{}, false
	}
	c := Counts{Frontier: q.frontier, Expired: q.expired, Ahead: int64(len(q.ahead)), Ordered: q.ordered, Since: q.since}
	c.Base, _ = t.Base(k)
	q.slots.ascend(func(id int32) bool {
		s := t.slot(id)
		if n := int64(bits.OnesCount32(s.bits)); s.due > nowMillis {
			c.InFlight += n
		} else {
			c.Deliverable += n
		}
		return true
	})
	// After a reset to an earlier offset a message may expire once more.
	c.Acknowledged = max(0, int64(q.frontier)-c.InFlight-c.Deliverable-c.Expired)
	return c, true
}

// Each visits every queue that a group has popped, with its base, in no particular order until visit returns false.
func (t *Table) Each(visit func(k Key, base message.QueueOffset) bool) {
	for _, q := range t.queues {
		if q == nil || !q.born {
			continue
		}
		if base, _ := t.Base(q.key); !visit(q.key, base) {
			return
		}
	}
}

// Audit checks the whole table: that no message is in flight twice or above the frontier, and that each entry stands where its
// handle, its offset and its time are looked for. The error names the first contradiction. It takes less than a microsecond a
// message (BenchmarkAudit); who must not wait for so long audits a copy made of a snapshot.
func (t *Table) Audit() error {
	total, slots, groups := 0, 0, map[uint32]int{}
	for i, q := range t.queues {
		if q == nil {
			continue
		}
		if t.index[q.key] != int32(i) || q.id != int32(i) {
			return fmt.Errorf("queue %+v lies in place %d and is looked for in %d", q.key, i, t.index[q.key])
		}
		if err := t.auditQueue(q, &slots); err != nil {
			return fmt.Errorf("queue %+v: %w", q.key, err)
		}
		total += q.inFlight
		if q.inFlight > 0 {
			groups[q.key.Group] += q.inFlight
		}
	}
	if !maps.Equal(groups, t.groups) {
		return fmt.Errorf("of the groups are %v in flight, counted as %v", groups, t.groups)
	}
	if total != t.inFlight {
		return fmt.Errorf("%d messages are in flight, counted as %d", total, t.inFlight)
	}
	last, n := int64(-1), 0
	var err error
	t.handles.ascend(func(id int32) bool {
		k := t.createdOf(id)
		if n++; k < last {
			err = fmt.Errorf("handle %d stands behind %d", k, last)
		}
		last = k
		return err == nil
	})
	if err == nil && n != slots {
		err = fmt.Errorf("%d runs of handles for %d of messages", n, slots)
	}
	for pos, id := range t.heap {
		if s := t.slot(id); err == nil && (s.pos != int32(pos) || pos > 0 && t.less(id, t.heap[(pos-1)/2])) {
			err = fmt.Errorf("the run from %d on of queue %d stands at %d among the times, and says %d", s.first, s.queue, pos, s.pos)
		}
	}
	return err
}

func (t *Table) auditQueue(q *queue, slots *int) error {
	var err error
	seen, claimed, last := 0, 0, message.QueueOffset(-1)
	q.slots.ascend(func(id int32) bool {
		s := t.slot(id)
		*slots++
		seen += bits.OnesCount32(s.bits)
		if s.pos == posClaimed {
			claimed++
		}
		top := s.first + message.QueueOffset(bits.Len32(s.bits)) - 1
		switch {
		case s.queue != q.id || s.bits == 0:
			err = fmt.Errorf("the run from %d on is of queue %d, with the bits %x", s.first, s.queue, s.bits)
		case s.due > q.latest:
			err = fmt.Errorf("the run from %d on is due at %d, and nothing later than %d", s.first, s.due, q.latest)
		case s.first < last:
			err = fmt.Errorf("the run from %d on stands behind the one from %d on", s.first, last)
		case top >= q.frontier:
			err = fmt.Errorf("message %d is in flight, the frontier is %d", top, q.frontier)
		case q.ordered && s.pos >= 0 || !q.ordered && s.pos == posIdle:
			err = fmt.Errorf("the run from %d on has the place %d among the times, ordered %v", s.first, s.pos, q.ordered)
		}
		for b := s.bits; b != 0 && err == nil; b &= b - 1 {
			i := bits.TrailingZeros32(b)
			byOffset, _ := t.find(q, s.first+message.QueueOffset(i))
			byHandle, off, _ := t.findHandle(s.created + message.LogOffset(i))
			if byOffset != id || byHandle != id || off != s.first+message.QueueOffset(i) {
				err = fmt.Errorf("message %d is in flight twice, or its handle %d is another's", s.first+message.QueueOffset(i), s.created+message.LogOffset(i))
			}
		}
		last = s.first
		return err == nil
	})
	if err == nil && (seen != q.inFlight || claimed != q.claimed) {
		err = fmt.Errorf("%d messages are in flight, counted as %d, and %d runs claimed, counted as %d", seen, q.inFlight, claimed, q.claimed)
	}
	return err
}

// Place is how far the group has come in the queue: its base, see [Table.Base], how far messages were handed out, and how many of those are in flight or
// deliverable. It reports false for a queue that the group has not popped.
func (t *Table) Place(k Key) (base, frontier message.QueueOffset, inFlight int64, ok bool) {
	if base, ok = t.Base(k); !ok {
		return 0, 0, 0, false
	}
	q := t.lookup(k)
	return base, q.frontier, int64(q.inFlight), true
}
