package commitlog

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// errRead tells a failed read from bytes that are no record.
var errRead = errors.New("read failed")

const (
	// maxReadGap is the largest hole between two records that are read by one pread all the same.
	maxReadGap = 4 << 10
	// scanBuffer is what Scan and Open read at once; a larger record gets a larger buffer.
	scanBuffer = 1 << 20
)

// Read appends the bytes of the named records to dst, in order: from memory, else with one pread for each run of
// neighbours. It never waits for the writer or the deleter. On an error dst comes back with what was read before it;
// a span that is not published or was dropped gives ErrRange.
func (l *Log) Read(dst []byte, spans []Span) ([]byte, error) { return l.read(dst, spans, true) }

// ReadReady is [Log.Read] for who must not wait: where it would have to ask the disk it ends with [message.ErrWouldWait].
func (l *Log) ReadReady(dst []byte, spans []Span) ([]byte, error) { return l.read(dst, spans, false) }

func (l *Log) read(dst []byte, spans []Span, wait bool) ([]byte, error) {
	published := l.Published()
	for _, s := range spans {
		if s.Size <= 0 || s.At < 0 || s.At > published-message.LogOffset(s.Size) {
			return dst, fmt.Errorf("%w: %d bytes at %d, published up to %d", ErrRange, s.Size, s.At, published)
		}
	}
	for len(spans) > 0 {
		var n int
		if dst, n = l.tail.read(dst, spans); n > 0 {
			spans = spans[n:]
			continue
		}
		var err error
		if l.followsCold() {
			if dst, n, err = l.readCold(dst, spans, wait); err != nil {
				return dst, err
			}
			if n > 0 {
				spans = spans[n:]
				continue
			}
		}
		if !wait {
			return dst, message.ErrWouldWait
		}
		n = l.coldRun(spans)
		if dst, err = l.pread(dst, spans[:n]); err != nil {
			return dst, err
		}
		spans = spans[n:]
	}
	return dst, nil
}

// followsCold reports whether cold reads may be served from blocks read past the page cache.
func (l *Log) followsCold() bool { return l.cold.limit >= coldSize && l.wantsDirect() }

// readCold reads leading spans, none if they are better read one by one.
func (l *Log) readCold(dst []byte, spans []Span, wait bool) ([]byte, int, error) {
	s := l.segs.acquire(spans[0].At)
	if s == nil {
		return dst, 0, l.noSegment(spans[0].At)
	}
	limit := s.end()
	if first, warm := l.tail.first(); warm {
		limit = min(limit, first)
	}
	n := 0
	err := error(nil)
	if s.size%blockSize == 0 {
		dst, n, err = l.cold.read(dst, s, spans, limit, wait)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) { // or another reader has found out
		l.opts.Logger.Debug("a block was not read past the page cache", "error", err)
	}
	return dst, n, s.release() // one bad sector spoils a block: what is asked for may be read without it
}

// coldRun returns how many spans lie close enough behind one another, and before the tail in memory, for one pread.
func (l *Log) coldRun(spans []Span) int {
	first, warm := l.tail.first()
	n := 1
	for ; n < len(spans); n++ {
		end := spans[n-1].At + message.LogOffset(spans[n-1].Size)
		if spans[n].At < end || spans[n].At-end > maxReadGap || warm && spans[n].At >= first {
			break
		}
	}
	return n
}

// pread reads one run, which it cuts at the end of a segment, and closes its holes.
func (l *Log) pread(dst []byte, run []Span) ([]byte, error) {
	for len(run) > 0 {
		s := l.segs.acquire(run[0].At)
		if s == nil {
			return dst, l.noSegment(run[0].At)
		}
		n := len(run)
		for n > 1 && run[n-1].At >= s.end() {
			n--
		}
		var err error
		dst, err = s.pread(dst, run[:n])
		if err = errors.Join(err, s.release()); err != nil {
			return dst, err
		}
		run = run[n:]
	}
	return dst, nil
}

// noSegment says why no segment was found for a published offset.
func (l *Log) noSegment(at message.LogOffset) error {
	if l.segs.isClosed() {
		return ErrClosed
	}
	return fmt.Errorf("%w: offset %d, it begins at %d", ErrRange, at, l.Start())
}

func (s *segment) pread(dst []byte, run []Span) ([]byte, error) {
	last := run[len(run)-1]
	from, to := run[0].At, last.At+message.LogOffset(last.Size)
	if to > s.end() {
		return dst, fmt.Errorf("%w: %d bytes at %d pass the end of segment %s", ErrRange, last.Size, last.At, s.path)
	}
	had, size := len(dst), int(to-from)
	dst = grow(dst, size)
	b := dst[had : had+size]
	if n, err := s.file.ReadAt(b, int64(from-s.base)); n < size {
		return dst[:had], fmt.Errorf("read %d bytes of segment %s at %d: %w", size, s.path, from, err)
	}
	at := 0
	for _, r := range run {
		at += copy(b[at:], b[r.At-from:][:r.Size])
	}
	return dst[:had+at], nil
}

// grow returns b with its length increased by n.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

// Scan calls fn with each record from from, where one must begin, up to to (0 or beyond the end: what is published at
// the call). A record is valid during the call. Scan checks the frame of a record, not its CRCs. It ends with fn's error.
func (l *Log) Scan(from, to message.LogOffset, fn func(rec []byte) error) error {
	if end := l.Published(); to <= 0 || to > end {
		to = end
	}
	from = max(from, l.Start())
	for from < to {
		s := l.segs.acquire(from)
		if s == nil {
			return l.noSegment(from)
		}
		at, err := s.scan(from, min(to, s.end()), fn)
		if err = errors.Join(err, s.release()); err != nil {
			return err
		}
		from = at
	}
	return nil
}

func (s *segment) scan(from, to message.LogOffset, fn func(rec []byte) error) (message.LogOffset, error) {
	r := scanner{seg: s, at: from, limit: to}
	for r.at < to {
		rec, blank, err := r.next()
		switch {
		case err != nil:
			return r.at, fmt.Errorf("scan segment %s at %d: %w", s.path, r.at, err)
		case blank:
			return s.end(), nil
		}
		if err := fn(rec); err != nil {
			return r.at, err
		}
		r.at += message.LogOffset(len(rec))
	}
	return r.at, nil
}

// scanner reads a segment's records one behind the other. The caller moves at.
type scanner struct {
	seg   *segment
	at    message.LogOffset
	limit message.LogOffset // nothing is read from here on
	buf   []byte
	base  message.LogOffset // where buf begins
}

// window returns at least n bytes at r.at, or what there is up to the limit.
func (r *scanner) window(n int) ([]byte, error) {
	n = min(n, int(r.limit-r.at))
	if off := r.at - r.base; off >= 0 && int(off)+n <= len(r.buf) {
		return r.buf[off:], nil
	}
	size := min(max(n, scanBuffer), int(r.limit-r.at))
	if cap(r.buf) < size {
		r.buf = make([]byte, size)
	}
	r.buf, r.base = r.buf[:size], r.at
	got, err := r.seg.file.ReadAt(r.buf, int64(r.at-r.seg.base))
	r.buf = r.buf[:got]
	if got < n {
		return r.buf, fmt.Errorf("%w: %d bytes of segment %s at %d: %w", errRead, size, r.seg.path, r.at, err)
	}
	return r.buf, nil
}

// next returns the record at r.at, or that a blank lies there. The record is valid until the next call.
func (r *scanner) next() (rec []byte, blank bool, err error) {
	b, err := r.window(message.BlankSize)
	if err != nil {
		return nil, false, err
	}
	size, blank, err := message.PeekSize(b)
	if err != nil || blank {
		return nil, blank, err
	}
	if int64(size) > int64(r.limit-r.at) {
		return nil, false, fmt.Errorf("%w: total size %d, %d bytes are left", message.ErrSize, size, r.limit-r.at)
	}
	if b, err = r.window(size); err != nil {
		return nil, false, err
	}
	return b[:size], false, nil
}

// Segments lists the segment files in log order, without the prepared reserve.
func (l *Log) Segments() []Segment {
	var out []Segment
	for _, s := range l.segs.snapshot() {
		if s.base > l.Published() {
			break
		}
		seg := Segment{Base: s.base, Size: s.size, Path: s.path}
		if info, err := l.opts.FS.Stat(s.path); err == nil {
			seg.ModTime = info.ModTime()
		}
		out = append(out, seg)
	}
	return out
}

// PathOf names the file that holds an offset, "" if there is none.
func (l *Log) PathOf(at message.LogOffset) string {
	for _, s := range l.segs.snapshot() {
		if at >= s.base && at < s.end() {
			return s.path
		}
	}
	return ""
}

// DropBefore removes the segments that end at or before the offset, oldest first, never the one that is being written.
// Reads in flight go on. Each removal is durable before the next, so that a crash leaves no hole.
func (l *Log) DropBefore(at message.LogOffset) error {
	if p := l.Published(); at > p {
		at = p
	}
	for {
		s := l.segs.removeFirst(at)
		if s == nil {
			return nil
		}
		err := l.opts.FS.Remove(s.path)
		if err == nil {
			err = syncDir(l.opts.FS, l.opts.Dir)
		}
		if err = errors.Join(err, s.release()); err != nil {
			return fmt.Errorf("drop segment %s: %w", s.path, err)
		}
	}
}
