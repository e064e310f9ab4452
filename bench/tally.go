package bench

import (
	"math/bits"
	"sync"

	"github.com/aerobee-mq/aerobee/client/cluster"
)

// tally is which offsets of which queues have been seen: acknowledged to a sender, or received. Its methods are safe to
// call at once, and those for different queues do not wait for each other.
type tally struct {
	mu    sync.RWMutex
	lanes map[int32][]*lane // by queue number, of one or a few brokers each; guarded by mu
}

// lane is one queue's offsets from the base on, a bit each.
type lane struct {
	broker string
	base   int64

	mu     sync.Mutex
	seen   []uint64 // guarded by mu, as all below
	count  int64    // different offsets
	again  int64    // offsets that were seen before
	before int64    // offsets below the base, which are none of this run's
}

func newTally() *tally { return &tally{lanes: map[int32][]*lane{}} }

// begin says at which offset the run's messages of a queue begin. Queues that are not named begin at 0.
func (t *tally) begin(q cluster.Queue, base int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lanes[q.QueueID] = append(t.lanes[q.QueueID], &lane{broker: q.BrokerName, base: base})
}

// add marks n offsets of a queue, from offset on, and returns how many of them are new.
func (t *tally) add(q *cluster.Queue, offset int64, n int) (fresh int64) {
	l := t.lane(q)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range int64(n) {
		at := offset + i - l.base
		if at < 0 {
			l.before++
			continue
		}
		for int(at>>6) >= len(l.seen) {
			l.seen = append(l.seen, 0)
		}
		bit := uint64(1) << (at & 63)
		if l.seen[at>>6]&bit != 0 {
			l.again++
			continue
		}
		l.seen[at>>6] |= bit
		fresh++
	}
	l.count += fresh
	return fresh
}

func (t *tally) lane(q *cluster.Queue) *lane {
	t.mu.RLock()
	l := t.find(q)
	t.mu.RUnlock()
	if l != nil {
		return l
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l = t.find(q); l == nil {
		l = &lane{broker: q.BrokerName}
		t.lanes[q.QueueID] = append(t.lanes[q.QueueID], l)
	}
	return l
}

func (t *tally) find(q *cluster.Queue) *lane {
	for _, l := range t.lanes[q.QueueID] {
		if l.broker == q.BrokerName {
			return l
		}
	}
	return nil
}

// counts adds up all queues: different offsets, and offsets seen more than once.
func (t *tally) counts() (different, again int64) {
	t.each(func(_ int32, l *lane) {
		different += l.count
		again += l.again
	})
	return different, again
}

func (t *tally) each(fn func(id int32, l *lane)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for id, lanes := range t.lanes {
		for _, l := range lanes {
			l.mu.Lock()
			fn(id, l)
			l.mu.Unlock()
		}
	}
}

// missing counts the offsets that are in t and not in other, another tally that begins its queues at the same offsets. A
// lane of t is locked while one of other is, so nobody may ask the other way round.
func (t *tally) missing(other *tally) (n int64) {
	t.each(func(id int32, l *lane) {
		o := other.lane(&cluster.Queue{BrokerName: l.broker, QueueID: id})
		o.mu.Lock()
		defer o.mu.Unlock()
		received := o.seen
		for i, word := range l.seen {
			if i < len(received) {
				word &^= received[i]
			}
			n += int64(bits.OnesCount64(word))
		}
	})
	return n
}
