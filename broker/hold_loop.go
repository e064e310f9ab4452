package broker

import (
	"fmt"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/broker/hold"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// heldPull is a pull on hold.
type heldPull = hold.Hold[*pullRequest]

// holdPull puts a pull on hold, or answers it at once when that is not possible.
func (b *Broker) holdPull(p *pullRequest) {
	p.held, p.request.Held = true, true
	h := &heldPull{Queue: p.queue, From: message.QueueOffset(p.hdr.QueueOffset), Deadline: p.deadline, Filter: p.filter, Pull: p}
	b.holdMu.Lock()
	over, gone := b.holdsOver, p.session.closed
	full, earliest := false, false
	if !over && !gone {
		before, some := b.holds.Next()
		full = !b.holds.Add(h, &p.session.held)
		earliest = !some || h.Deadline < before
		b.held.Store(int64(b.holds.Len()))
	}
	b.holdMu.Unlock()
	switch {
	case gone:
	case full:
		b.answer(p.session.conn, &p.request, protocol.ResSystemBusy, fmt.Sprintf("%s%d pulls are on hold, which is the limit (maxLongPolls)", remarkBusy, b.opt.MaxHolds))
	case over:
		p.last = true
		b.runPull(p, false)
	default:
		if earliest {
			b.hurry()
		}
		// A message, or a reset, that came between the look and the hold woke nobody.
		if (b.store.MaxOffset(p.queue) > h.From || b.mover.Pending(p.hdr.ConsumerGroup, p.queue)) && b.unhold(h) {
			b.awake.push(h)
		}
	}
}

// hurry makes the watch loop look at the deadlines again.
func (b *Broker) hurry() {
	select {
	case b.earlier <- struct{}{}:
	default:
	}
}

func (b *Broker) unhold(h *heldPull) bool {
	b.holdMu.Lock()
	defer b.holdMu.Unlock()
	defer func() { b.held.Store(int64(b.holds.Len())) }()
	return b.holds.Remove(h)
}

func (b *Broker) expireHolds(now int64) {
	b.takeHolds(func() []*heldPull { return b.holds.Expired(nil, now) })
}

// recheckHolds wakes the pulls whose queue has grown past them, whoever missed to tell.
func (b *Broker) recheckHolds() {
	b.holdMu.Lock()
	queues := b.holds.Queues()
	b.holdMu.Unlock()
	for _, q := range queues {
		next := b.store.MaxOffset(q)
		b.takeHolds(func() []*heldPull { return b.holds.Behind(nil, q, next) })
	}
}

// releaseHolds answers everything on hold and lets nothing new be held.
func (b *Broker) releaseHolds() {
	b.takeHolds(func() []*heldPull {
		b.holdsOver = true
		return b.holds.Drain(nil)
	})
}

func (b *Broker) dropHolds(s *session) {
	b.holdMu.Lock()
	defer b.holdMu.Unlock()
	s.closed = true
	b.holds.Drop(&s.held)
	b.held.Store(int64(b.holds.Len()))
}

func (b *Broker) takeHolds(take func() []*heldPull) {
	b.holdMu.Lock()
	out := take()
	b.held.Store(int64(b.holds.Len()))
	b.holdMu.Unlock()
	b.awake.push(out...)
}

// untilDeadline is how long the watch loop may sleep.
func (b *Broker) untilDeadline(now, latest time.Time) time.Duration {
	b.holdMu.Lock()
	deadline, some := b.holds.Next()
	b.holdMu.Unlock()
	if some && deadline < latest.UnixMilli() {
		latest = time.UnixMilli(deadline)
	}
	return max(latest.Sub(now), 0)
}

// wakeQueue hands pulls that wake up from whoever woke them, who must not wait, to the workers that run them. It is
// bounded by the number of holds.
type wakeQueue struct {
	mu     sync.Mutex // guards what follows
	some   *sync.Cond
	list   []*heldPull
	closed bool
}

func (q *wakeQueue) init() { q.some = sync.NewCond(&q.mu) }

func (q *wakeQueue) push(woken ...*heldPull) {
	if len(woken) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, woken...)
	if len(woken) == 1 {
		q.some.Signal()
	} else {
		q.some.Broadcast()
	}
}

// pop waits for a pull; false when the queue is closed and empty.
func (q *wakeQueue) pop() (*heldPull, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 {
		if q.closed {
			return nil, false
		}
		q.some.Wait()
	}
	h := q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	return h, true
}

func (q *wakeQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}

// wakeLoop runs pulls once more; those that find nothing they want may go back on hold.
func (b *Broker) wakeLoop() {
	for h, ok := b.awake.pop(); ok; h, ok = b.awake.pop() {
		b.runPull(h.Pull, false)
	}
}
