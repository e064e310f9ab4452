package message

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// DefaultDelayLevels is Apache's messageDelayLevel: level 1 is the first.
const DefaultDelayLevels = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"

// ParseDelayLevels reads a list of delay levels: numbers with a unit of s, m, h or d, with spaces between them. Level n
// is the result's element n-1, and the queue n-1 of [TopicSchedule].
func ParseDelayLevels(text string) ([]time.Duration, error) {
	var levels []time.Duration
	for _, field := range strings.Fields(text) {
		number, unit := field[:len(field)-1], delayUnit(field[len(field)-1])
		if unit == 0 {
			return nil, fmt.Errorf("delay level %d is %q: it must end with s, m, h or d", len(levels)+1, field)
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 || n > int64(math.MaxInt64/unit) {
			return nil, fmt.Errorf("delay level %d is %q: %q is no number of units between 0 and %d", len(levels)+1, field, number, math.MaxInt64/unit)
		}
		levels = append(levels, time.Duration(n)*unit)
	}
	if len(levels) == 0 {
		return nil, fmt.Errorf("delay levels %q name no level", text)
	}
	return levels, nil
}

func delayUnit(c byte) time.Duration {
	switch c {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	case 'd':
		return 24 * time.Hour
	default:
		return 0
	}
}
