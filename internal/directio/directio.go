// Package directio opens files past the page cache (O_DIRECT), through whatever file system the caller was given. The commit
// log alone calls it. Everything here is safe to call at once.
//
// O_DIRECT is switched on by a [vfs.OpenOption], on the descriptor of the file that the file system has opened. So a file
// system that wraps another, to count or to inject errors, sees the reads and writes of a direct handle as it sees all
// others, as long as it passes options and Fd on.
package directio

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Align is what offset, length and memory of each read and write of a direct handle are multiples of, in bytes. A file
// that asks for more is not opened direct.
const Align = 4096

// Open opens a file with O_DIRECT, which must exist, for reading or for both. The error wraps [errors.ErrUnsupported] where
// the operating system or the file system has no direct I/O of this alignment.
func Open(fs vfs.FS, name string, write bool) (vfs.File, error) {
	o := &option{err: errors.New("the file system has not taken the option")}
	var f vfs.File
	var err error
	if write {
		f, err = fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified, o)
	} else {
		f, err = fs.Open(name, o)
	}
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		return nil, errors.Join(fmt.Errorf("direct I/O on %s: %w: %w", name, errors.ErrUnsupported, o.err), f.Close())
	}
	return f, nil
}

type option struct{ err error }

// Apply switches O_DIRECT on.
func (o *option) Apply(f vfs.File) {
	if f.Fd() == vfs.InvalidFd {
		o.err = errors.New("the file is not one of the operating system")
		return
	}
	o.err = enable(int(f.Fd()))
}

// Buffer returns n bytes at an aligned address, all zero. Memory that is not written costs none.
func Buffer(n int) []byte {
	b := make([]byte, n+Align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Align - 1) // #nosec G103 -- the address is looked at, not kept
	return b[skip : skip+n : skip+n]
}
