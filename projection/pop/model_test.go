package pop

import (
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// model is what the log says, in the plainest way.
type model struct{ queues map[Key]*modelQueue }

type modelQueue struct {
	ordered  bool
	frontier message.QueueOffset
	expired  int64
	attempt  string
	handed   map[message.QueueOffset]bool
	ahead    map[message.QueueOffset]bool
	flying   map[message.QueueOffset]*modelEntry
}

type modelEntry struct {
	handle       message.LogOffset
	popTime, due int64
	count        uint16
	suspended    bool
	rewound      bool
	late         bool // was renewed after its time had passed: a pop that was under way then may have it
}

func newModelQueue(from message.QueueOffset) *modelQueue {
	return &modelQueue{frontier: from, handed: map[message.QueueOffset]bool{}, ahead: map[message.QueueOffset]bool{},
		flying: map[message.QueueOffset]*modelEntry{}}
}

func newModel() *model { return &model{queues: map[Key]*modelQueue{}} }

func (m *model) byHandle(h message.LogOffset) (modelEntry, bool) {
	for _, q := range m.queues {
		for _, e := range q.flying {
			if e.handle == h {
				return *e, true
			}
		}
	}
	return modelEntry{}, false
}

func (q *modelQueue) advance(to message.QueueOffset) {
	q.frontier = max(q.frontier, to)
	for off := range q.ahead {
		if off < q.frontier {
			delete(q.ahead, off)
		}
	}
}

func (m *model) pop(p openPop, invisible int64, at message.LogOffset) error {
	handle := at
	for _, part := range p.taken {
		q := m.queues[part.Lease.Key]
		if q == nil {
			q = newModelQueue(part.Lease.From)
			m.queues[part.Lease.Key] = q
		}
		first := handle
		handle += message.LogOffset(len(part.Fresh))
		if part.Lease.From > q.frontier {
			continue // a reset has overtaken it
		}
		if q.ordered != p.ordered {
			q.ordered, q.attempt = p.ordered, ""
		}
		same := p.attempt != "" && q.attempt == p.attempt
		if err := q.inOrder(p, part, same); p.ordered && err != nil {
			return err
		}
		for _, off := range part.Again {
			if e := q.flying[off]; e != nil {
				if !same {
					if !e.suspended {
						e.count++
					}
					e.suspended = false
				}
				e.rewound = false
				e.popTime, e.due, e.late = p.popTime, p.popTime+invisible, false
			}
		}
		for i, off := range part.Fresh {
			if q.handed[off] {
				return fmt.Errorf("message %d of %+v is handed out twice", off, part.Lease.Key)
			}
			q.handed[off] = true
			if off < q.frontier || q.ahead[off] {
				continue
			}
			q.flying[off] = &modelEntry{handle: first + message.LogOffset(i), popTime: p.popTime, due: p.popTime + invisible}
		}
		q.advance(part.Next)
		if p.ordered && !same {
			q.attempt = p.attempt
		}
	}
	return nil
}

// inOrder checks that an ordered pop does not come while others are in flight, and passes over none of them.
func (q *modelQueue) inOrder(p openPop, part Taken, same bool) error {
	for off, e := range q.flying {
		if e.due > p.popTime && !same && !e.late {
			return fmt.Errorf("an ordered pop at %d, while message %d is in flight until %d", p.popTime, off, e.due)
		}
		if len(part.Fresh) > 0 && !slices.Contains(part.Again, off) {
			return fmt.Errorf("an ordered pop hands out %v and not %d, which comes before", part.Fresh, off)
		}
	}
	return nil
}

func (q *modelQueue) counts(popTime int64, e *modelEntry) bool {
	if q.ordered && !e.rewound {
		return popTime == e.popTime
	}
	return popTime >= e.popTime
}

// ack reports whether any of the messages was waiting for it.
func (m *model) ack(k Key, offs []message.QueueOffset, popTime int64, ahead bool) (hit bool) {
	q := m.queues[k]
	if q == nil {
		return false
	}
	for _, off := range offs {
		if ahead && off >= q.frontier {
			q.ahead[off], hit = true, true
		} else if e := q.flying[off]; e != nil && q.counts(popTime, e) {
			delete(q.flying, off)
			hit = true
		}
	}
	return hit
}

func (m *model) renew(k Key, off message.QueueOffset, popTime, now, invisible int64, suspend bool) {
	q := m.queues[k]
	if q == nil {
		return
	}
	if e := q.flying[off]; e != nil && q.counts(popTime, e) {
		e.suspended = suspend
		e.late = e.late || now >= e.due
		if e.due = now + invisible; !q.ordered {
			e.popTime = now
			e.rewound = false
		}
	}
}

func (m *model) complete(h message.LogOffset) {
	for _, q := range m.queues {
		for off, e := range q.flying {
			if e.handle == h {
				delete(q.flying, off)
			}
		}
	}
}

func (m *model) expire(h message.LogOffset) {
	for _, q := range m.queues {
		for off, e := range q.flying {
			if e.handle == h {
				delete(q.flying, off)
				q.expired++
			}
		}
	}
}

func (m *model) retire(k Key, least message.QueueOffset, _ message.LogOffset) {
	q := m.queues[k]
	if q == nil {
		return
	}
	for off := range q.flying {
		if off < least {
			delete(q.flying, off)
			q.expired++
		}
	}
	for off := q.frontier; off < least; off++ {
		if !q.ahead[off] {
			q.expired++
		}
	}
	q.advance(least)
}

func (m *model) reset(k Key, to message.QueueOffset, _ int64, _ message.LogOffset) {
	q := m.queues[k]
	if q == nil {
		q = &modelQueue{}
		m.queues[k] = q
	}
	ordered, expired := q.ordered, q.expired
	*q = *newModelQueue(to)
	q.ordered, q.expired = ordered, expired
}

func (m *model) rewind(now int64) {
	for _, q := range m.queues {
		for _, e := range q.flying {
			if over := e.popTime - now; over > 0 {
				e.rewound = true
				e.popTime -= over
				e.due -= over
			}
		}
	}
}

// compare asks the table for everything that the model knows.
func (w *world) compare() {
	if w.err != nil {
		return
	}
	if err := w.tab.Audit(); err != nil {
		w.fail("audit: %w", err)
	}
	for k, q := range w.m.queues {
		base := q.frontier
		for off := message.QueueOffset(0); off < q.frontier+6; off++ {
			want := Acknowledged
			e := q.flying[off]
			switch {
			case e != nil && e.due > w.now:
				want = InFlight
			case e != nil:
				want = Deliverable
			case off >= q.frontier && !q.ahead[off]:
				want = Unpopped
			}
			if e != nil {
				base = min(base, off)
			}
			if got := w.tab.State(k, off, w.now); got != want {
				w.fail("message %d of %+v is %v in the table, %v in the model", off, k, got, want)
			}
			if e == nil {
				continue
			}
			id, at, ok := w.tab.findHandle(e.handle)
			if s := w.tab.lookup(k); !ok || at != off || w.tab.slot(id).count != e.count || w.tab.slot(id).flags&flagSuspended != 0 != e.suspended || w.tab.slot(id).queue != s.id {
				w.fail("message %d of %+v has the handle %d, which is %d's: %v", off, k, e.handle, at, ok)
			}
		}
		c, ok := w.tab.Counts(k, w.now)
		if !ok || c.Base != base || c.Frontier != q.frontier || c.Expired != q.expired || c.InFlight+c.Deliverable != int64(len(q.flying)) || c.Ahead != int64(len(q.ahead)) {
			w.fail("%+v counts %+v; the model has base %d, frontier %d, %d expired, %d in flight", k, c, base, q.frontier, q.expired, len(q.flying))
		}
	}
	w.onceEach()
}

// onceEach checks that the log holds one re-put per entry.
func (w *world) onceEach() {
	seen := map[message.LogOffset]bool{}
	for _, r := range w.log {
		if r.rePut != 0 && seen[r.rePut] {
			w.fail("two re-puts of the entry %d", r.rePut)
		}
		if r.rePut != 0 {
			seen[r.rePut] = true
		}
	}
}
