package traffic

import "time"

// Spread counts messages that wait by when they are due.
type Spread struct {
	// Now is the present, in ms since 1970, and Spans are the bounds, ascending.
	Now   int64
	Spans []time.Duration
	// Within counts those that are due within each span but not within the one before it, as many as there are spans.
	Within []int
	// Overdue are those whose time has come, and First is when the first one was or is due, 0 for none.
	Overdue int
	First   int64
}

// Add counts one.
func (s *Spread) Add(due int64) {
	if due < s.Now {
		s.Overdue++
	}
	if s.First == 0 || due < s.First {
		s.First = due
	}
	for i, span := range s.Spans {
		if due-s.Now <= span.Milliseconds() {
			s.Within[i]++
			return
		}
	}
}
