package store

import (
	"time"

	"github.com/aerobee-mq/aerobee/store/trouble"
)

// The clock that the store is given may jump. Store times never go back; delays are put right by the timer loop, see due.go;
// locks are timed by a clock that nobody can set; and retention waits before it believes a jump forward.

// passed is the time since the store was opened, by a clock that nobody can set.
func (s *Store) passed() time.Duration { return time.Since(s.opened) }

// steadyMillis is a clock for what must neither last for ever nor end at once when the store's clock is set.
func (s *Store) steadyMillis() int64 { return s.opened.UnixMilli() + s.passed().Milliseconds() }

// watchClock looks at the clock and reports whether segments may be deleted for their age.
func (s *Store) watchClock(now time.Time) (believed bool) {
	jump, waits := s.clock.Look(now.UnixMilli(), s.passed())
	switch {
	case jump > 0:
		s.troubles.ClockForth.Add(1)
		s.opt.Logger.Warn("the clock jumped forward; no segment is deleted for its age for a while", "by", jump, "now", now, "for", waits)
	case jump < 0:
		s.troubles.ClockBack.Add(1)
		s.opt.Logger.Warn("the clock jumped back", "by", -jump, "now", now)
	}
	s.troubles.SetAgeWaits(waits)
	return waits == 0
}

// noteRest begins the watch over the clock with what the log says of the time.
func (s *Store) noteRest() {
	now, last := s.opt.Now(), s.lastTime.Load()
	rest := time.Duration(now.UnixMilli()-last) * time.Millisecond
	if age := s.keeps().Age; last == 0 || age <= 0 || rest <= age {
		return
	}
	s.clock.Rested(rest)
	s.opt.Logger.Warn("the newest message is older than messages are kept, or the clock was set while the store was closed; no segment is deleted for its age for a while",
		"stored", time.UnixMilli(last), "now", now, "for", trouble.AgeWait)
}
