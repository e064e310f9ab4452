// Package memfs is a file system in memory for nodes that keep nothing: unlike Pebble's, its files are sparse. A commit
// log segment of 16 MiB that holds ten messages costs a page or two, and making it costs nothing. The root package gives
// one to the store of each node in memory. All methods are safe to call at once; one handle's Read and Write are not.
package memfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system. It knows its files and directories by their clean names.
type FS struct {
	mu    sync.Mutex
	files map[string]*file
	dirs  map[string]bool
	locks map[string]bool
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS {
	return &FS{files: map[string]*file{}, dirs: map[string]bool{".": true, string(filepath.Separator): true}, locks: map[string]bool{}}
}

func fail(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// Create makes a new file; one of that name is removed first, and who has it open keeps it.
func (m *FS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.create(filepath.Clean(name))
}

func (m *FS) create(name string) (vfs.File, error) {
	if m.dirs[name] {
		return nil, fail("create", name, fs.ErrExist)
	}
	if !m.dirs[filepath.Dir(name)] {
		return nil, fail("create", name, fs.ErrNotExist)
	}
	f := &file{}
	m.files[name] = f
	return &handle{name: name, file: f, writable: true}, nil
}

// Open opens a file, or a directory, for reading.
func (m *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return m.open(name, false, opts)
}

// OpenReadWrite opens a file, which it makes if there is none.
func (m *FS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return m.open(name, true, opts)
}

func (m *FS) open(name string, writable bool, opts []vfs.OpenOption) (vfs.File, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	f := m.files[name]
	var h vfs.File = &handle{name: name, file: f, writable: writable}
	var err error
	switch {
	case f == nil && m.dirs[name] && !writable:
		h = directory(name)
	case f == nil && writable:
		h, err = m.create(name)
	case f == nil:
		err = fail("open", name, fs.ErrNotExist)
	}
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

// OpenDir opens a directory, whose Sync does nothing.
func (m *FS) OpenDir(name string) (vfs.File, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirs[name] {
		return nil, fail("open", name, fs.ErrNotExist)
	}
	return directory(name), nil
}

// Link gives a file a second name.
func (m *FS) Link(oldname, newname string) error {
	oldname, newname = filepath.Clean(oldname), filepath.Clean(newname)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.files[oldname] == nil || !m.dirs[filepath.Dir(newname)]:
		return fail("link", oldname, fs.ErrNotExist)
	case m.files[newname] != nil || m.dirs[newname]:
		return fail("link", newname, fs.ErrExist)
	}
	m.files[newname] = m.files[oldname]
	return nil
}

// Remove removes a file or an empty directory. Who has the file open keeps it.
func (m *FS) Remove(name string) error {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.files[name] != nil:
		delete(m.files, name)
	case !m.dirs[name]:
		return fail("remove", name, fs.ErrNotExist)
	case len(m.list(name)) > 0:
		return fail("remove", name, fs.ErrInvalid)
	default:
		delete(m.dirs, name)
	}
	return nil
}

// RemoveAll removes a file or a directory with all that is in it.
func (m *FS) RemoveAll(name string) error {
	name = filepath.Clean(name)
	below := func(p string) bool { return p == name || strings.HasPrefix(p, name+string(filepath.Separator)) }
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.files {
		if below(p) {
			delete(m.files, p)
		}
	}
	for p := range m.dirs {
		if below(p) {
			delete(m.dirs, p)
		}
	}
	return nil
}

// Rename renames a file and replaces one of the new name. Directories keep their names.
func (m *FS) Rename(oldname, newname string) error {
	oldname, newname = filepath.Clean(oldname), filepath.Clean(newname)
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.files[oldname]
	switch {
	case f == nil && m.dirs[oldname]:
		return fail("rename", oldname, fs.ErrInvalid)
	case f == nil || !m.dirs[filepath.Dir(newname)]:
		return fail("rename", oldname, fs.ErrNotExist)
	case m.dirs[newname]:
		return fail("rename", newname, fs.ErrExist)
	case m.files[newname] == f:
		return nil // two names of one file: both stay, as POSIX has it
	}
	delete(m.files, oldname)
	m.files[newname] = f
	return nil
}

// ReuseForWrite renames a file and opens it for writing from its beginning.
func (m *FS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := m.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return m.OpenReadWrite(newname, c)
}

// MkdirAll makes a directory and those above it.
func (m *FS) MkdirAll(dir string, _ os.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir = filepath.Clean(dir); !m.dirs[dir]; dir = filepath.Dir(dir) {
		if m.files[dir] != nil {
			return fail("mkdir", dir, fs.ErrExist)
		}
		m.dirs[dir] = true
	}
	return nil
}

// Lock takes the lock of that name, which nobody may have.
func (m *FS) Lock(name string) (io.Closer, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return nil, fail("lock", name, fs.ErrExist)
	}
	if m.files[name] == nil {
		if _, err := m.create(name); err != nil {
			return nil, err
		}
	}
	m.locks[name] = true
	return unlock(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.locks, name)
	}), nil
}

type unlock func()

func (u unlock) Close() error {
	u()
	return nil
}

// List returns the names in a directory, sorted.
func (m *FS) List(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirs[dir] {
		return nil, fail("list", dir, fs.ErrNotExist)
	}
	return m.list(dir), nil
}

func (m *FS) list(dir string) []string {
	var names []string
	for p := range m.files {
		if filepath.Dir(p) == dir {
			names = append(names, filepath.Base(p))
		}
	}
	for p := range m.dirs {
		if filepath.Dir(p) == dir && p != dir {
			names = append(names, filepath.Base(p))
		}
	}
	slices.Sort(names)
	return names
}

// Stat tells of a file or a directory.
func (m *FS) Stat(name string) (vfs.FileInfo, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	f, dir := m.files[name], m.dirs[name]
	m.mu.Unlock()
	switch {
	case f != nil:
		return f.info(name), nil
	case dir:
		return info{name: filepath.Base(name), mode: os.ModeDir | 0o755}, nil
	}
	return nil, fail("stat", name, fs.ErrNotExist)
}

// PathBase is filepath.Base.
func (m *FS) PathBase(p string) string { return filepath.Base(p) }

// PathJoin is filepath.Join.
func (m *FS) PathJoin(elem ...string) string { return filepath.Join(elem...) }

// PathDir is filepath.Dir.
func (m *FS) PathDir(p string) string { return filepath.Dir(p) }

// GetDiskUsage returns an error: there is no disk to fill.
func (m *FS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}

// Unwrap returns nil: nothing lies beneath.
func (m *FS) Unwrap() vfs.FS { return nil }

type info struct {
	name string
	size int64
	mode os.FileMode
	time time.Time
}

func (i info) Name() string           { return i.name }
func (i info) Size() int64            { return i.size }
func (i info) Mode() os.FileMode      { return i.mode }
func (i info) ModTime() time.Time     { return i.time }
func (i info) IsDir() bool            { return i.mode.IsDir() }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
