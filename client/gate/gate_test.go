package gate

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// TestGate: waiters pass in line, one that gives up lets the next one pass, and nothing is lost in the count.
func TestGate(t *testing.T) {
	g := New(10)
	ctx, cancel := context.WithCancel(t.Context())
	if err := g.Acquire(ctx, 100); err != nil { // alone it passes, whatever its size
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() { gone <- g.Acquire(ctx, 10) }()
	for g.waiting.Load() < 1 {
		runtime.Gosched()
	}
	passed := make(chan error)
	go func() { passed <- g.Acquire(t.Context(), 4) }()
	for g.waiting.Load() < 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g.Release(100)
	if err := <-passed; err != nil {
		t.Fatal(err)
	}
	if g.Used() != 4 || g.waiting.Load() != 0 {
		t.Errorf("%d bytes, %d waiting", g.Used(), g.waiting.Load())
	}
}
