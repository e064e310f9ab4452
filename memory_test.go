package aerobee

import "testing"

// What clients can make the node hold follows its memory.
func TestHeldBytesFollowTheMemoryLimit(t *testing.T) {
	f := func(limit, want int64) {
		t.Helper()
		if got := heldBytes(limit); got != want {
			t.Errorf("heldBytes(%d) is %d, want %d", limit, got, want)
		}
	}
	f(0, 1<<30)
	f(64<<20, 20<<20)
	f(96<<20, 24<<20)
	f(256<<20, 64<<20)
	f(64<<30, 1<<30)
}
