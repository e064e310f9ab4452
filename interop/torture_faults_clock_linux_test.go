package interop

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// clockBook knows by how much the server's clock was told to be ahead, and when. A history is judged by the clock of this machine, which nobody sets; what
// the server says of times is put right by the book, or is not judged where that cannot be known:
//
//   - A timer may come when the server's clock has reached its time, even for a moment, since it was sent: a clock that jumps forward makes timers due. In
//     no case may it come before that, and one that goes back brings nothing.
//   - When something was stored is not judged: these times do not go back with the clock.
//   - The invisible time of a popped message holds as long as the clock does; what a jump leaves of it is not judged.
type clockBook struct {
	mu    sync.Mutex // guards spans
	spans []clockSpan
}

// clockSpan is a time in which the server's clock is ahead by so much. It began at some moment between from and sure, and lasts until the next begins.
type clockSpan struct{ from, sure, ahead history.Time }

func newClockBook() *clockBook { return &clockBook{spans: []clockSpan{{}}} }

// change notes that the server's clock is ahead by so much when do has ended without an error.
func (b *clockBook) change(ahead time.Duration, do func() error) error {
	from := now()
	if err := do(); err != nil {
		return err
	}
	b.add(clockSpan{from: from, sure: now(), ahead: history.Time(ahead.Microseconds())})
	return nil
}

func (b *clockBook) add(s clockSpan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spans[len(b.spans)-1].ahead != s.ahead {
		b.spans = append(b.spans, s)
	}
}

// ahead is by how much the clock was ahead from one moment to another, and false if that changed.
func (b *clockBook) ahead(from, to history.Time) (history.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slices.Backward(b.spans) {
		if s.from <= to {
			return s.ahead, s.sure <= from
		}
	}
	return 0, false
}

// reached is the first moment since at, by the clock of this machine, at which the server's clock may have reached due; due itself at the latest.
func (b *clockBook) reached(at, due history.Time) history.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := due
	for i, s := range b.spans {
		moment := max(at, s.from, due-s.ahead)
		if i+1 == len(b.spans) || moment <= b.spans[i+1].sure {
			first = min(first, moment)
		}
	}
	return first
}

// askLimit is how long a request may be under way, in microseconds.
const askLimit = history.Time(5_000_000)

// retime puts an event's times of the server right.
func (b *clockBook) retime(e *history.Event) {
	switch e.Kind {
	case history.Timed:
		e.Until = b.reached(e.At, e.Until)
	case history.Stored:
		e.From = 0
	case history.Popped:
		ahead, sure := b.ahead(e.At-askLimit, e.At)
		if !sure {
			e.From, e.Until = e.At, e.At
			return
		}
		e.From -= ahead
		e.Until -= ahead
		if _, sure = b.ahead(e.At-askLimit, e.Until); !sure {
			e.Until = e.At
		}
	}
}

// TestClockBook holds the rule by which timers are judged while the server's clock jumps. Times are seconds.
func TestClockBook(t *testing.T) {
	const s = 1_000_000
	b := newClockBook()
	b.add(clockSpan{from: 100 * s, sure: 101 * s, ahead: 3600 * s})
	b.add(clockSpan{from: 200 * s, sure: 201 * s})
	b.add(clockSpan{from: 300 * s, sure: 301 * s, ahead: -3600 * s})
	b.add(clockSpan{from: 400 * s, sure: 401 * s})
	f := func(at, due, want history.Time) {
		t.Helper()
		if got := b.reached(at*s, due*s); got != want*s {
			t.Errorf("sent at %d for %d: not before %d, want %d", at, due, got/s, want)
		}
	}
	f(10, 50, 50)      // long before anything
	f(10, 150, 100)    // the jump forward makes it due
	f(150, 190, 150)   // sent when the clock is ahead
	f(150, 3790, 190)  // later in that time
	f(150, 5000, 5000) // the clock goes back before
	f(210, 290, 290)
	f(310, 350, 350) // a clock that is behind brings nothing forward
	f(310, 450, 450)
	if got, sure := b.ahead(110*s, 190*s); got != 3600*s || !sure {
		t.Errorf("ahead by %d, %v", got/s, sure)
	}
	for _, span := range [][2]history.Time{{90, 110}, {100, 110}, {150, 200}, {299, 350}} {
		if _, sure := b.ahead(span[0]*s, span[1]*s); sure {
			t.Errorf("from %d to %d the clock is said to be sure", span[0], span[1])
		}
	}
	for e, want := range map[history.Event][2]history.Time{
		{At: 50 * s, From: 49 * s, Until: 51 * s}:            {49, 51},
		{At: 150 * s, From: 3749 * s, Until: 3751 * s}:       {149, 151},
		{At: 199 * s, From: 3798 * s, Until: (3800 + 2) * s}: {198, 199}, // a jump comes before it is over
		{At: 103 * s, From: 3702 * s, Until: 3704 * s}:       {103, 103}, // it may have been popped before the jump
	} {
		e.Kind = history.Popped
		b.retime(&e)
		if e.From != want[0]*s || e.Until != want[1]*s {
			t.Errorf("popped at %d: hidden from %d to %d, want %v", e.At/s, e.From/s, e.Until/s, want)
		}
	}
}
