// Package retry says when a message that failed comes again. It owns RocketMQ's default delay levels as times, and how a consumer's own
// delays become levels, which are all that brokers take back from consumers. Package client calls it. Everything here is safe to call at once.
package retry

import "time"

const (
	second = time.Second
	minute = time.Minute
)

// Levels are a broker's delay levels from 1 on, unless its messageDelayLevel says otherwise.
func Levels() []time.Duration {
	return []time.Duration{second, 5 * second, 10 * second, 30 * second, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute, 6 * minute, 7 * minute,
		8 * minute, 9 * minute, 10 * minute, 20 * minute, 30 * minute, time.Hour, 2 * time.Hour}
}

// firstLevel is the level of the first retry where nobody says otherwise.
const firstLevel = 3

// Level is the first level that is no shorter than d, the longest one if there is none.
func Level(d time.Duration) int {
	levels := Levels()
	for i, l := range levels {
		if l >= d {
			return i + 1
		}
	}
	return len(levels)
}

// OfLevel is the time of a level; those below 1 count as 1, those beyond the longest as that.
func OfLevel(level int) time.Duration {
	levels := Levels()
	return levels[min(max(level, 1), len(levels))-1]
}

// After is when a message comes again that has failed so often before, the last delay serving for all beyond. Without delays it is
// what brokers do: 10 s, 30 s, 1 m, …
func After(delays []time.Duration, failed int) time.Duration {
	if len(delays) == 0 {
		return OfLevel(firstLevel + failed)
	}
	return delays[min(failed, len(delays)-1)]
}
