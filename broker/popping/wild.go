package popping

import (
	"container/heap"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/internal/slotheap"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
)

// A group with the attribute lite.sub.wildcard reads all lite topics of its parent, of which there may be very many. So its pops do not go through them: they
// draw those in which there may be something, which arrivals, acknowledgements and the ends of invisible times bring in. What nobody tells of
// is found by a look at all of them: when the first pop comes, when an operator asks for it (200079), and when there is nothing to draw, at
// most once in wildPeriod. Source of the period: liteEventFullDispatchDelayTimeForWildcardGroup of RocketMQ 5.5.

const (
	wildPeriod = 10 * time.Second
	// wildIdle is after which time without a pop a group is forgotten: its next pop looks at everything again.
	wildIdle = time.Minute
	// wildDraw is how many lite topics one look draws. Each has a message, as a rule.
	wildDraw = 2 * pop.MaxMessages
)

// phase is where a lite topic of a wildcard group is.
type phase byte

const (
	phaseReady  phase = iota // it waits to be drawn
	phaseDrawn               // a pop looks at it
	phaseMore                // a pop looks at it, and something has come meanwhile
	phaseAsleep              // there is nothing to get before a time
)

type wildQueue struct {
	name  string
	phase phase
	at    int64 // ms; when it wakes up, asleep
	slot  int   // place in the heap, asleep
}

// wild is what one group has to look at. A queue that is not in it has nothing for the group.
type wild struct {
	parent  string
	queues  map[string]*wildQueue
	ready   []*wildQueue // the first is drawn first
	asleep  slotheap.Heap[*wildQueue]
	scanned time.Time // the zero time wants a look at everything
	drawn   time.Time // when a pop came last
}

// wilds are the wildcard groups that pop, by the name of light.Wild. Its methods may be called at once; none of them waits.
type wilds struct {
	count atomic.Int64 // so that arrivals cost no lock without such groups

	mu     sync.Mutex // guards what follows
	groups map[string]*wild
}

// touch returns a group's wild, made if need be, and whether it is time to look at everything. w.mu is held.
func (w *wilds) touch(name, parent string, now time.Time) (g *wild, scan bool) {
	g = w.groups[name]
	if g == nil {
		for other, idle := range w.groups {
			if now.Sub(idle.drawn) > wildIdle {
				delete(w.groups, other)
			}
		}
		g = &wild{parent: parent, queues: make(map[string]*wildQueue)}
		if w.groups == nil {
			w.groups = make(map[string]*wild)
		}
		w.groups[name] = g
		w.count.Store(int64(len(w.groups)))
	}
	g.drawn = now
	scan = g.scanned.IsZero() || len(g.ready) == 0 && now.Sub(g.scanned) >= wildPeriod
	if scan {
		g.scanned = now
	}
	return g, scan
}

// due reports whether everything is to be looked at before the next draw, and has it count as done.
func (w *wilds) due(name, parent string, now time.Time, nowMillis int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.groups[name]; g != nil {
		g.wakeUp(nowMillis)
	}
	_, scan := w.touch(name, parent, now)
	return scan
}

// draw takes the queues to look at. They must be given back with settle.
func (w *wilds) draw(name, parent string, now time.Time, nowMillis int64) (queues []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g, _ := w.touch(name, parent, now)
	g.wakeUp(nowMillis)
	n := min(len(g.ready), wildDraw)
	for _, q := range g.ready[:n] {
		q.phase = phaseDrawn
		queues = append(queues, q.name)
	}
	if g.ready = g.ready[n:]; len(g.ready) == 0 {
		g.ready = nil
	}
	return queues
}

// nothingLeft, in the place of a time, says that a queue has nothing for the group.
const nothingLeft = -1

// settle says of drawn queues when there may be more: 0 is now, nothingLeft when something arrives. It returns how many are ready, and when the
// next one wakes up in ms, 0 for none.
func (w *wilds) settle(name string, at map[string]int64) (ready int, next int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[name]
	if g == nil { // forgotten meanwhile
		return 0, 0
	}
	for text, until := range at {
		q := g.queues[text]
		switch {
		case q == nil:
		case q.phase == phaseMore || until == 0:
			g.get(q)
		case until == nothingLeft:
			delete(g.queues, text)
		default:
			q.phase, q.at = phaseAsleep, until
			heap.Push(&g.asleep, q)
		}
	}
	if len(g.asleep) > 0 {
		next = g.asleep[0].at
	}
	return len(g.ready), next
}

// some reports whether there is something to draw.
func (w *wilds) some(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[name]
	return g != nil && len(g.ready) > 0
}

// stale wants a look at everything.
func (w *wilds) stale(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.groups[name]; g != nil {
		g.scanned = time.Time{}
	}
}

// arrived notes that a message stands in a lite topic's queue, and appends the groups that are to hear of it. What sleeps stays asleep: a
// message more does not free it.
func (w *wilds) arrived(dst []string, queue string, now time.Time) []string {
	parent, _, ok := light.LiteTopic(queue)
	if !ok {
		return dst
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, g := range w.groups {
		switch {
		case g.parent != parent:
		case now.Sub(g.drawn) > wildIdle:
			delete(w.groups, name)
			w.count.Store(int64(len(w.groups)))
		case g.told(queue, false):
			dst = append(dst, name)
		}
	}
	return dst
}

// found notes queues in which a look at everything has found something.
func (w *wilds) found(name string, queues []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.groups[name]; g != nil {
		for _, q := range queues {
			g.told(q, false)
		}
	}
}

// freed notes that a queue may be free again for a group, and reports whether that reads it as one of many.
func (w *wilds) freed(group, queue string) (name string, ok bool) {
	parent, _, ok := light.LiteTopic(queue)
	if !ok {
		return "", false
	}
	name = light.Wild(parent, group)
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[name]
	return name, g != nil && g.told(queue, true)
}

// told takes a queue in that may have something. free wakes one that is asleep. It reports whether there is more to draw.
func (g *wild) told(name string, free bool) bool {
	q := g.queues[name]
	switch {
	case q == nil:
		q = &wildQueue{name: name}
		g.queues[name] = q
	case q.phase == phaseDrawn:
		q.phase = phaseMore
		return false // who looks at it will see
	case q.phase != phaseAsleep || !free:
		return false
	default:
		heap.Remove(&g.asleep, q.slot)
	}
	g.get(q)
	return true
}

// get makes a queue one that can be drawn. It is in neither list.
func (g *wild) get(q *wildQueue) {
	q.phase = phaseReady
	g.ready = append(g.ready, q)
}

// wakeUp makes those ready that have slept long enough.
func (g *wild) wakeUp(nowMillis int64) {
	for len(g.asleep) > 0 && g.asleep[0].at <= nowMillis {
		g.get(heap.Pop(&g.asleep).(*wildQueue))
	}
}

// Before orders queues by when they wake up.
func (q *wildQueue) Before(other *wildQueue) bool { return q.at < other.at }

// Moved is the heap's.
func (q *wildQueue) Moved(slot int) { q.slot = slot }

// drawWild draws the lite topics that a run of a wildcard group's pop reads.
func (g *gathering) drawWild() (out []source) {
	p, r := g.p, g.r
	now := p.opt.Steady()
	if p.wilds.due(r.wild, r.parent, now, g.popTime) {
		p.wilds.found(r.wild, p.behind(r))
	}
	g.wild = make(map[string]int64)
	for _, name := range p.wilds.draw(r.wild, r.parent, now, g.popTime) {
		g.wild[name] = 0
		q := message.Queue{Topic: name}
		if p.store.MaxOffset(q) <= 0 { // the lite topic is gone
			g.wild[name] = nothingLeft
			continue
		}
		out = append(out, source{q, protocol.PopNormal})
	}
	return out
}

// behind lists the lite topics of the parent in which there is something for the group, as a look at all of them finds them.
func (p *Pops) behind(r *request) (queues []string) {
	p.store.EachLight(func(queue string) {
		if parent, _, ok := light.LiteTopic(queue); ok && parent == r.parent {
			queues = append(queues, queue)
		}
	})
	return slices.DeleteFunc(queues, func(queue string) bool {
		q := message.Queue{Topic: queue}
		off, _ := p.store.Offset(r.key.group, q)
		return p.store.MaxOffset(q) <= off
	})
}

// nap notes that a drawn lite topic has nothing before a time in ms, or after a look that was refused without one.
func (g *gathering) nap(q message.Queue, until int64) {
	if g.wild != nil {
		g.wild[q.Topic] = max(until, g.popTime+1)
	}
}

// saw notes what a look at a drawn lite topic has brought: got messages, and where it goes on.
func (g *gathering) saw(q message.Queue, got int, next message.QueueOffset) {
	switch {
	case g.wild == nil:
	case got > 0:
		g.nap(q, g.popTime+g.r.hdr.InvisibleTime) // or an acknowledgement comes first
	case g.p.store.MaxOffset(q) <= next:
		g.wild[q.Topic] = nothingLeft
	case g.count == 0:
		g.nap(q, g.popTime+busyNap)
	}
}

// settleWild gives the drawn lite topics back.
func (g *gathering) settleWild() {
	if g.wild == nil {
		return
	}
	ready, next := g.p.wilds.settle(g.r.wild, g.wild)
	g.rest += int64(ready) // so that somebody else looks
	g.wild = nil
	g.soonest(next)
}
