package editdist

import (
	"strings"
	"testing"
)

func TestBetween(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := Between(a, b); got != want {
			t.Errorf("%q and %q are %d apart, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("order", "", 5)
	f("order", "orders", 1)
	f("kitten", "sitting", 3)
	f("flaw", "lawn", 2)
	f(strings.Repeat("a", 100), strings.Repeat("a", 64), 0) // what is behind byte 64 does not count
}
