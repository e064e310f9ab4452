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

// So do the goroutines that may serve requests.
func TestTasksFollowTheMemoryLimit(t *testing.T) {
	f := func(limit int64, want int) {
		t.Helper()
		if got := maxTasks(limit); got != want {
			t.Errorf("maxTasks(%d) is %d, want %d", limit, got, want)
		}
	}
	f(0, 4096)
	f(1<<20, 256)
	f(96<<20, 1536)
	f(64<<30, 4096)
}
