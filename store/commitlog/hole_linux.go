package commitlog

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// nextData returns where the file's next data begins at or behind off, size if there is none. A hole reads as zeros.
func nextData(f vfs.File, off, size int64) int64 {
	fd := f.Fd()
	if fd == vfs.InvalidFd || off >= size {
		return off
	}
	at, err := unix.Seek(int(fd), off, unix.SEEK_DATA)
	switch {
	case err == nil:
		return min(at, size)
	case errors.Is(err, unix.ENXIO):
		return size
	default:
		return off // the file system cannot tell: everything is data
	}
}
