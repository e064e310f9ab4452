package commitlog_test

import (
	"github.com/cockroachdb/pebble/v2/vfs"
)

// fault is a file system that asks a hook before each change; what the hook returns is the operation's outcome.
type fault struct {
	vfs.FS
	hook func(op change) error
	read func(path string, off int64, n int) error // asked before each ReadAt, if not nil
}

// change is one operation: write, sync, syncdir, create, remove.
type change struct {
	op, path string
	off      int64
	data     []byte
	file     vfs.File
}

type faultFile struct {
	vfs.File
	fs   *fault
	path string
	dir  bool
}

func (f *fault) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.hook(change{op: "create", path: name}); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, c)
	return &faultFile{File: file, fs: f, path: name}, err
}

func (f *fault) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, o...)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, path: name}, nil
}

func (f *fault) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.Open(name, o...)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, path: name}, nil
}

func (f *fault) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, path: name, dir: true}, nil
}

func (f *fault) Remove(name string) error {
	if err := f.hook(change{op: "remove", path: name}); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.hook(change{op: "write", path: f.path, off: off, data: b, file: f.File}); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f *faultFile) ReadAt(b []byte, off int64) (int, error) {
	if f.fs.read != nil {
		if err := f.fs.read(f.path, off, len(b)); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(b, off)
}

func (f *faultFile) SyncData() error { return f.Sync() }

func (f *faultFile) Sync() error {
	op := "sync"
	if f.dir {
		op = "syncdir"
	}
	if err := f.fs.hook(change{op: op, path: f.path, file: f.File}); err != nil {
		return err
	}
	return f.File.Sync()
}
