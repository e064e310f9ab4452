package cli

import (
	"runtime"
	"testing"
)

func TestUncountedMemory(t *testing.T) {
	f := func(limit, want int64) {
		t.Helper()
		if got := uncounted(limit); got != want {
			t.Errorf("uncounted(%d) is %d, want %d", limit, got, want)
		}
	}
	f(40<<20, 20<<20)
	f(96<<20, 42<<20)
	f(320<<20, 42<<20)
	f(1000<<20, 100<<20)
}

func TestSpareThreads(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	spareThreads([]string{"HOME=/", "GOMAXPROCS=2"})
	if got := runtime.GOMAXPROCS(0); got != was {
		t.Errorf("%d, want what the environment says, %d", got, was)
	}
	spareThreads([]string{"HOME=/"})
	want := was
	if was == runtime.NumCPU() {
		want += 2
	}
	if got := runtime.GOMAXPROCS(0); got != want {
		t.Errorf("%d, want %d, from %d with %d processors", got, want, was, runtime.NumCPU())
	}
}
