package commitlog

import (
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestWindowStopsUnderBulk: nothing is zeroed ahead of large commits, and it begins again where the writer is when they become small.
func TestWindowStopsUnderBulk(t *testing.T) {
	var w window
	w.init(64 << 20)
	w.place(0)
	at := message.LogOffset(0)
	write := func(n int, size message.LogOffset) {
		for range n {
			at += size
			w.advance(at)
		}
	}
	wants := func(when string, want bool) {
		t.Helper()
		from, need, _ := w.next()
		if need != want || need && from != at {
			t.Errorf("%s: zeros wanted: %v from %d on, want %v and %d", when, need, from, want, at)
		}
	}
	write(10, 32<<10)
	wants("small commits", true)
	write(1, 1<<20)
	wants("one large commit", true)
	write(30, 1<<20)
	wants("large commits", false)
	select {
	case <-w.poke:
	default:
	}
	write(1, 1<<20)
	select {
	case <-w.poke:
		t.Error("a large commit called for zeros")
	default:
	}
	write(20, 32<<10)
	wants("small commits again", true)
	select {
	case <-w.poke:
	default:
		t.Error("small commits called for no zeros")
	}
}
