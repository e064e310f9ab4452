package commitlog

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// segment is one file of the log. The list holds one reference, each reader one; the last one closes the files.
type segment struct {
	base message.LogOffset
	size int64
	path string
	file vfs.File // through the page cache: readers pread it
	// out and side are further handles of the newest segments, past the page cache where that can be had: the committing
	// goroutine writes and syncs through out, the background fills and syncs through side, because a vfs.File takes one
	// write or sync at a time.
	out, side vfs.File
	refs      atomic.Int32

	coldMu sync.Mutex
	cold   vfs.File // for reads past the page cache, nil until the first; guarded by coldMu

	kept      []byte // what the block holds in which the records end; the committing goroutine's
	allocated int64  // bytes from the file's beginning that have room on the disk; the background's
}

func segmentName(base message.LogOffset) string { return fmt.Sprintf("%020d", int64(base)) }

func parseSegmentName(name string) (message.LogOffset, bool) {
	if len(name) != 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(name, 10, 64)
	return message.LogOffset(n), err == nil && n >= 0
}

func (s *segment) end() message.LogOffset { return s.base + message.LogOffset(s.size) }

func (s *segment) release() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	return s.closeFiles()
}

func (s *segment) closeFiles() error {
	var errs []error
	for _, f := range []vfs.File{s.file, s.out, s.side, s.cold} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// openSegment opens a segment for writing.
func (l *Log) openSegment(base message.LogOffset, size int64) (*segment, error) {
	s := &segment{base: base, size: size, path: l.opts.FS.PathJoin(l.opts.Dir, segmentName(base))}
	var err error
	if s.file, err = l.openHandle(s, false); err == nil {
		if s.out, err = l.openHandle(s, true); err == nil {
			s.side, err = l.openHandle(s, true)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	s.refs.Store(1)
	return s, nil
}

// openHandle opens a segment for writing, past the page cache if that is asked for and can be had.
func (l *Log) openHandle(s *segment, direct bool) (vfs.File, error) {
	if direct {
		if f, err := l.openDirect(s, true); f != nil || err != nil {
			return f, err
		}
	}
	return l.opts.FS.OpenReadWrite(s.path, vfs.WriteCategoryUnspecified)
}

// openSealed opens a segment that will only be read.
func openSealed(fs vfs.FS, dir string, base message.LogOffset, size int64) (*segment, error) {
	s := &segment{base: base, size: size, path: fs.PathJoin(dir, segmentName(base))}
	var err error
	if s.file, err = fs.Open(s.path); err != nil {
		return nil, err
	}
	s.refs.Store(1)
	return s, nil
}

// createSegment makes a segment of full, sparse length and returns when the length and the name are durable. A file of
// that name is removed first: a segment never begins with another one's bytes.
func (l *Log) createSegment(base message.LogOffset, size int64) (*segment, error) {
	fs, dir := l.opts.FS, l.opts.Dir
	f, err := fs.Create(fs.PathJoin(dir, segmentName(base)), vfs.WriteCategoryUnspecified)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("create segment %s: %w", segmentName(base), err)
	}
	s, err := l.openSegment(base, size)
	if err != nil {
		return nil, fmt.Errorf("create segment %s: %w", segmentName(base), err)
	}
	err = s.stretch(fs, dir)
	if err != nil {
		_ = s.closeFiles()
		_ = fs.Remove(s.path)
		return nil, fmt.Errorf("prepare segment %s of %d bytes: %w", segmentName(base), size, err)
	}
	return s, nil
}

func (s *segment) stretch(fs vfs.FS, dir string) error {
	if _, err := s.file.WriteAt([]byte{0}, s.size-1); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}

// segments is the list of segments, in log order without gaps. The last one may be the reserve, not yet written.
type segments struct {
	mu     sync.RWMutex
	list   []*segment
	closed bool // nobody gets a segment any more
}

// close takes all segments out of reach of further readers and returns them.
func (ss *segments) close() []*segment {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.closed = true
	return ss.list
}

func (ss *segments) isClosed() bool {
	ss.mu.RLock()
	defer ss.mu.RUnlock()
	return ss.closed
}

func (ss *segments) add(s *segment) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.list = append(ss.list, s)
}

// acquire returns the segment that holds the offset, with a reference, or nil.
func (ss *segments) acquire(at message.LogOffset) *segment {
	ss.mu.RLock()
	defer ss.mu.RUnlock()
	i := sort.Search(len(ss.list), func(i int) bool { return ss.list[i].base > at }) - 1
	if i < 0 || at >= ss.list[i].end() || ss.closed {
		return nil
	}
	ss.list[i].refs.Add(1)
	return ss.list[i]
}

func (ss *segments) snapshot() []*segment {
	ss.mu.RLock()
	defer ss.mu.RUnlock()
	return append([]*segment(nil), ss.list...)
}

// removeFirst takes the oldest segment out of the list if it ends at or before the offset.
func (ss *segments) removeFirst(before message.LogOffset) *segment {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.list) == 0 || ss.list[0].end() > before {
		return nil
	}
	s := ss.list[0]
	ss.list = append([]*segment(nil), ss.list[1:]...)
	return s
}

// removeLast takes s out of the list, which it ends.
func (ss *segments) removeLast(s *segment) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if n := len(ss.list); n > 0 && ss.list[n-1] == s {
		ss.list = append([]*segment(nil), ss.list[:n-1]...)
	}
}
