package commitlog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// zeroFile writes zeros, a buffer of them, over [from,to) of the segment that begins at base.
func zeroFile(f vfs.File, zeros []byte, base, from, to message.LogOffset) error {
	for from < to {
		n := min(int64(to-from), int64(len(zeros)))
		if _, err := f.WriteAt(zeros[:n], int64(from-base)); err != nil {
			return err
		}
		from += message.LogOffset(n)
	}
	return nil
}

// roll ends the active segment and begins the next. See the package comment for the order of its syncs. When it fails
// before the new segment counts, that segment is thrown away and the next group tries again with a new one.
func (l *Log) roll() error {
	next, err := l.reserve(l.active.end())
	if err != nil {
		return l.full(err)
	}
	if err := l.clean(); err != nil {
		return err
	}
	old, at := l.active, l.at
	l.active, l.at = next, next.base
	if err := l.enter(old, at); err != nil {
		l.active, l.at = old, at
		l.dropReserve(next)
		return err
	}
	l.win.wake() // for the next reserve
	return nil
}

// full explains why there is no next segment, with the number that the operator needs.
func (l *Log) full(cause error) error {
	if du, err := l.opts.FS.GetDiskUsage(l.opts.Dir); err == nil {
		return fmt.Errorf("%w: %w (%d bytes available in %s)", ErrFull, cause, du.AvailBytes, l.opts.Dir)
	}
	return fmt.Errorf("%w: %w", ErrFull, cause)
}

// enter begins the active segment with the follower's checkpoint; old is the segment before, which ends at its offset
// at, or nil.
func (l *Log) enter(old *segment, at message.LogOffset) error {
	g := l.aside
	defer g.reset(&l.pool)
	to, err := l.encodeCheckpoint(g)
	if err == nil {
		err = l.writeCheckpoint(g.spans, old, at, to)
	}
	if err != nil {
		giveBack(g.recs)
		return err
	}
	l.checkpoint = int64(to - l.active.base)
	l.raiseSynced(to)
	l.publish(g.spans, g.recs, to)
	return nil
}

func (l *Log) encodeCheckpoint(g *group) (to message.LogOffset, err error) {
	g.spans = g.spans[:0]
	if l.opts.Follower == nil {
		return l.at, nil
	}
	enc, total := encoder{pool: &l.pool}, int64(0)
	defer enc.close()
	err = l.opts.Follower.Checkpoint(l.active.base, func(r *message.Record, q *Queue) error {
		l.complete(r)
		if err := message.CheckLimits(r); err != nil {
			return err
		}
		size := message.EncodedSize(r)
		if total += int64(size); total+message.BlankSize > l.active.size {
			return fmt.Errorf("%w: a checkpoint of %d bytes or more does not fit into a segment of %d", message.ErrTooBig, total, l.active.size)
		}
		enc.begin(g, size, nil, 0)
		enc.put(g, q, r)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("checkpoint of segment %s: %w", segmentName(l.active.base), err)
	}
	_, to = l.assign(g, 0)
	return to, nil
}

func (l *Log) writeCheckpoint(spans []extent, old *segment, at, to message.LogOffset) error {
	l.win.advance(l.active.blockEnd(to))
	if len(spans) > 0 {
		headless := slices.Insert(slices.Clone(spans), 0, l.zeroSpans(headSize)...)
		headless[1].start += headSize
		if err := l.writeSynced(l.active, l.active.base, headless, true); err != nil {
			return err
		}
	}
	if old != nil {
		blank := message.AppendBlank(make([]byte, 0, message.BlankSize), int(old.end()-at))
		if err := l.writeSynced(old, at, []extent{{chunk: &chunk{b: blank}, end: len(blank)}}, false); err != nil {
			return err
		}
	}
	if len(spans) == 0 {
		return nil
	}
	return l.writeHead(spans, to)
}

// headSize is how much of a checkpoint is held back: size and magic of its first record, which is none without them.
const headSize = message.BlankSize

// writeHead completes the checkpoint of the active segment: it writes the block again in which the head lies.
func (l *Log) writeHead(spans []extent, to message.LogOffset) error {
	s, part := l.active, slices.Clone(spans)
	last := s.kept
	if l.blocks.plain {
		part = part[:1]
		part[0].end = part[0].start + headSize
	} else {
		left := blockSize
		for i := range part {
			part[i].end = min(part[i].end, part[i].start+left)
			left -= int(part[i].size())
		}
	}
	s.kept = nil
	if err := l.writeSynced(s, s.base, part, true); err != nil {
		return err
	}
	if to-s.base >= blockSize {
		s.kept = last
	}
	return nil
}

// writeSynced writes spans, one behind the other from at on, and syncs. keep tells that more will be written behind them.
func (l *Log) writeSynced(s *segment, at message.LogOffset, spans []extent, keep bool) error {
	last, err := l.blocks.write(s, at, spans)
	if err != nil {
		return err
	}
	if keep {
		s.keep(last)
	}
	return l.syncSegment(s)
}

func (l *Log) syncSegment(s *segment) error {
	if err := s.out.SyncData(); err != nil {
		return l.fail("sync of segment "+segmentName(s.base), err)
	}
	return nil
}

// reserve returns the segment that begins at base, which it makes if the background has not.
func (l *Log) reserve(base message.LogOffset) (*segment, error) {
	l.prep <- struct{}{}
	defer func() { <-l.prep }()
	if s := l.segs.acquire(base); s != nil {
		return s, s.release()
	}
	s, err := l.createSegment(base, l.opts.SegmentSize)
	if err != nil {
		return nil, err
	}
	l.segs.add(s)
	return s, nil
}

// keepReserve makes the segment behind the one that is being written, if it is missing.
func (l *Log) keepReserve() {
	at := l.Published()
	s := l.segs.acquire(at)
	if s == nil {
		return
	}
	base := s.end()
	err := s.release()
	if err == nil && l.Err() == nil {
		_, err = l.reserve(base)
	}
	if err != nil && !l.noReserve {
		l.opts.Logger.Warn("no reserve segment", "err", l.full(err))
	}
	l.noReserve = err != nil
}

// dropReserve removes a segment that was entered in vain, so that its bytes cannot come back.
func (l *Log) dropReserve(s *segment) {
	l.prep <- struct{}{}
	defer func() { <-l.prep }()
	l.segs.removeLast(s)
	err := errors.Join(s.release(), l.opts.FS.Remove(s.path), syncDir(l.opts.FS, l.opts.Dir))
	if err != nil {
		l.opts.Logger.Warn("could not drop a segment", "segment", s.path, "err", err)
	}
}
