package faultfs

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultyFS is a file system whose operations may fail.
type faultyFS struct {
	vfs.FS
	faults *Faults
}

// Unwrap returns the file system behind.
func (f *faultyFS) Unwrap() vfs.FS { return f.FS }

func (f *faultyFS) wrap(file vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, faults: f.faults, name: name}, nil
}

// Create may fail as create.
func (f *faultyFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.faults.check("create", name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, c)
	return f.wrap(file, name, err)
}

// Link may fail as create.
func (f *faultyFS) Link(from, to string) error {
	if err := f.faults.check("create", to); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

// Open may fail as open.
func (f *faultyFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := f.faults.check("open", name); err != nil {
		return nil, err
	}
	file, err := f.FS.Open(name)
	if file, err = f.wrap(file, name, err); err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(file)
	}
	return file, nil
}

// OpenReadWrite may fail as open.
func (f *faultyFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := f.faults.check("open", name); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenReadWrite(name, c)
	if file, err = f.wrap(file, name, err); err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(file)
	}
	return file, nil
}

// OpenDir may fail as open.
func (f *faultyFS) OpenDir(name string) (vfs.File, error) {
	if err := f.faults.check("open", name); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenDir(name)
	return f.wrap(file, name, err)
}

// Remove may fail as remove.
func (f *faultyFS) Remove(name string) error {
	if err := f.faults.check("remove", name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// RemoveAll may fail as remove.
func (f *faultyFS) RemoveAll(name string) error {
	if err := f.faults.check("remove", name); err != nil {
		return err
	}
	return f.FS.RemoveAll(name)
}

// Rename may fail as rename, by its new name.
func (f *faultyFS) Rename(from, to string) error {
	if err := f.faults.check("rename", to); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// ReuseForWrite may fail as create, by its new name.
func (f *faultyFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.faults.check("create", to); err != nil {
		return nil, err
	}
	file, err := f.FS.ReuseForWrite(from, to, c)
	return f.wrap(file, to, err)
}

// MkdirAll may fail as mkdir.
func (f *faultyFS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.faults.check("mkdir", dir); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir, perm)
}

// Lock may fail as open.
func (f *faultyFS) Lock(name string) (io.Closer, error) {
	if err := f.faults.check("open", name); err != nil {
		return nil, err
	}
	return f.FS.Lock(name)
}

// List may fail as list.
func (f *faultyFS) List(dir string) ([]string, error) {
	if err := f.faults.check("list", dir); err != nil {
		return nil, err
	}
	return f.FS.List(dir)
}

// toldTotal is how large a disk is of which a script says how much is used.
const toldTotal = 100 << 30

// GetDiskUsage may fail as usage, or say that nothing is free, or what the script says.
func (f *faultyFS) GetDiskUsage(name string) (vfs.DiskUsage, error) {
	err := f.faults.check("usage", name)
	if told := usedPercent(0); errors.As(err, &told) {
		used := toldTotal / 100 * uint64(told)
		return vfs.DiskUsage{TotalBytes: toldTotal, UsedBytes: used, AvailBytes: toldTotal - used}, nil
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		return vfs.DiskUsage{}, err
	}
	use, inner := f.FS.GetDiskUsage(name)
	if err != nil && inner == nil {
		use.UsedBytes, use.AvailBytes = use.TotalBytes, 0
	}
	return use, inner
}

// faultyFile is a file whose operations may fail.
type faultyFile struct {
	vfs.File
	faults *Faults
	name   string
}

// Read may fail as read.
func (f *faultyFile) Read(b []byte) (int, error) {
	return f.read(b, f.File.Read)
}

// ReadAt may fail as read.
func (f *faultyFile) ReadAt(b []byte, at int64) (int, error) {
	return f.read(b, func(b []byte) (int, error) { return f.File.ReadAt(b, at) })
}

func (f *faultyFile) read(b []byte, read func([]byte) (int, error)) (int, error) {
	fault := f.faults.check("read", f.name)
	switch {
	case fault == nil:
		return read(b)
	case flipped(fault):
		n, err := read(b)
		if n > 0 {
			b[n/2] ^= 1
		}
		return n, err
	case halved(fault):
		n, err := read(b[:len(b)/2])
		return n, errors.Join(fault, err)
	}
	return 0, fault
}

// Write may fail as write.
func (f *faultyFile) Write(b []byte) (int, error) {
	return f.write(b, f.File.Write)
}

// WriteAt may fail as write.
func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	return f.write(b, func(b []byte) (int, error) { return f.File.WriteAt(b, at) })
}

func (f *faultyFile) write(b []byte, write func([]byte) (int, error)) (int, error) {
	fault := f.faults.check("write", f.name)
	switch {
	case fault == nil || flipped(fault):
		return write(b)
	case halved(fault):
		n, err := write(b[:half(len(b))])
		return n, errors.Join(fault, err)
	}
	return 0, fault
}

// half is about the half of n. Of whole blocks it is whole blocks, since a handle that goes past the page cache takes no others.
func half(n int) int {
	const block = 4096
	if n%block == 0 {
		return n / 2 / block * block
	}
	return n / 2
}

// Preallocate may fail as write.
func (f *faultyFile) Preallocate(at, length int64) error {
	if err := f.faults.check("write", f.name); err != nil {
		return err
	}
	return f.File.Preallocate(at, length)
}

// Sync may fail as sync.
func (f *faultyFile) Sync() error {
	if err := f.faults.check("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData may fail as sync.
func (f *faultyFile) SyncData() error {
	if err := f.faults.check("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// SyncTo may fail as sync.
func (f *faultyFile) SyncTo(length int64) (full bool, err error) {
	if err := f.faults.check("sync", f.name); err != nil {
		return false, err
	}
	return f.File.SyncTo(length)
}
