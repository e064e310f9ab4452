// Package making knows which topics and groups are being made right now, and who waits for each. Package broker owns the one [Table]; everything here is safe to call
// at once.
package making

import (
	"sync"
	"sync/atomic"
)

// Table is the topics and groups that are being made right now, each with the requests that wait for it. Whoever asks
// first makes it; the others wait and go on in the order in which they came.
type Table struct {
	limit int
	busy  error
	count atomic.Int32 // makings under way: zero nearly always, so that sends look no further

	mu      sync.Mutex // guards what follows
	byKey   map[string]*making
	waiters int
}

type making struct{ waiters []func(error) }

// New makes a table in which at most limit requests wait; busy is what those are told whose goroutine could not begin.
func New(limit int, busy error) *Table {
	return &Table{limit: limit, busy: busy, byKey: map[string]*making{}}
}

// Active reports whether anything is being made: it is asked by every send, and costs no lock.
func (m *Table) Active() bool { return m.count.Load() > 0 }

// Open reports whether requests wait for this key.
func (m *Table) Open(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byKey[key] != nil
}

// Waiting counts the requests that wait.
func (m *Table) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiters
}

// Join makes what the key names unless that is under way, and calls then afterwards, on the same goroutine for all that
// waited. It reports false when too many wait, or when spawn has no goroutine left; then is not called in that case.
func (m *Table) Join(spawn func(func()) bool, key string, build func() error, then func(error)) bool {
	m.mu.Lock()
	if m.waiters >= m.limit {
		m.mu.Unlock()
		return false
	}
	if k := m.byKey[key]; k != nil {
		k.waiters = append(k.waiters, then)
		m.waiters++
		m.mu.Unlock()
		return true
	}
	m.byKey[key] = &making{waiters: []func(error){then}}
	m.waiters++
	m.count.Add(1)
	m.mu.Unlock()
	if spawn(func() { m.finish(key, build()) }) {
		return true
	}
	for others := m.take(key)[1:]; ; {
		for _, other := range others {
			other(m.busy)
		}
		if others = m.take(key); len(others) == 0 {
			return false
		}
	}
}

// finish lets the waiters go on, those that join meanwhile as well, and closes the key when none is left.
func (m *Table) finish(key string, err error) {
	for waiters := m.take(key); len(waiters) > 0; waiters = m.take(key) {
		for _, then := range waiters {
			then(err)
		}
	}
}

// take returns the waiters of a key; when there are none the key is closed.
func (m *Table) take(key string) []func(error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.byKey[key]
	if k == nil {
		return nil
	}
	waiters := k.waiters
	k.waiters = nil
	m.waiters -= len(waiters)
	if len(waiters) == 0 {
		delete(m.byKey, key)
		m.count.Add(-1)
	}
	return waiters
}
