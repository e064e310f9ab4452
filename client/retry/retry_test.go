package retry_test

import (
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client/retry"
)

func TestLevel(t *testing.T) {
	for d, want := range map[time.Duration]int{-1: 1, 0: 1, time.Second: 1, time.Second + 1: 2, 10 * time.Second: 3, 90 * time.Minute: 18, 3 * time.Hour: 18} {
		if got := retry.Level(d); got != want {
			t.Errorf("Level(%v) = %d, want %d", d, got, want)
		}
	}
	for level, want := range map[int]time.Duration{-1: time.Second, 0: time.Second, 1: time.Second, 3: 10 * time.Second, 18: 2 * time.Hour, 19: 2 * time.Hour} {
		if got := retry.OfLevel(level); got != want {
			t.Errorf("OfLevel(%d) = %v, want %v", level, got, want)
		}
	}
}

func TestAfter(t *testing.T) {
	f := func(failed int, want time.Duration, delays ...time.Duration) {
		t.Helper()
		if got := retry.After(delays, failed); got != want {
			t.Errorf("After(%v, %d) = %v, want %v", delays, failed, got, want)
		}
	}
	f(0, 10*time.Second)
	f(1, 30*time.Second)
	f(100, 2*time.Hour)
	f(0, time.Second, time.Second, time.Minute)
	f(1, time.Minute, time.Second, time.Minute)
	f(7, time.Minute, time.Second, time.Minute)
}
