package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"

	"github.com/aerobee-mq/aerobee/message"
)

// settle makes the disk agree with what replay found: nothing behind the tail, everything before it durable.
func (l *Log) settle(r *replay) error {
	if r.last == nil {
		s, err := l.createSegment(r.tail, l.opts.SegmentSize)
		if err != nil {
			return err
		}
		l.segs.add(s)
		l.active = s
		return nil
	}
	clean := l.opts.CleanEnd != 0 && l.opts.CleanEnd == r.tail
	if !clean && r.tail > r.last.base {
		l.opts.Logger.Warn("commit log was not stopped cleanly", "segment", r.last.path, "end", r.tail, "because", r.reason)
	}
	if err := l.dropBehind(r.last); err != nil {
		return err
	}
	s, err := l.reopen(r.last, r.tail)
	if err != nil {
		return err
	}
	l.active = s
	if clean || r.tail == s.base {
		return nil
	}
	if err := l.rewrite(s, max(r.from, s.base), r.tail); err != nil {
		return fmt.Errorf("rewrite segment %s up to %d: %w", s.path, r.tail, err)
	}
	if err := l.zeroBehind(s, r.tail); err != nil {
		return fmt.Errorf("zero segment %s behind %d: %w", s.path, r.tail, err)
	}
	return s.file.Sync()
}

// dropBehind removes the segments behind s, the last one first and each durably, so that a crash leaves no hole.
func (l *Log) dropBehind(s *segment) error {
	list := l.segs.snapshot()
	for i := len(list) - 1; list[i] != s; i-- {
		l.segs.removeLast(list[i])
		err := errors.Join(list[i].release(), l.opts.FS.Remove(list[i].path))
		if err == nil {
			err = syncDir(l.opts.FS, l.opts.Dir)
		}
		if err != nil {
			return fmt.Errorf("remove segment %s behind the end of the log: %w", list[i].path, err)
		}
	}
	return nil
}

// reopen opens the last segment for writing; one without a single record is made anew. One shorter than SegmentSize,
// which may not even have room for its end marker, is stretched.
func (l *Log) reopen(old *segment, tail message.LogOffset) (*segment, error) {
	l.segs.removeLast(old)
	if err := old.release(); err != nil {
		return nil, err
	}
	size := max(old.size, l.opts.SegmentSize)
	var s *segment
	var err error
	if tail == old.base {
		s, err = l.createSegment(old.base, l.opts.SegmentSize)
	} else {
		s, err = l.openSegment(old.base, size)
	}
	if err != nil {
		return nil, err
	}
	l.segs.add(s)
	if tail > old.base && size > old.size {
		err = s.stretch(l.opts.FS, l.opts.Dir)
	}
	return s, err
}

// rewrite writes the bytes of [from,to) again. The page cache may hold, clean, what a failed sync never brought to the
// disk; a sync alone would not write it.
func (l *Log) rewrite(s *segment, from, to message.LogOffset) error {
	buf := make([]byte, min(scanBuffer, int64(to-from)))
	for from < to {
		b := buf[:min(int64(len(buf)), int64(to-from))]
		if n, err := s.file.ReadAt(b, int64(from-s.base)); n < len(b) {
			return fmt.Errorf("read at %d: %w", from, err)
		}
		if _, err := s.file.WriteAt(b, int64(from-s.base)); err != nil {
			return fmt.Errorf("write at %d: %w", from, err)
		}
		from += message.LogOffset(len(b))
	}
	return nil
}

// zeroBehind zeroes what is not zero from the offset to the segment's end. As far as one commit can have reached it
// writes zeros even where it reads zeros, for the reason that rewrite has. Holes of the file are skipped.
func (l *Log) zeroBehind(s *segment, from message.LogOffset) error {
	near := from + message.LogOffset(l.opts.MaxPendingBytes)
	buf := make([]byte, len(l.zeros))
	for {
		from = s.base + message.LogOffset(nextData(s.file, int64(from-s.base), s.size))
		n := min(int64(len(buf)), int64(s.end()-from))
		if n <= 0 {
			return nil
		}
		got, err := s.file.ReadAt(buf[:n], int64(from-s.base))
		if got < int(n) {
			return fmt.Errorf("read at %d: %w", from, err)
		}
		to := from + message.LogOffset(n)
		if from < near || !bytes.Equal(buf[:n], l.zeros[:n]) {
			err := zeroFile(s.file, l.zeros, s.base, from, to)
			if errors.Is(err, syscall.ENOSPC) {
				err = l.zeroAllocated(s, buf[:n], from)
			}
			if err != nil {
				return err
			}
		}
		from = to
	}
}

// zeroAllocated zeroes, on a full disk, what b was read from, page by page. A page that reads as zeros and has no room is a
// hole: nothing of it is on the disk.
func (l *Log) zeroAllocated(s *segment, b []byte, from message.LogOffset) error {
	const page = 4096
	for len(b) > 0 {
		n := min(page-int(from-s.base)%page, len(b))
		err := zeroFile(s.file, l.zeros, s.base, from, from+message.LogOffset(n))
		if err != nil && (!errors.Is(err, syscall.ENOSPC) || !bytes.Equal(b[:n], l.zeros[:n])) {
			return err
		}
		b, from = b[n:], from+message.LogOffset(n)
	}
	return nil
}
