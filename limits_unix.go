//go:build unix

package aerobee

import (
	"os"

	"golang.org/x/sys/unix"
)

// openFiles are the files and sockets that this process has open, and how many it may have; 0 where the system does not tell.
func openFiles() (open, most uint64) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		most = uint64(limit.Cur)
	}
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, most
	}
	defer d.Close() //nolint:errcheck // it was read only
	names, _ := d.Readdirnames(-1)
	return uint64(len(names)), most
}
