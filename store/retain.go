package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/retention"
	"github.com/aerobee-mq/aerobee/store/state"
)

// errWhole ends the look for a checkpoint's end.
var errWhole = errors.New("the checkpoint is whole")

// DeleteExpired asks for the segments past their age to be deleted now, whatever the hour.
func (s *Store) DeleteExpired() {
	s.asked.Store(true)
	select {
	case s.retainDue <- struct{}{}:
	default:
	}
}

// keeps are the rules by which segments go.
func (s *Store) keeps() *Retention {
	if r := s.rules.Load(); r != nil {
		return r
	}
	return &s.opt.Retention
}

// SetRetention changes the rules while the store is open, but for the interval, and looks at the segments.
func (s *Store) SetRetention(r Retention) error {
	if s.opt.Memory {
		r.Size = orDefault(r.Size, memoryRetention)
	}
	r = r.WithDefaults()
	if err := r.Validate(); err != nil {
		return err
	}
	s.rules.Store(&r)
	select {
	case s.retainDue <- struct{}{}:
	default:
	}
	return nil
}

// lookAtDisk sees what there is, and closes or opens the store for messages.
func (s *Store) lookAtDisk() retention.Look {
	l := retention.Look{Now: s.opt.Now(), Segments: s.log.Segments(), Asked: s.asked.Swap(false)}
	l.Unsure = !s.watchClock(l.Now)
	if disk, err := retention.DiskUsage(s.fs, s.opt.Dir); err == nil {
		l.Disk = disk
	} else if !errors.Is(err, vfs.ErrUnsupported) {
		s.opt.Logger.Warn("the disk's use is unknown", "dir", s.opt.Dir, "error", err)
	}
	s.noteFull(s.keeps().Full(s.opt.Dir, &l))
	if _, err := s.log.Refusing(); err != nil {
		s.probeLog()
	}
	return l
}

// retain deletes what is to go: whole segments, and what topics keep for less long.
func (s *Store) retain(ctx context.Context) error {
	l := s.lookAtDisk()
	return errors.Join(s.retainSegments(ctx, &l), s.retainTopics(ctx, &l), s.expireLites(ctx, &l))
}

func (s *Store) retainSegments(ctx context.Context, l *retention.Look) error {
	n := s.keeps().Expired(l)
	if n == 0 {
		return nil
	}
	// Segments that another broker wrote have no checkpoint: they go together with the last one of them.
	for ; n > 0 && s.imported.Foreign; n-- {
		if s.checkBeginning(l.Segments[n].Base) == nil {
			break
		}
	}
	if n == 0 {
		return nil
	}
	err := s.dropBefore(ctx, l.Segments[n].Base)
	var full *FullError
	if !errors.As(err, &full) {
		return err
	}
	// There is no room for a cut: what lies behind the last one can go without, and makes room.
	for n > 0 && l.Segments[n].Base > message.LogOffset(s.cutAt.Load()) {
		n--
	}
	if n == 0 {
		return err
	}
	return s.dropBefore(ctx, l.Segments[n].Base)
}

func (s *Store) noteFull(full *FullError) {
	was := s.full.Swap(full)
	switch {
	case full != nil && was == nil:
		s.opt.Logger.Error("messages are refused until there is room", "error", full)
	case full == nil && was != nil:
		s.opt.Logger.Info("there is room again, messages are taken", "dir", s.opt.Dir)
	}
}

// dropBefore deletes the segments before the offset at, at which one begins. In this order, so that a crash after each
// step loses nothing: the cut lies behind them (nothing is replayed from them any more); the segment at at begins with a
// whole checkpoint; every pending entry whose record lies in them is carried forward, durably; then the index forgets
// them, then they go.
func (s *Store) dropBefore(ctx context.Context, at message.LogOffset) error {
	if message.LogOffset(s.cutAt.Load()) < at {
		if err := s.makeCut(ctx); err != nil {
			return err
		}
	}
	if err := s.checkBeginning(at); err != nil {
		return fmt.Errorf("segments before %d are kept: %w", at, err)
	}
	if err := errors.Join(s.carryForward(ctx, at), s.carryHalves(ctx, at)); err != nil {
		return fmt.Errorf("segments before %d are kept: %w", at, err)
	}
	s.noteLogStart(ctx, at)
	if err := s.ix.DropBefore(at); err != nil {
		return err
	}
	if err := s.retirePops(); err != nil {
		return err
	}
	before := s.log.Start()
	if err := s.log.DropBefore(at); err != nil {
		return err
	}
	s.opt.Logger.Info("old segments are deleted", "from", before, "to", at)
	return nil
}

// checkBeginning reports whether the segment at at begins with a whole checkpoint, and so can begin the log.
func (s *Store) checkBeginning(at message.LogOffset) error {
	err := s.log.Scan(at, 0, func(rec []byte) error {
		r, err := message.ParseRecord(rec)
		if err != nil {
			return err
		}
		if !state.IsRecord(&r) {
			return errors.New("a message stands before the end of the checkpoint")
		}
		return state.Each(r.Body, func(k state.Kind, p []byte) error {
			if k != state.End {
				return nil
			}
			if v, err := state.DecodeNumber(k, p); err != nil || message.LogOffset(v) != at {
				return fmt.Errorf("the checkpoint's end names %d: %w", v, err)
			}
			return errWhole
		})
	})
	if errors.Is(err, errWhole) {
		return nil
	}
	if err == nil {
		err = errors.New("the log ends within the checkpoint")
	}
	return fmt.Errorf("checkpoint at %d: %w", at, err)
}

// carryForward re-puts every pending entry whose record lies before at, so that the segments before it may go. An entry
// that is claimed is on its way out of the log's past already; if it has not left by the end, the segments stay for now.
func (s *Store) carryForward(ctx context.Context, at message.LogOffset) error {
	s.mu.Lock()
	var mine []timer.Entry
	for _, e := range s.timers.Before(at) {
		if s.timers.Claim(e.Created) {
			mine = append(mine, e)
		}
	}
	s.mu.Unlock()
	if err := s.rePutAll(ctx, mine, s.carry); err != nil {
		return err
	}
	if err := s.log.Sync(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	left := len(s.timers.Before(at))
	s.mu.Unlock()
	if left > 0 {
		return fmt.Errorf("%d pending delayed messages still lie there", left)
	}
	return nil
}

// carry appends an entry's record once more, as it is but for field 14, which names the entry.
func (s *Store) carry(ctx context.Context, e timer.Entry) (size int, err error) {
	rec, err := s.View(nil, e.At)
	if err != nil && !lost(err) {
		return 0, err
	}
	if err != nil {
		return 0, s.giveUp(ctx, e, err)
	}
	r, err := message.ParseRecord(rec)
	if err != nil {
		return 0, s.giveUp(ctx, e, err)
	}
	r.PreparedOffset = e.Created
	r.Properties = r.Properties.Without(message.PropCRC)
	return len(rec), s.inQueue(r.Topic, r.QueueID, func(q *queueState) error {
		return s.log.AppendInternal(q.log, &r, s.rePuts, uint64(e.Created))
	})
}
