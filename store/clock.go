package store

import "time"

// The clock that the store is given may be set, by an operator, by a time server, by a machine that was asleep. Store times
// never go back; delays are put right by the timer loop, see due.go; locks are timed by a clock that nobody can set. Here
// retention is kept from believing a clock that jumps: one jump forward would make everything old.

const (
	// clockBound is how far the clock may run ahead of the time that has passed without being said to have jumped.
	clockBound = time.Hour
	// ageWait is how long, after a jump forward, no segment is deleted for its age: time to look, and to set the clock right.
	// Size and a full disk delete as ever, and so does an operator who asks for it.
	ageWait = 24 * time.Hour
)

// clockWatch compares the clock, in milliseconds, with the time that has passed since the store was opened. It is a pure
// machine; the zero value has seen nothing.
type clockWatch struct {
	seen   bool
	offset int64         // the clock less what has passed, when they were last compared
	ahead  time.Duration // how far the jumps of the last time have put the clock ahead
	until  time.Duration // when a clock ahead is believed
}

// look compares. jump is how far the clock has jumped since the last look, 0 within the bound; waits is for how long yet
// nothing is old.
func (w *clockWatch) look(clockMillis int64, passed time.Duration) (jump, waits time.Duration) {
	offset := clockMillis - passed.Milliseconds()
	if w.seen {
		jump = w.noteJump(time.Duration(offset-w.offset)*time.Millisecond, passed)
	}
	w.seen, w.offset = true, offset
	if w.ahead <= clockBound || passed >= w.until {
		w.ahead = 0
		return jump, 0
	}
	return jump, w.until - passed
}

// gap notes, before the first look, how long ago the newest message was stored by the clock: a store that was at rest for
// longer than messages are kept, or a clock that was set while it was.
func (w *clockWatch) gap(d time.Duration) {
	w.ahead, w.until = d, ageWait
}

func (w *clockWatch) noteJump(d, passed time.Duration) time.Duration {
	if d <= clockBound && d >= -clockBound {
		return 0
	}
	w.ahead += d
	if d > 0 {
		w.until = passed + ageWait
	}
	return d
}

// passed is the time since the store was opened, by a clock that nobody can set.
func (s *Store) passed() time.Duration { return time.Since(s.opened) }

// steadyMillis is a clock for what must neither last for ever nor end at once when the store's clock is set.
func (s *Store) steadyMillis() int64 { return s.opened.UnixMilli() + s.passed().Milliseconds() }

// watchClock looks at the clock and reports whether segments may be deleted for their age.
func (s *Store) watchClock(now time.Time) (believed bool) {
	jump, waits := s.clock.look(now.UnixMilli(), s.passed())
	switch {
	case jump > 0:
		s.troubles.clockForth.Add(1)
		s.opt.Logger.Warn("the clock jumped forward; no segment is deleted for its age for a while", "by", jump, "now", now, "for", waits)
	case jump < 0:
		s.troubles.clockBack.Add(1)
		s.opt.Logger.Warn("the clock jumped back", "by", -jump, "now", now)
	}
	s.troubles.setAgeWaits(waits)
	return waits == 0
}

// noteRest begins the watch over the clock with what the log says of the time.
func (s *Store) noteRest() {
	now, age := s.opt.Now(), s.opt.Retention.Age
	rest := time.Duration(now.UnixMilli()-s.lastTime.Load()) * time.Millisecond
	if s.lastTime.Load() == 0 || age <= 0 || rest <= age {
		return
	}
	s.clock.gap(rest)
	s.opt.Logger.Warn("the newest message is older than messages are kept, or the clock was set while the store was closed; no segment is deleted for its age for a while",
		"stored", time.UnixMilli(s.lastTime.Load()), "now", now, "for", ageWait)
}
