package bench

import (
	"context"
	"time"
)

// schedule fixes when the messages of one worker are meant to leave: those of all workers, taken together, leave evenly.
type schedule struct {
	rate            float64       // messages per second over all workers; 0: none, send when there is time
	begin           time.Duration // when the first of all workers leaves
	worker, workers int64
	sent            int64 // messages of this worker given a time so far
}

// next is the intended time of the worker's next n messages, which leave together: that of their first.
func (s *schedule) next(now time.Duration, n int) time.Duration {
	if s.rate == 0 {
		return now
	}
	place := s.sent*s.workers + s.worker*int64(n)
	s.sent += int64(n)
	return s.begin + time.Duration(float64(place)/s.rate*float64(time.Second))
}

// behind is how many of the worker's messages were meant to leave before t and have been given no time yet.
func (s *schedule) behind(t time.Duration) int64 {
	if s.rate == 0 || t <= s.begin {
		return 0
	}
	due := int64((t-s.begin).Seconds()*s.rate) / s.workers
	return max(0, due-s.sent)
}

// clock is the run's time, counted from its beginning.
type clock interface {
	now() time.Duration
	// sleep returns after d, or a little later.
	sleep(d time.Duration)
}

// longestSleep bounds how late a worker sees that the run was given up.
const longestSleep = 100 * time.Millisecond

// waitUntil returns at time t, at once when t has passed.
func waitUntil(ctx context.Context, c clock, t time.Duration) error {
	for {
		left := t - c.now()
		if left <= 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.sleep(min(left, longestSleep))
	}
}

// span says which messages a run sends and which of them it measures.
type span struct {
	begin time.Duration // the first message leaves
	from  time.Duration // the measured span begins; before, the run warms up
	until time.Duration // no message begins any more; 0: no limit
}

func (s span) over(now time.Duration) bool { return s.until > 0 && now >= s.until }

// systemClock is the machine's monotonic clock.
type systemClock struct{ start time.Time }

func (c systemClock) now() time.Duration { return time.Since(c.start) }

func (c systemClock) sleep(d time.Duration) { preciseSleep(d) }
