package commitlog

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// blockSize is the unit in which SYNC_FLUSH writes: what direct I/O asks for, and what the page cache writes anyway.
const blockSize = directio.Align

const (
	// firstStage is the memory that groups are staged in at first, in bytes; it doubles up to maxStage as they grow.
	firstStage = 64 << 10
	// maxStage is the largest write, in bytes. A larger group is written in pieces.
	maxStage = 1 << 20
)

// blocks writes to segments in whole blocks: it copies what is to be written behind the bytes that the last block holds
// already, fills up with zeros, and writes the blocks. Behind the log's end the file is zero, so the zeros change nothing.
// The committing goroutine owns it.
//
// So the block in which the log ends is written again and again, with bytes in it that were acknowledged. They are the same
// bytes each time: a block whose rewrite was cut short by a crash holds, sector by sector, the old or the new state, and
// both have them. A medium that destroys a sector while it writes it would lose them, and would have lost them before: the
// page cache, too, writes whole pages, and an append dirties the page in which it begins.
//
// A write that fails has the same bytes written again by clean, before anything else is.
type blocks struct {
	plain bool // ASYNC_FLUSH: bytes are written where they lie, through the page cache, and no block is kept
	stage []byte
	log   *Log
}

// write writes the spans, one behind the other from at on. last is what it put into the block that it has not filled, from
// that block's beginning on, valid until the next write: for the segment to keep when the bytes count.
func (w *blocks) write(s *segment, at message.LogOffset, spans []extent) (last []byte, err error) {
	size := len(s.kept)
	for i := range spans {
		size += int(spans[i].size())
	}
	b := w.room(size)
	off := int64(at-s.base) - int64(len(s.kept))
	if !w.plain && off%blockSize != 0 {
		panic(fmt.Sprintf("BUG: a write at %d of segment %s, of whose last block %d bytes are kept", at, s.path, len(s.kept)))
	}
	n := copy(b, s.kept)
	for i := range spans {
		src := spans[i].bytes()
		for len(src) > 0 {
			k := copy(b[n:], src)
			src = src[k:]
			if n += k; n == len(b) {
				if err := w.put(s, b, off); err != nil {
					return nil, err
				}
				off, n = off+int64(n), 0
			}
		}
	}
	if n == 0 {
		return nil, nil
	}
	full := n
	if !w.plain {
		full = int(min(int64(roundUp(n)), s.size-off))
		clear(b[n:full])
		last = b[n&^(blockSize-1) : n]
	}
	return last, w.put(s, b[:full], off)
}

// room returns memory for a write of size bytes, or for a piece of it.
func (w *blocks) room(size int) []byte {
	want := firstStage
	for want < size && want < maxStage {
		want *= 2
	}
	if want > len(w.stage) {
		w.stage = directio.Buffer(want)
	}
	return w.stage
}

func roundUp(n int) int { return (n + blockSize - 1) &^ (blockSize - 1) }

// put writes one piece. Where the first direct write shows that there is no direct I/O, the log goes on without.
func (w *blocks) put(s *segment, b []byte, off int64) error {
	_, err := s.out.WriteAt(b, off)
	if err != nil && w.log.refusedDirect(s.out, err) {
		_, err = s.out.WriteAt(b, off)
	}
	if err != nil {
		return fmt.Errorf("write %d bytes to segment %s at %d: %w", len(b), segmentName(s.base), s.base+message.LogOffset(off), err)
	}
	return nil
}

// keep remembers what a segment's last block holds. last is what write returned.
func (s *segment) keep(last []byte) { s.kept = append(s.kept[:0], last...) }

// loadKept reads what the block in which a segment's records end, at to, holds.
func (s *segment) loadKept(to message.LogOffset) error {
	off := int64(to - s.base)
	n := int(off % blockSize)
	b := make([]byte, n, blockSize)
	if n > 0 {
		if got, err := s.file.ReadAt(b, off-int64(n)); got < n {
			return fmt.Errorf("read %d bytes of segment %s at %d: %w", n, s.path, to-message.LogOffset(n), err)
		}
	}
	s.kept = b
	return nil
}

// blockEnd returns the end of the block in which the byte before to lies.
func (s *segment) blockEnd(to message.LogOffset) message.LogOffset {
	return s.base + message.LogOffset(min(int64(roundUp(int(to-s.base))), s.size))
}

// wantsDirect reports whether segments are to be opened for direct I/O.
func (l *Log) wantsDirect() bool {
	return l.opts.Flush == SyncFlush && !l.opts.Buffered && !l.noDirect.Load()
}

// openDirect opens a handle of a segment past the page cache, nil if there is none to be had: where the file system has no
// direct I/O, and for a segment that ends within a block.
func (l *Log) openDirect(s *segment, write bool) (vfs.File, error) {
	if !l.wantsDirect() || s.size%blockSize != 0 {
		return nil, nil
	}
	f, err := directio.Open(l.opts.FS, s.path, write)
	if errors.Is(err, errors.ErrUnsupported) {
		l.goBuffered(err)
		return nil, nil
	}
	return f, err
}

// refusedDirect reports whether a write has to be tried again, with a handle that is no longer direct.
func (l *Log) refusedDirect(f vfs.File, err error) bool {
	if !directio.Refused(err) {
		return false
	}
	if directio.Disable(f) == nil {
		l.goBuffered(err)
		return true
	}
	return l.noDirect.Load() // somebody else has just done it
}

// goBuffered makes the log use the page cache from now on, and says so once.
func (l *Log) goBuffered(why error) {
	if l.noDirect.CompareAndSwap(false, true) {
		l.opts.Logger.Info("commit log uses the page cache", "because", why)
	}
}

// keepLast reads what the block in which the log ends holds.
func (l *Log) keepLast() error {
	if l.blocks.plain {
		return nil
	}
	return l.active.loadKept(l.at)
}
