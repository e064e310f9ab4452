package cli

import (
	"strconv"
	"strings"
	"time"
)

// momentHelp says how a place in a topic is given.
const momentHelp = "first or start, last or end, an offset (42), so long ago (10m, 36h), or a time (2026-01-31, \"2026-01-31 15:04\", 2026-01-31T15:04:05Z)"

// moment is a place in a topic: its beginning, its end, an offset, or a time.
type moment struct {
	first, last bool
	offset      int64 // -1 for none
	at          time.Time
}

// parseMoment reads a place in a topic. Times without a zone are local.
func parseMoment(text string, now time.Time) (moment, error) {
	m := moment{offset: -1}
	switch strings.ToLower(text) {
	case "first", "start":
		m.first = true
		return m, nil
	case "last", "end":
		m.last = true
		return m, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		m.offset = n
		return m, nil
	}
	if t, ok := parseTime(text, now); ok {
		m.at = t
		return m, nil
	}
	return m, usageErrorf("%q is no place in a topic: give %s", text, momentHelp)
}

// parseTime reads a time, or how long ago it was.
func parseTime(text string, now time.Time) (time.Time, bool) {
	if d, err := time.ParseDuration(strings.TrimPrefix(text, "-")); err == nil {
		return now.Add(-d), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
