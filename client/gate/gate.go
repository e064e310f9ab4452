// Package gate bounds what is under way, in bytes. Package client has one before the connections of each producer. A [Gate] is safe to
// use at once.
package gate

import (
	"context"
	"sync"
	"sync/atomic"
)

// Gate lets bytes in up to its limit. Who finds it full waits in line, first come first served; what is alone always passes, whatever
// its size.
type Gate struct {
	limit   int64
	used    atomic.Int64
	waiting atomic.Int32 // len(line), to be asked without the lock

	mu   sync.Mutex
	line []*waiter // guarded by mu
}

type waiter struct {
	size  int64
	enter chan struct{} // closed by who lets it in
}

// New returns a gate for that many bytes.
func New(limit int64) *Gate { return &Gate{limit: limit} }

// Limit is how many bytes may be under way.
func (g *Gate) Limit() int64 { return g.limit }

// Used is how many bytes are under way now.
func (g *Gate) Used() int64 { return g.used.Load() }

// Acquire waits until size bytes may pass, or for ctx, whose error it returns then.
func (g *Gate) Acquire(ctx context.Context, size int64) error {
	if g.waiting.Load() == 0 && g.tryEnter(size) {
		return nil
	}
	w := &waiter{size: size, enter: make(chan struct{})}
	g.mu.Lock()
	g.line = append(g.line, w)
	g.waiting.Store(int32(len(g.line)))
	g.advance() // somebody may have left meanwhile
	g.mu.Unlock()
	select {
	case <-w.enter:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.line {
		if g.line[i] == w {
			g.line = append(g.line[:i], g.line[i+1:]...)
			g.waiting.Store(int32(len(g.line)))
			g.advance() // a smaller one behind it may pass now
			return ctx.Err()
		}
	}
	return nil // let in at the same moment
}

func (g *Gate) tryEnter(size int64) bool {
	if n := g.used.Add(size); n <= g.limit || n == size {
		return true
	}
	g.used.Add(-size)
	return false
}

// Release says that size bytes are under way no more.
func (g *Gate) Release(size int64) {
	g.used.Add(-size)
	if g.waiting.Load() > 0 {
		g.mu.Lock()
		g.advance()
		g.mu.Unlock()
	}
}

// advance lets in those at the head of the line that fit. mu is held.
func (g *Gate) advance() {
	for len(g.line) > 0 && g.tryEnter(g.line[0].size) {
		close(g.line[0].enter)
		g.line[0] = nil
		g.line = g.line[1:]
	}
	g.waiting.Store(int32(len(g.line)))
}
