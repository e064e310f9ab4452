package meter

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// forgetAfter is for how long a series stays that does not move, giveWayAfter for how long where there is no room.
	forgetAfter, giveWayAfter = 24 * time.Hour, 10 * time.Minute
	// sweepEvery is the time between two looks at what does not move.
	sweepEvery = time.Minute
)

// life is what is known of how a series moves. Only its table touches it, but for gone.
type life struct {
	gone  atomic.Bool // the table has forgotten it
	moved int64       // the count at the last look
	since time.Time   // when that was new
}

// series is one set of counters with its life.
type series interface {
	count() int64 // grows with every event
	alive() *life
}

// table holds the series of one family, or of several with the same labels.
type table[K comparable, S series] struct {
	limit  int
	create func(K) S

	mu    sync.RWMutex // guards what follows
	byKey map[K]S
	over  S // for what finds no room; the zero S while nothing has
	full  bool
}

func newTable[K comparable, S series](limit int, create func(K) S) *table[K, S] {
	return &table[K, S]{limit: limit, create: create, byKey: map[K]S{}}
}

// find is the series of a key that is known, or the one for all if there is no room.
func (t *table[K, S]) find(k K) (S, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s, ok := t.byKey[k]; ok {
		return s, true
	}
	return t.over, t.full && len(t.byKey) >= t.limit
}

// get finds or makes a key's series.
func (t *table[K, S]) get(k K, now time.Time) S {
	if s, ok := t.find(k); ok {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.byKey[k]; ok {
		return s
	}
	if len(t.byKey) >= t.limit {
		if !t.full {
			t.full = true
			var none K
			t.over = t.create(none)
			t.over.alive().gone.Store(true) // nobody shall keep it
		}
		return t.over
	}
	s := t.create(k)
	s.alive().since = now
	t.byKey[k] = s
	return s
}

// sweep forgets what does not move.
func (t *table[K, S]) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	patience := forgetAfter
	if len(t.byKey) >= t.limit {
		patience = giveWayAfter
	}
	for k, s := range t.byKey {
		l := s.alive()
		if n := s.count(); n != l.moved {
			l.moved, l.since = n, now
		} else if now.Sub(l.since) >= patience {
			l.gone.Store(true)
			delete(t.byKey, k)
		}
	}
}

// drop forgets the series of keys that are no more.
func (t *table[K, S]) drop(dead func(K) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, s := range t.byKey {
		if dead(k) {
			s.alive().gone.Store(true)
			delete(t.byKey, k)
		}
	}
}

// all appends every series to dst, and the one for what found no room, if it is used, behind them.
func (t *table[K, S]) all(dst []S) (_ []S, over S, used bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, s := range t.byKey {
		dst = append(dst, s)
	}
	return dst, t.over, t.full
}
