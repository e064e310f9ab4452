//go:build unix

package proxy

import (
	"errors"
	"syscall"
)

const canTry = true

// tryRead reads without waiting; again says that it would have had to wait.
func tryRead(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), b)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, nil
		case err != nil:
			return 0, false, err
		default:
			return n, false, nil
		}
	}
}
