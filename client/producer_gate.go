package client

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate bounds what a producer has in flight, in bytes. Who finds it full waits in line; one message always passes an empty gate.
type gate struct {
	limit   int64
	used    atomic.Int64
	waiting atomic.Int32 // len(line), to be asked without the lock

	mu   sync.Mutex
	line []*gateWaiter // guarded by mu
}

type gateWaiter struct {
	size  int64
	enter chan struct{} // closed by who lets it in
}

func (g *gate) acquire(ctx context.Context, size int64) error {
	if g.waiting.Load() == 0 && g.tryEnter(size) {
		return nil
	}
	w := &gateWaiter{size: size, enter: make(chan struct{})}
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

func (g *gate) tryEnter(size int64) bool {
	if n := g.used.Add(size); n <= g.limit || n == size {
		return true
	}
	g.used.Add(-size)
	return false
}

func (g *gate) release(size int64) {
	g.used.Add(-size)
	if g.waiting.Load() > 0 {
		g.mu.Lock()
		g.advance()
		g.mu.Unlock()
	}
}

// advance lets in those at the head of the line that fit. mu is held.
func (g *gate) advance() {
	for len(g.line) > 0 && g.tryEnter(g.line[0].size) {
		close(g.line[0].enter)
		g.line[0] = nil
		g.line = g.line[1:]
	}
	g.waiting.Store(int32(len(g.line)))
}
