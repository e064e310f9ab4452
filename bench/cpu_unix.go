//go:build unix

package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// selfCPU is the user and system time of this process.
func selfCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return unknownCPU
	}
	return time.Duration(unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime))
}
