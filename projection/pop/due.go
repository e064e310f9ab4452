package pop

import (
	"math/bits"

	"github.com/aerobee-mq/aerobee/message"
)

// Message is one whose time has passed and that is to be put to a retry topic, or to the group's dead letters.
type Message struct {
	// Handle is what the re-put must name: the log offset of the pop's record plus the message's number in it.
	Handle message.LogOffset
	Key    Key
	Offset message.QueueOffset
	// PopTime is when it was handed out or last renewed, in milliseconds.
	PopTime int64
	// Due is when its time passes, in milliseconds.
	Due int64
	// Suspended says that its reconsume times stay as they are: a client has put it off without trying it.
	Suspended bool
}

// Due claims what has not been acknowledged in time in queues without order, the most overdue first: max messages, or up to
// 31 more. Each must be re-put under its handle; the entry ends when Complete sees the re-put. One that cannot be re-put
// goes back with Unclaim, or ends by the change of [AppendExpire]. A claim lives in memory only: after a restart nobody
// holds one, and the log says whose re-puts stand in it.
func (t *Table) Due(nowMillis int64, max int) []Message {
	var due []Message
	for len(due) < max && len(t.heap) > 0 {
		id := t.heap[0]
		s := t.slot(id)
		if s.due > nowMillis {
			break
		}
		t.unheap(0)
		s.pos = posClaimed
		t.queues[s.queue].claimed++
		for b := s.bits; b != 0; b &= b - 1 {
			i := bits.TrailingZeros32(b)
			due = append(due, Message{
				Handle: s.created + message.LogOffset(i), Key: t.queues[s.queue].key,
				Offset: s.first + message.QueueOffset(i), PopTime: s.popTime, Due: s.due, Suspended: s.flags&flagSuspended != 0,
			})
		}
	}
	return due
}

// Next is when the first unclaimed entry is due, in milliseconds.
func (t *Table) Next() (dueMillis int64, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.slot(t.heap[0]).due, true
}

// Unclaim gives a claimed message back: its re-put was refused. It does nothing for any other.
func (t *Table) Unclaim(handle message.LogOffset) {
	id, off, ok := t.findHandle(handle)
	if !ok || t.slot(id).pos != posClaimed {
		return
	}
	q := t.queues[t.slot(id).queue]
	id = t.single(q, id, off)
	q.claimed--
	if t.slot(id).pos = posIdle; !q.ordered {
		t.push(id)
	}
}

// rewind makes sure that nothing stays invisible longer than was asked for, counted from now.
func (t *Table) rewind(nowMillis int64, at message.LogOffset) {
	for _, q := range t.queues {
		if q == nil || !q.born || at < q.asOf {
			continue
		}
		q.asOf = at
		q.slots.ascend(func(id int32) bool {
			s := t.slot(id)
			if ahead := s.popTime - nowMillis; ahead > 0 {
				s.popTime -= ahead // else the next time would shorten it again
				s.due -= ahead
				s.flags |= flagRewound
				if s.pos >= 0 {
					t.fix(s.pos)
				}
			}
			return true
		})
	}
}
