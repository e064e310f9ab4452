package bench

import (
	"os"
	"testing"
	"time"
)

func TestParseProcessStat(t *testing.T) {
	f := func(text string, want time.Duration, ok bool) {
		t.Helper()
		got, err := parseProcessStat([]byte(text))
		if got != want || (err == nil) != ok {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	f("7 (java) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 8 9 20 0 5 0 77 1 2", 1750*time.Millisecond, true)
	f("7 (a ) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 1 2 8 9 20 0 5 0 77 1 2", 30*time.Millisecond, true)
	f("7 (x) S 1 7 7 0 -1 4194560 1 2 3 4 1", 0, false)
	f("7 (x) S 1 7 7 0 -1 4194560 1 2 3 4 one 2 3", 0, false)
	f("", 0, false)
}

func TestParseMachineStat(t *testing.T) {
	f := func(text string, busy, total time.Duration, ok bool) {
		t.Helper()
		gotBusy, gotTotal, err := parseMachineStat([]byte(text))
		if gotBusy != busy || gotTotal != total || (err == nil) != ok {
			t.Errorf("%q: %v of %v, %v; want %v of %v", text, gotBusy, gotTotal, err, busy, total)
		}
	}
	f("cpu  100 1 20 1000 30 2 3 4 50 60\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 1300*time.Millisecond, 11600*time.Millisecond, true)
	f("cpu0 100 1 20 1000 30 2 3 4 50 60\n", 0, 0, false)
	f("cpu 100 1\n", 0, 0, false)
	f("cpu 100 1 20 x 30 2 3 4 50 60\n", 0, 0, false)
}

// TestOwnTimesAgree spends CPU time and compares what the two sources say of this process.
func TestOwnTimesAgree(t *testing.T) {
	until := selfCPU() + 50*time.Millisecond
	for selfCPU() < until {
	}
	fromStat, err := processCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if difference := (selfCPU() - fromStat).Abs(); difference > 100*time.Millisecond {
		t.Errorf("getrusage and /proc differ by %v", difference)
	}
}

func TestParseModel(t *testing.T) {
	if got := parseModel([]byte("processor\t: 0\nmodel\t\t: 2\nmodel name\t: A 1 B\n\nmodel name\t: other\n")); got != "A 1 B" {
		t.Errorf("model %q", got)
	}
}
