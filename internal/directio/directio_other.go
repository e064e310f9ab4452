//go:build !linux

package directio

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func enable(int) error { return errors.New("only Linux has it") }

// Refused reports whether a read or write of a direct handle failed because it was direct: there is none.
func Refused(error) bool { return false }

// Disable makes a direct handle a buffered one: there is none.
func Disable(vfs.File) error { return errors.ErrUnsupported }
