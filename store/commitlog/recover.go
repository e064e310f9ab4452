package commitlog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// recover brings the log from whatever the last stop left into the state in which it admits writes. Each of its steps
// may be cut short by another crash: then the next recovery sees the same valid records and takes the same steps.
func (l *Log) recover() error {
	if err := l.openDir(); err != nil {
		return err
	}
	r := replay{log: l}
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.run(); err != nil {
		return err
	}
	l.lastTime = r.lastTime
	if err := l.settle(&r); err != nil {
		return err
	}
	l.at = r.tail
	l.published.Store(int64(l.at))
	l.synced.Store(int64(l.at))
	l.win.place(l.active.blockEnd(l.at))
	if err := l.keepLast(); err != nil {
		return err
	}
	if l.at == l.active.base {
		return l.enter(nil, 0)
	}
	return nil
}

// openDir opens all segments for reading and checks that they follow one another.
func (l *Log) openDir() error {
	fs, dir := l.opts.FS, l.opts.Dir
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := syncDir(fs, fs.PathDir(dir)); err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	var bases []message.LogOffset
	for _, name := range names {
		if base, ok := parseSegmentName(name); ok {
			bases = append(bases, base)
		} else {
			l.opts.Logger.Warn("a file in the commit log's directory is no segment", "file", fs.PathJoin(dir, name))
		}
	}
	slices.Sort(bases)
	for i, base := range bases {
		info, err := fs.Stat(fs.PathJoin(dir, segmentName(base)))
		if err != nil {
			return err
		}
		s, err := openSealed(fs, dir, base, info.Size())
		if err != nil {
			return err
		}
		l.segs.add(s)
		if i+1 < len(bases) && s.end() != bases[i+1] {
			return fmt.Errorf("%w: segment %s has %d bytes, so the next should be %s, but it is %s",
				ErrCorrupt, s.path, s.size, segmentName(s.end()), segmentName(bases[i+1]))
		}
	}
	return nil
}

// replay reads the log from a known offset to its end.
type replay struct {
	log      *Log
	from     message.LogOffset
	tail     message.LogOffset // behind the last valid record
	last     *segment          // the one that holds the tail; nil if the tail lies behind the last segment
	lastTime message.StoreTime
	reason   error // why the record at tail is none
	one      [1]Appended
}

// begin finds where to replay from.
func (r *replay) begin() error {
	list, opts := r.log.segs.snapshot(), &r.log.opts
	if len(list) == 0 {
		if opts.ReplayFrom > 0 {
			return fmt.Errorf("%w: replay from %d, but there is no segment in %s", ErrAhead, opts.ReplayFrom, opts.Dir)
		}
		return nil
	}
	r.from = max(opts.ReplayFrom, list[0].base)
	if end := list[len(list)-1].end(); r.from >= end && r.from > list[0].base {
		return fmt.Errorf("%w: replay from %d, the last segment %s ends at %d", ErrAhead, r.from, list[len(list)-1].path, end)
	}
	if opts.ReplayPrev == 0 || opts.ReplayPrev < list[0].base {
		return r.beginsSegment(list)
	}
	rec, end, err := r.recordAt(opts.ReplayPrev)
	if err != nil {
		return fmt.Errorf("%w: no record ends at %d: %w", ErrAhead, opts.ReplayFrom, err)
	}
	// Where the segment's end marker was written since, the record ends at the segment's end, but what follows it is replayed all the same.
	if behind := opts.ReplayPrev + message.LogOffset(rec.Size); end != opts.ReplayFrom && behind != opts.ReplayFrom {
		return fmt.Errorf("%w: the record at %d ends at %d, not at %d", ErrAhead, opts.ReplayPrev, end, opts.ReplayFrom)
	}
	r.lastTime = rec.StoreTime
	return nil
}

// beginsSegment refuses to replay from a later segment's beginning when nothing is there: it may be the reserve, far
// behind the log's end.
func (r *replay) beginsSegment(list []*segment) error {
	for _, s := range list[1:] {
		if s.base != r.from {
			continue
		}
		if _, _, err := r.recordAt(s.base); err != nil {
			return fmt.Errorf("%w: replay from %d: %w", ErrAhead, r.from, err)
		}
	}
	return nil
}

// recordAt reads and checks the record at an offset. end is where the next one begins: behind it, or in the next segment.
func (r *replay) recordAt(at message.LogOffset) (rec message.Record, end message.LogOffset, err error) {
	s := r.log.segs.acquire(at)
	if s == nil {
		return rec, 0, fmt.Errorf("%w: offset %d", ErrRange, at)
	}
	defer func() { err = errors.Join(err, s.release()) }()
	sc := scanner{seg: s, at: at, limit: s.end()}
	b, blank, err := sc.next()
	if err == nil && blank {
		err = fmt.Errorf("%w: an end marker", message.ErrMagic)
	}
	if err == nil {
		rec, err = message.ParseChecked(b)
	}
	if err == nil && rec.LogOffset != at {
		err = fmt.Errorf("%w: it says that it lies at %d", errPlace, rec.LogOffset)
	}
	if err != nil {
		return rec, 0, fmt.Errorf("segment %s at %d: %w", s.path, at, err)
	}
	end = at + message.LogOffset(rec.Size)
	sc.at = end
	if _, blank, err := sc.next(); err == nil && blank {
		end = s.end()
	}
	return rec, end, nil
}

// run applies every valid record. It fails when the first invalid one is followed by a segment that begins with a valid
// one, since that proves that the bytes had been durable.
func (r *replay) run() error {
	r.tail = r.from
	for i, s := range r.log.segs.snapshot() {
		if s.end() <= r.from && s.base < r.from {
			continue
		}
		full, err := r.segment(s)
		if err != nil {
			return err
		}
		if full {
			continue
		}
		r.last = s
		for _, later := range r.log.segs.snapshot()[i+1:] {
			if _, _, err := r.recordAt(later.base); err == nil {
				return fmt.Errorf("%w: segment %s at %d: %w; it was durable once, since segment %s begins with a valid record",
					ErrCorrupt, s.path, r.tail, r.reason, later.path)
			}
		}
		if clean := r.log.opts.CleanEnd; clean == 0 || clean != r.tail { // else nothing behind it was acknowledged
			if err := r.damaged(s); err != nil {
				return err
			}
		}
		break
	}
	if end := r.log.opts.CleanEnd; r.tail < end {
		where := r.log.opts.Dir
		if r.last != nil {
			where = "segment " + r.last.path
		}
		return fmt.Errorf("%w: %s: it ends at %d (%w), but was closed at %d", ErrCorrupt, where, r.tail, r.reason, end)
	}
	return nil
}

var (
	errPlace = errors.New("record lies in the wrong place")
	errBlank = errors.New("end marker does not reach the segment's end")
	errNoCRC = errors.New("record has no property CRC")
	errQueue = errors.New("queue offset does not follow")
	errEnd   = errors.New("the segment ends without an end marker")
)

// segment applies one segment's records from r.tail on. full tells that it ends with an end marker. A sound record in its
// place whose queue offset alone does not follow is no torn tail, since nothing is admitted before what lies behind the
// tail is zeroed: rather than cut the log there, Open fails. Another broker may leave such records behind, and is cut.
func (r *replay) segment(s *segment) (full bool, err error) {
	sc := scanner{seg: s, at: r.tail, limit: s.end()}
	for s.end()-sc.at >= message.BlankSize {
		b, blank, err := sc.next()
		if errors.Is(err, errRead) {
			return false, err
		}
		if err == nil && blank {
			if size, _, _ := message.PeekSize(b0(&sc)); int64(size) == int64(s.end()-sc.at) {
				r.tail = s.end()
				return true, nil
			}
			err = errBlank
		}
		if err == nil {
			err = r.record(b)
		}
		if errors.Is(err, errQueue) && !r.log.opts.Foreign {
			return false, fmt.Errorf("%w: segment %s at %d: %w", ErrCorrupt, s.path, sc.at, err)
		}
		if err != nil {
			r.reason = err
			return false, nil
		}
		sc.at = r.tail
	}
	r.reason = errEnd
	return false, nil
}

// b0 returns the bytes at the scanner's offset that it has just looked at.
func b0(sc *scanner) []byte { return sc.buf[sc.at-sc.base:] }

// record checks one record and applies it.
func (r *replay) record(b []byte) error {
	rec, err := message.ParseChecked(b)
	if err != nil {
		return err
	}
	foreign := r.log.opts.Foreign
	if rec.LogOffset != r.tail {
		return fmt.Errorf("%w: it says that it lies at %d", errPlace, rec.LogOffset)
	}
	if !foreign && !message.HasPropCRC(b) {
		return errNoCRC
	}
	var q *Queue
	if f := r.log.opts.Follower; f != nil {
		q = f.Resolve(rec.Topic, rec.QueueID)
	}
	if q != nil && counts(&rec, foreign) {
		next := q.Next()
		if rec.QueueOffset < next || rec.QueueOffset > next && !foreign && !r.opens() {
			return fmt.Errorf("%w: topic %s, queue %d: offset %d, expected %d", errQueue, rec.Topic, rec.QueueID, rec.QueueOffset, next)
		}
		q.Restore(rec.QueueOffset + 1)
	}
	r.lastTime = max(r.lastTime, rec.StoreTime)
	r.tail += message.LogOffset(rec.Size)
	if f := r.log.opts.Follower; f != nil {
		r.one[0] = Appended{Record: b, LogOffset: rec.LogOffset, QueueOffset: rec.QueueOffset, StoreTime: rec.StoreTime, Queue: q}
		f.Apply(r.one[:])
	}
	return nil
}

// opens reports whether the next record is the oldest one that is left: the first of its segment's checkpoint, whose
// queue nothing can have counted up to here.
func (r *replay) opens() bool { return r.tail == r.from && r.tail == r.log.Start() }

// counts reports whether a record takes an offset of its queue. Apache's prepared and rolled back ones do not.
func counts(rec *message.Record, foreign bool) bool {
	t := rec.SysFlag.Transaction()
	return !foreign || t != message.FlagTransactionPrepared && t != message.FlagTransactionRollback
}
