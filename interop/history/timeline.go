package history

import "sort"

// span is a time in which clients were disturbed, both ends included.
type span struct{ from, to Time }

// timeline holds the disturbances in the order of their beginnings.
type timeline struct {
	spans   []span
	durable Time
}

// disturbances makes a span of each kill (until clients have settled after the server was ready again) and of each change
// of membership.
func disturbances(events []Event, rules Rules) timeline {
	settle := Time(rules.Settle.Microseconds())
	line := timeline{durable: Time(rules.Durable.Microseconds())}
	const never = Time(1) << 62
	open := -1 // the kill that no Ready has ended
	for i := range events {
		at := events[i].At
		switch events[i].Kind {
		case Killed:
			line.spans = append(line.spans, span{at, never})
			open = len(line.spans) - 1
		case Ready:
			if open >= 0 {
				line.spans[open].to, open = at+settle, -1
			}
		case Joined, Gone:
			line.spans = append(line.spans, span{at, at + settle})
		}
	}
	return line
}

// disturbed says whether anything disturbed clients at some time in [from, to]. Spans begin in order and the ends of all but
// the last few lie behind, so the search goes backward from the last that began in time.
func (l *timeline) disturbed(from, to Time) bool {
	n := sort.Search(len(l.spans), func(i int) bool { return l.spans[i].from > to })
	for i := n - 1; i >= 0; i-- {
		if l.spans[i].to >= from {
			return true
		}
	}
	return false
}

// after is when the disturbances are over that touch the time from from on for so long, and those that touch what follows
// for so long; from if there are none.
func (l *timeline) after(from, long Time) Time {
	end := from
	for _, s := range l.spans {
		if s.from <= end+long && s.to >= end {
			end = max(end, s.to)
		}
	}
	return end
}

// safe says whether progress that was seen at this time is kept whatever comes: nothing disturbs the group now, and no kill comes
// before it is durable.
func (l *timeline) safe(at Time) bool { return !l.disturbed(at, at+l.durable) }
