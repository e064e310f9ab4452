package commitlog

import (
	"errors"
	"fmt"

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
	const head = message.BlankSize // size and magic: without them a record is none
	l.win.advance(to)
	for i, s := range spans {
		if i == 0 {
			s.at, s.start = s.at+head, s.start+head
		}
		if err := l.writeAt(l.active, s.chunk.b[s.start:s.end], s.at); err != nil {
			return err
		}
	}
	if len(spans) > 0 {
		if err := l.syncSegment(l.active); err != nil {
			return err
		}
	}
	if old != nil {
		var blank [message.BlankSize]byte
		message.AppendBlank(blank[:0], int(old.end()-at))
		if err := l.writeAt(old, blank[:], at); err != nil {
			return err
		}
		if err := l.syncSegment(old); err != nil {
			return err
		}
	}
	if len(spans) == 0 {
		return nil
	}
	s := spans[0]
	if err := l.writeAt(l.active, s.chunk.b[s.start:s.start+head], s.at); err != nil {
		return err
	}
	return l.syncSegment(l.active)
}

func (l *Log) writeAt(s *segment, b []byte, at message.LogOffset) error {
	if _, err := s.file.WriteAt(b, int64(at-s.base)); err != nil {
		return fmt.Errorf("write %d bytes to segment %s at %d: %w", len(b), segmentName(s.base), at, err)
	}
	return nil
}

func (l *Log) syncSegment(s *segment) error {
	if err := s.file.SyncData(); err != nil {
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
	s, err := createSegment(l.opts.FS, l.opts.Dir, base, l.opts.SegmentSize)
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
