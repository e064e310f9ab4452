package cli

import "testing"

func TestUncountedMemory(t *testing.T) {
	f := func(limit, want int64) {
		t.Helper()
		if got := uncounted(limit); got != want {
			t.Errorf("uncounted(%d) is %d, want %d", limit, got, want)
		}
	}
	f(40<<20, 20<<20)
	f(96<<20, 32<<20)
	f(320<<20, 32<<20)
	f(1000<<20, 100<<20)
}
