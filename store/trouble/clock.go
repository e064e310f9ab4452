package trouble

import "time"

const (
	// clockBound is how far the clock may run ahead of the time that has passed without being said to have jumped.
	clockBound = time.Hour
	// AgeWait is for how long, after a jump forward, no segment is deleted for its age: time to look, and to set the clock
	// right. Size and a full disk delete as ever, and so does an operator who asks for it.
	AgeWait = 24 * time.Hour
)

// Clock compares a clock that can be set, by an operator, by a time server, by a machine that was asleep, with the time that
// has passed: one jump forward would make everything in a store old. The zero value has seen nothing.
type Clock struct {
	seen   bool
	offset int64         // the clock less what has passed, when they were last compared, in milliseconds
	ahead  time.Duration // how far jumps have put the clock ahead, unless that is believed by now
	until  time.Duration // when the clock is believed as it is
}

// Look compares the clock, in milliseconds, with what has passed since some beginning. jump is how far the clock has jumped
// since the last look, 0 within an hour; waits is for how long yet nothing is old.
func (c *Clock) Look(clockMillis int64, passed time.Duration) (jump, waits time.Duration) {
	offset := clockMillis - passed.Milliseconds()
	if d := time.Duration(offset-c.offset) * time.Millisecond; c.seen && (d > clockBound || d < -clockBound) {
		jump = d
		c.ahead += d
		c.until = passed + AgeWait
	}
	c.seen, c.offset = true, offset
	if passed >= c.until {
		c.ahead = 0
	}
	if c.ahead <= clockBound {
		return jump, 0
	}
	return jump, c.until - passed
}

// Rested tells, before the first look, how long ago by the clock the newest message was stored: in a store that was at rest
// for longer than messages are kept, or whose clock was set meanwhile, nothing is old at once.
func (c *Clock) Rested(d time.Duration) { c.ahead, c.until = d, AgeWait }
