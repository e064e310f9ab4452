package cutdb

import (
	"errors"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the file system of a database that must change nothing any more once it has met what it calls fatal.
//
// Pebble ends the process then, and counts on it. One that goes on writes the same flush once more, behind an edit of its
// manifest that may have reached the disk: after a crash both count, and the next start ends in a panic over two tables
// with the same keys. Reads go on, the index has its directory there.
type gate struct {
	vfs.FS
	shut *atomic.Bool
}

var errShut = errors.New("the cache has failed and is left as it is")

func (g gate) check() error {
	if g.shut.Load() {
		return errShut
	}
	return nil
}

// Unwrap returns the file system behind the gate.
func (g gate) Unwrap() vfs.FS { return g.FS }

// Create makes a file that the gate guards.
func (g gate) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	f, err := g.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return gatedFile{f, g}, nil
}

// OpenReadWrite opens a file that the gate guards.
func (g gate) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.OpenReadWrite(name, c, opts...)
	if err != nil {
		return nil, err
	}
	return gatedFile{f, g}, nil
}

// ReuseForWrite is refused behind the gate.
func (g gate) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	f, err := g.FS.ReuseForWrite(from, to, c)
	if err != nil {
		return nil, err
	}
	return gatedFile{f, g}, nil
}

// Link is refused behind the gate.
func (g gate) Link(from, to string) error {
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Link(from, to)
}

// Rename is refused behind the gate.
func (g gate) Rename(from, to string) error {
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Rename(from, to)
}

// Remove is refused behind the gate.
func (g gate) Remove(name string) error {
	if err := g.check(); err != nil {
		return err
	}
	return g.FS.Remove(name)
}

// gatedFile is a file that is written through the gate.
type gatedFile struct {
	vfs.File
	gate gate
}

// Write is refused behind the gate.
func (f gatedFile) Write(b []byte) (int, error) {
	if err := f.gate.check(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

// WriteAt is refused behind the gate.
func (f gatedFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.gate.check(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, at)
}

// Sync is refused behind the gate.
func (f gatedFile) Sync() error {
	if err := f.gate.check(); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData is refused behind the gate.
func (f gatedFile) SyncData() error {
	if err := f.gate.check(); err != nil {
		return err
	}
	return f.File.SyncData()
}

// SyncTo is refused behind the gate.
func (f gatedFile) SyncTo(length int64) (full bool, err error) {
	if err := f.gate.check(); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}
