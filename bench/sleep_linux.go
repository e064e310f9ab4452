package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// coarse is what [time.Sleep] may be late by when the process idles: the runtime waits in whole milliseconds then.
const coarse = 2 * time.Millisecond

// preciseSleep blocks a thread for the last milliseconds, since the kernel wakes it within about 60 µs.
func preciseSleep(d time.Duration) {
	if d > 2*coarse {
		time.Sleep(d - coarse)
		return // waitUntil asks again for the rest
	}
	left := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&left, nil) // a signal ends it early, and waitUntil asks again
}
