package session

import (
	"sync"
	"time"
)

const (
	freeTries   = 10 // that fail before anybody waits
	shortest    = time.Second
	longest     = time.Minute
	forgetAfter = 15 * time.Minute // without a failure
	maxKeys     = 4096
)

// Throttle bounds how often passwords may be tried, by whatever keys a try has: the address that it comes from, the user that it is for. After 10
// failures of a key each one has to wait, one second and then twice as long as the one before, a minute at most. It remembers
// 4,096 keys, and forgets the one that has rested longest for another.
type Throttle struct {
	now func() time.Time

	mu   sync.Mutex // guards what follows
	keys map[string]*tries
}

// tries are the failures of one key. Those under way count as such until they turn out well.
type tries struct {
	failed int
	last   time.Time
	until  time.Time
}

// NewThrottle returns a Throttle that remembers nothing.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{now: now, keys: map[string]*tries{}}
}

// Try begins a try, or returns how long it has to wait, and then it must not be made. One that turns out well is to be told to [Throttle.Good].
func (t *Throttle) Try(keys ...string) (wait time.Duration) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if k := t.keys[key]; k != nil {
			wait = max(wait, k.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, key := range keys {
		k := t.keys[key]
		if k == nil || now.Sub(k.last) > forgetAfter {
			t.makeRoom()
			k = &tries{}
			t.keys[key] = k
		}
		k.failed++
		k.last = now
		if over := k.failed - freeTries; over >= 0 {
			k.until = now.Add(min(shortest<<min(over, 10), longest))
		}
	}
	return 0
}

// Good takes a try back that turned out well.
func (t *Throttle) Good(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if k := t.keys[key]; k != nil {
			k.until = time.Time{}
			if k.failed--; k.failed <= 0 {
				delete(t.keys, key)
			}
		}
	}
}

// makeRoom forgets a key when there are as many as there may be.
func (t *Throttle) makeRoom() {
	if len(t.keys) < maxKeys {
		return
	}
	oldest := ""
	for key, k := range t.keys {
		if oldest == "" || k.last.Before(t.keys[oldest].last) {
			oldest = key
		}
	}
	delete(t.keys, oldest)
}
