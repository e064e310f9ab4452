package message

import "time"

// Shown is a time in UTC as RFC 3339 can write it: one outside of the years 1 to 9999, which clients may put into messages, is cut to them.
func Shown(t time.Time) time.Time {
	t = t.UTC()
	switch {
	case t.Year() < 1:
		return time.Time{}
	case t.Year() > 9999:
		return time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC) // which is of that year everywhere
	}
	return t
}
