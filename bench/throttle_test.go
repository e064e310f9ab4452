package bench

import (
	"context"
	"testing"
	"time"
)

func TestThrottleKeepsTheRate(t *testing.T) {
	c := &handClock{}
	limit := &throttle{rate: 100, clock: c}
	f := func(what string, n int, want time.Duration) {
		t.Helper()
		if limit.pass(t.Context(), n); c.at != want {
			t.Errorf("%s passed at %v, want %v", what, c.at, want)
		}
	}
	f("the first message", 1, 0)
	f("the second one", 5, 10*time.Millisecond)
	f("one behind a batch", 1, 60*time.Millisecond)
	c.at = time.Second
	f("one after a pause", 1, time.Second)
	f("one that saved up nothing", 1, 1010*time.Millisecond)
	limit.free = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if limit.pass(ctx, 1); c.at != 1010*time.Millisecond {
		t.Errorf("waited until %v for a run that was given up", c.at)
	}
	limit.lift()
	f("one behind the lifting", 1, 1010*time.Millisecond)
	var none *throttle
	none.pass(t.Context(), 1)
	none.lift()
}
