package commitlog

import (
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

const (
	// fillStep is what the background zeroes and syncs at once: small, since the writer's next sync may have to wait for
	// it, but not too small, since each sync costs as much CPU as the writer's.
	fillStep = 1 << 20
	// fillFirst is the window of a log that has not been written yet; it grows with use up to FillWindow.
	fillFirst = 4 << 20
	// bulk is the mean size of a commit, in bytes, from which on nothing is zeroed ahead: a sync that has to change the block
	// map then costs less than writing everything twice, in CPU time, and half of the disk's bandwidth less.
	bulk = 256 << 10
	// maxFillPause bounds the throttle.
	maxFillPause = 20 * time.Millisecond
)

// window keeps the zero fill ahead of the writer and away from it. A sync of bytes that lie in blocks already written
// needs no change of the file's block map, which makes it half as expensive.
type window struct {
	mu       sync.Mutex
	idle     sync.Cond
	limit    int64
	origin   message.LogOffset // where the writer was at Open
	head     message.LogOffset // everything before it belongs to the writer
	filled   message.LogOffset
	mean     int64             // bytes of the last commits, each weighing an eighth
	from, to message.LogOffset // being filled, empty if equal
	poke     chan struct{}     // the writer has come closer to the end of the window
}

func (w *window) init(limit int64) {
	w.limit, w.idle.L = limit, &w.mu
	w.poke = make(chan struct{}, 1)
}

// place puts the writer at the offset, before the background runs.
func (w *window) place(at message.LogOffset) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.origin, w.head, w.filled = at, at, at
}

// advance gives everything before to to the writer, and waits for a fill in flight there.
func (w *window) advance(to message.LogOffset) {
	w.mu.Lock()
	w.mean += (int64(to-w.head) - w.mean) / 8
	w.head = max(w.head, to)
	for w.from < w.to && w.from < to {
		w.idle.Wait()
	}
	low := w.wantedLocked() && int64(w.filled-w.head) < w.sizeLocked()*3/4
	w.mu.Unlock()
	if low {
		w.wake()
	}
}

func (w *window) wantedLocked() bool { return w.limit > 0 && w.mean < bulk }

// wake calls the background.
func (w *window) wake() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func (w *window) sizeLocked() int64 { return min(w.limit, fillFirst+2*int64(w.head-w.origin)) }

func (w *window) size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sizeLocked()
}

// next returns where to fill, and whether the writer is close behind.
func (w *window) next() (from message.LogOffset, need, urgent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from = max(w.filled, w.head)
	ahead, size := int64(from-w.head), w.sizeLocked()
	return from, w.wantedLocked() && ahead+min(fillStep, w.limit) <= size, ahead < size/4
}

// begin claims [from,to) for the fill; false if the writer has it.
func (w *window) begin(from, to message.LogOffset) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from < w.head {
		return false
	}
	w.from, w.to = from, to
	return true
}

func (w *window) end(ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok {
		w.filled = max(w.filled, w.to)
	}
	w.from, w.to = 0, 0
	w.idle.Broadcast()
}

// fillPiece zeroes the next piece of the window and says when to come again. The pause is as long as several pieces
// take, so that the fill uses a fraction of the disk; a writer close behind gets it at full speed.
func (l *Log) fillPiece() (pause time.Duration, more bool) {
	from, need, urgent := l.win.next()
	if !need || l.noFill || l.Err() != nil {
		return 0, false
	}
	s := l.segs.acquire(from)
	if s == nil {
		return 0, false // no reserve yet: keepReserve comes first
	}
	began := time.Now()
	ok := s.side != nil && l.fill(s, from)
	if err := s.release(); err != nil {
		l.opts.Logger.Warn("close of a segment failed", "err", err)
	}
	if !ok || urgent {
		return 0, ok
	}
	return min(4*time.Since(began), maxFillPause), true
}

func (l *Log) fill(s *segment, from message.LogOffset) bool {
	to := min(from+message.LogOffset(min(fillStep, l.opts.FillWindow)), s.end())
	if !l.win.begin(from, to) {
		return true
	}
	l.allocate(s, from)
	err := zeroFile(s.side, l.zeros, s.base, from, to)
	if err != nil && l.refusedDirect(s.side, err) {
		err = zeroFile(s.side, l.zeros, s.base, from, to)
	}
	l.win.end(err == nil)
	if err == nil {
		err = s.side.SyncData()
	}
	if err != nil {
		l.opts.Logger.Warn("zero fill ahead of the commit log failed", "segment", s.path, "at", from, "err", err)
	}
	l.noFill = err != nil
	return err == nil
}

// allocate asks for room on the disk from from on. The file stays sparse behind it, so that a small disk is no fuller than
// what was written, one window and a quarter; zeros written to what is allocated do not need the file to themselves.
// Whether it succeeds shows when the zeros are written.
func (l *Log) allocate(s *segment, from message.LogOffset) {
	off := int64(from - s.base)
	if l.opts.Flush == AsyncFlush || off+fillStep <= s.allocated {
		return
	}
	size := min(max(l.win.size()/4, fillStep), s.size-off)
	_ = s.side.Preallocate(off, size)
	s.allocated = off + size
}
