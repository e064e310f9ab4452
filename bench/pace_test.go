package bench

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// handClock is a clock that moves only when somebody sleeps or serves.
type handClock struct{ at time.Duration }

func (c *handClock) now() time.Duration    { return c.at }
func (c *handClock) sleep(d time.Duration) { c.at += d }

func TestScheduleSpreadsMessagesEvenly(t *testing.T) {
	f := func(rate float64, workers int64, batch int, want ...time.Duration) {
		t.Helper()
		var got []time.Duration
		for worker := range workers {
			s := schedule{rate: rate, begin: time.Second, worker: worker, workers: workers}
			for len(got) < len(want)*int(worker+1)/int(workers) {
				got = append(got, s.next(0, batch)-time.Second)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rate %g, %d workers, batches of %d: %s", rate, workers, batch, diff)
		}
	}
	ms := time.Millisecond
	f(1000, 1, 1, 0, ms, 2*ms, 3*ms)
	f(1000, 2, 1, 0, ms, 2*ms, 3*ms)
	f(1000, 2, 10, 0, 10*ms, 20*ms, 30*ms)
	f(0.5, 1, 1, 0, 2*time.Second)
	if got := (&schedule{}).next(7*ms, 1); got != 7*ms {
		t.Errorf("without a rate a message is intended for %v, want now", got)
	}
}

// TestScheduleDoesNotDrift asks for the millionth message of a rate that no nanosecond divides.
func TestScheduleDoesNotDrift(t *testing.T) {
	s := schedule{rate: 30_000, workers: 3, worker: 2}
	for range 1_000_000 {
		s.next(0, 1)
	}
	if got, want := s.next(0, 1), time.Duration(3_000_002)*time.Second/30_000; (got - want).Abs() > time.Microsecond {
		t.Errorf("intended for %v, want %v", got, want)
	}
}

func TestWaitUntil(t *testing.T) {
	c := &handClock{}
	if err := waitUntil(t.Context(), c, time.Second); err != nil || c.at != time.Second {
		t.Errorf("waited until %v: %v", c.at, err)
	}
	if err := waitUntil(t.Context(), c, time.Millisecond); err != nil || c.at != time.Second {
		t.Errorf("waited for what has passed, until %v: %v", c.at, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waitUntil(ctx, c, time.Hour); err == nil || c.at != time.Second {
		t.Errorf("waited for a run that was given up, until %v: %v", c.at, err)
	}
}

// TestPreciseSleep asks that it sleeps at all; how late it wakes is the machine's.
func TestPreciseSleep(t *testing.T) {
	c := systemClock{time.Now()}
	for _, d := range []time.Duration{50 * time.Microsecond, 5 * time.Millisecond} {
		until := c.now() + d
		if err := waitUntil(t.Context(), c, until); err != nil || c.now() < until {
			t.Errorf("woke %v too early: %v", until-c.now(), err)
		}
	}
}

func TestTakeBoundsByTimeAndCount(t *testing.T) {
	s := time.Second
	r := &run{Config: Config{Count: 5}, span: span{from: 2 * s}}
	r.left.Store(r.Count)
	f := func(what string, intended, begins time.Duration, want, claimed int) {
		t.Helper()
		if got := r.take(intended, begins, want); got != claimed {
			t.Errorf("%s: claimed %d of %d, want %d", what, got, want, claimed)
		}
	}
	f("warming up", s, s, 3, 3)
	f("a first batch", 2*s, 2*s, 3, 3)
	f("a second batch", 2*s, 2*s, 3, 2)
	f("nothing is left", 2*s, 2*s, 3, 0)
	f("nothing is left", 2*s, 2*s, 3, 0)
	r = &run{span: span{from: 2 * s, until: 10 * s}}
	f("in time", 9*s, 9*s, 1, 1)
	f("late, and the span is over", 9*s, 10*s, 1, 0)
	r.stopped.Store(true)
	f("given up", 9*s, 9*s, 1, 0)
}
