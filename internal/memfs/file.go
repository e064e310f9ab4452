package memfs

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// pageSize is the unit in which a file gets memory. A page that was never written, or only with zeros, has none.
const pageSize = 16 << 10

// file is a file's content, which all its names and handles share.
type file struct {
	mu      sync.RWMutex
	size    int64
	pages   []*[pageSize]byte // nil: zeros
	changed time.Time
}

func (f *file) info(name string) info {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return info{name: filepath.Base(name), size: f.size, mode: 0o644, time: f.changed}
}

func (f *file) readAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if off >= f.size {
		return 0, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), f.size-off)]
	n := 0
	for n < len(p) {
		page, at := (off+int64(n))/pageSize, (off+int64(n))%pageSize
		part := p[n:min(len(p), n+int(pageSize-at))]
		if content := f.pages[page]; content != nil {
			copy(part, content[at:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	if n < want {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) writeAt(p []byte, off int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = time.Now()
	f.size = max(f.size, off+int64(len(p)))
	if need := int((f.size + pageSize - 1) / pageSize); need > len(f.pages) {
		f.pages = append(f.pages, make([]*[pageSize]byte, need-len(f.pages))...)
	}
	n := 0
	for n < len(p) {
		page, at := (off+int64(n))/pageSize, (off+int64(n))%pageSize
		part := p[n:min(len(p), n+int(pageSize-at))]
		if f.pages[page] == nil && !zeros(part) {
			f.pages[page] = new([pageSize]byte)
		}
		if f.pages[page] != nil {
			copy(f.pages[page][at:], part)
		}
		n += len(part)
	}
	return n
}

func zeros(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// handle is an open file. Only its position is its own.
type handle struct {
	name     string
	file     *file // nil after Close
	writable bool
	pos      int64
}

func (h *handle) check(op string, write bool) error {
	switch {
	case h.file == nil:
		return fail(op, h.name, fs.ErrClosed)
	case write && !h.writable:
		return fail(op, h.name, fs.ErrPermission)
	}
	return nil
}

func (h *handle) Close() error {
	if err := h.check("close", false); err != nil {
		return err
	}
	h.file = nil
	return nil
}

func (h *handle) Read(p []byte) (int, error) {
	if err := h.check("read", false); err != nil {
		return 0, err
	}
	n, err := h.file.readAt(p, h.pos)
	h.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.check("read", false); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fail("read", h.name, fmt.Errorf("at offset %d: %w", off, fs.ErrInvalid))
	}
	return h.file.readAt(p, off)
}

func (h *handle) Write(p []byte) (int, error) {
	n, err := h.WriteAt(p, h.pos)
	h.pos += int64(n)
	return n, err
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.check("write", true); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fail("write", h.name, fmt.Errorf("at offset %d: %w", off, fs.ErrInvalid))
	}
	return h.file.writeAt(p, off), nil
}

func (h *handle) Stat() (vfs.FileInfo, error) {
	if err := h.check("stat", false); err != nil {
		return nil, err
	}
	return h.file.info(h.name), nil
}

func (h *handle) Preallocate(int64, int64) error      { return nil }
func (h *handle) Prefetch(int64, int64) error         { return nil }
func (h *handle) Sync() error                         { return h.check("sync", false) }
func (h *handle) SyncData() error                     { return h.check("sync", false) }
func (h *handle) SyncTo(int64) (full bool, err error) { return false, h.check("sync", false) }
func (h *handle) Fd() uintptr                         { return vfs.InvalidFd }

// directory is an open directory, by its name.
type directory string

func (d directory) refuse(op string) (int, error) { return 0, fail(op, string(d), fs.ErrInvalid) }

func (d directory) Close() error                       { return nil }
func (d directory) Read([]byte) (int, error)           { return d.refuse("read") }
func (d directory) ReadAt([]byte, int64) (int, error)  { return d.refuse("read") }
func (d directory) Write([]byte) (int, error)          { return d.refuse("write") }
func (d directory) WriteAt([]byte, int64) (int, error) { return d.refuse("write") }
func (d directory) Preallocate(int64, int64) error     { return nil }
func (d directory) Prefetch(int64, int64) error        { return nil }
func (d directory) Sync() error                        { return nil }
func (d directory) SyncData() error                    { return nil }
func (d directory) SyncTo(int64) (bool, error)         { return false, nil }
func (d directory) Fd() uintptr                        { return vfs.InvalidFd }

func (d directory) Stat() (vfs.FileInfo, error) {
	return info{name: filepath.Base(string(d)), mode: fs.ModeDir | 0o755}, nil
}
