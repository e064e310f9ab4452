package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// throttle lets messages pass at a rate until it is lifted. Its methods are safe to call at once; nil lets all pass.
type throttle struct {
	rate   float64 // messages per second
	clock  clock
	lifted atomic.Bool

	mu   sync.Mutex
	free time.Duration // when the next message may pass; guarded by mu
}

// pass waits for the turn of n messages, or until the throttle is lifted or ctx ends.
func (t *throttle) pass(ctx context.Context, n int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	turn := max(t.free, t.clock.now())
	t.free = turn + time.Duration(float64(n)/t.rate*float64(time.Second))
	t.mu.Unlock()
	for ctx.Err() == nil && !t.lifted.Load() {
		left := turn - t.clock.now()
		if left <= 0 {
			return
		}
		t.clock.sleep(min(left, longestSleep))
	}
}

// lift lets everything pass from now on.
func (t *throttle) lift() {
	if t != nil {
		t.lifted.Store(true)
	}
}
