package directio

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// enable switches O_DIRECT on for a descriptor, if its alignment suits. Kernels before 6.1 cannot be asked for it: then the
// first write tells.
func enable(fd int) error {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st); err == nil && st.Mask&unix.STATX_DIOALIGN != 0 {
		mem, off := st.Dio_mem_align, st.Dio_offset_align
		if mem == 0 || off == 0 || Align%mem != 0 || Align%off != 0 {
			return fmt.Errorf("memory is to be aligned to %d bytes, offsets to %d; the limit is %d", mem, off, Align)
		}
	}
	return set(fd, true)
}

func set(fd int, on bool) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if was := flags&unix.O_DIRECT != 0; was == on {
		return fmt.Errorf("O_DIRECT is %t already", on)
	}
	flags ^= unix.O_DIRECT
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err
}

// Refused reports whether a read or write of a direct handle failed because it was direct.
func Refused(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EOPNOTSUPP)
}

// Disable makes a direct handle a buffered one. It fails for one that is not direct.
func Disable(f vfs.File) error { return set(int(f.Fd()), false) }
