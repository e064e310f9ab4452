package property

import "math"

// timerText is the value of one property of timer messages.
type timerText struct {
	there, bad bool
	value      int64
}

// noteTime notes the value of a timer property. RocketMQ reads a property without a value as none.
func (p *Found) noteTime(at int, value []byte) (stored bool) {
	if len(value) == 0 {
		return false
	}
	n, ok := parseLong(value)
	p.times[at] = timerText{there: true, bad: !ok, value: n}
	p.Timed, p.Special = true, true
	return true
}

// Wait says what the timer properties of a message mean.
type Wait int

// What they mean: nothing, or a time that has come; a time ahead; no number, or a time out of range.
const (
	WaitNone Wait = iota
	WaitUntil
	WaitIllegal
)

// Time returns when a message is to be delivered, in milliseconds since 1970, if it is to wait at all; one with a delay level
// waits for that, and one that was in the wheel before is ready. TIMER_DELAY_SEC goes before TIMER_DELAY_MS, and that before
// TIMER_DELIVER_MS. maxDelay is in milliseconds. Source: HookUtils of RocketMQ 5.5.0, where a number of seconds that is too
// large may wrap around to the past.
func (p *Found) Time(nowMillis, maxDelay int64) (Wait, int64) {
	if !p.IsTimer() {
		return WaitNone, 0
	}
	at, ok := p.deliverAt(nowMillis)
	switch {
	case !ok || at > nowMillis && at-nowMillis > maxDelay:
		return WaitIllegal, at
	case at > nowMillis:
		return WaitUntil, at
	case p.Deletes:
		return WaitIllegal, at
	}
	return WaitNone, 0
}

// IsTimer reports whether the message is one for the timers, whatever its time.
func (p *Found) IsTimer() bool { return p.Timed && p.Delay <= 0 && !p.timerOut }

func (p *Found) deliverAt(nowMillis int64) (at int64, ok bool) {
	sec, ms, deliver := p.times[0], p.times[1], p.times[2]
	switch {
	case sec.there:
		return nowMillis + max(min(sec.value, maxSeconds), -maxSeconds)*1000, !sec.bad
	case ms.there:
		return nowMillis + max(min(ms.value, maxSeconds*1000), -maxSeconds*1000), !ms.bad
	}
	return max(min(deliver.value, math.MaxInt64/2), 0), !deliver.bad
}

// maxSeconds is more than any horizon that can be configured.
const maxSeconds = math.MaxInt64 / 4000

// parseLong reads a decimal int64 as Java's Long.parseLong does, without allocating.
func parseLong(b []byte) (int64, bool) {
	negative, digits := false, b
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative, digits = b[0] == '-', b[1:]
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' || n < (math.MinInt64+int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 - int64(c-'0')
	}
	if len(digits) == 0 || !negative && n == math.MinInt64 {
		return 0, false
	}
	if !negative {
		n = -n
	}
	return n, true
}
