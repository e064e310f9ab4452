package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/retention"
	"github.com/aerobee-mq/aerobee/store/state"
)

// A cut takes the store's knowledge at one log offset to the disk, so that a restart replays from there.
//
// Between two groups, on the committing goroutine, the index head is frozen and the changed parts of the state are
// encoded: that is all for which commits wait. Then, on the keeper's goroutine: the consumer offsets, the pending delayed
// messages and what is popped, of which there may be millions, are encoded, these part by part; the log is synced, so that nothing on the disk runs ahead of it; the head is written as a block, synced and renamed; the block's directory entries, the
// state and the cut mark go into the cache as one batch; the cache is flushed; the frozen head is let go.
//
// A crash in between leaves the cut before: a block without its batch is found at Open by its name, its range is
// replayed for the projections and passed over for the index. A failed step is tried again with the same frozen parts,
// and nothing is frozen meanwhile.
//
// Offsets and pending entries are thus newer than the mark, and entries not all of one moment. Replay puts that right: it
// begins at the mark and sees every record that set or removed an offset, or made, moved or completed an entry, since.
// Nothing else may be newer than the mark; a queue's next offset, for one, must be that of the first record to come.
type cut struct {
	mark   cutdb.Mark
	frozen *index.Frozen
	state  map[state.Kind][][]byte
	queues []state.Bounds    // as they are at the mark, still to be encoded
	later  []state.Kind      // they have changed and are still to be encoded
	knows  message.LogOffset // no part of the state knows of records behind it
}

// timerPart is how many pending entries are encoded while s.mu is held, about 0.1 ms.
const timerPart = 4096

// sparseCuts is how many times as much a cut may hold while the index's head is sparse.
const sparseCuts = 8

// wantCut asks for a cut when one is due. It runs on the committing goroutine after each group.
func (s *Store) wantCut() {
	if !s.serving {
		return
	}
	rolled := s.segmentOf(s.prev) != s.segmentOf(s.cutWanted)
	entries, sparse := s.ix.HeadEntries()
	s.boundHead(entries)
	size := int64(s.applied - s.cutWanted)
	if sparse {
		size /= sparseCuts
	}
	if !rolled && size < s.opt.CutBytes && entries < s.opt.CutEntries {
		return
	}
	s.cutWanted = s.applied
	s.askForCut()
}

// askForCut wakes the keeper. It never blocks.
func (s *Store) askForCut() {
	select {
	case s.cutDue <- struct{}{}:
	default:
	}
}

// maxUncut is how many times CutEntries the head may hold before messages are refused: cuts fail for long, or cannot keep
// up, and memory is not endless.
const maxUncut = 16

// boundHead refuses messages while too much waits for a cut. It runs on the committing goroutine.
func (s *Store) boundHead(entries int) {
	limit := maxUncut * s.opt.CutEntries
	if over := entries >= limit; over != s.uncut {
		s.uncut = over
		reason := s.applyErr
		if over && reason == nil {
			reason = fmt.Errorf("%d index entries wait for a cut, the limit is %d; the log of this broker says why cuts fail", entries, limit)
			s.opt.Logger.Error("messages are refused until a cut succeeds", "error", reason)
		}
		s.log.SetWritable(reason)
	}
}

func (s *Store) segmentOf(at message.LogOffset) int64 { return int64(at) / s.opt.SegmentSize }

// freeze begins a cut. It runs at a barrier.
func (s *Store) freeze() *cut {
	c := &cut{mark: cutdb.Mark{Applied: s.applied, Prev: s.prev}, state: make(map[state.Kind][][]byte), knows: s.applied}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[state.Queue] = s.dirty[state.Queue] || s.queuesDirty
	s.queuesDirty = false
	for _, k := range state.Kinds() {
		if !s.dirty[k] {
			continue
		}
		s.dirty[k] = false
		switch k {
		case state.Offset, state.Timer, state.Pop, state.Transaction:
			c.later = append(c.later, k)
		case state.Queue:
			c.later = append(c.later, k)
			c.queues = s.queueBounds(s.spare[:0])
		default:
			b := state.Bodies{Limit: cutdb.ChunkSize}
			s.snapshotKind(k, func(change []byte) { b.Add(k, change) })
			c.state[k] = b.Close()
		}
	}
	c.frozen = s.ix.Freeze()
	return c
}

// makeCut makes a cut now, or finishes the one that failed before and then makes another.
func (s *Store) makeCut(ctx context.Context) error {
	if s.unfinished != nil {
		if err := s.finishCut(ctx, s.unfinished); err != nil {
			return err
		}
	}
	err := s.log.Barrier(func(message.LogOffset) {
		if s.applied > message.LogOffset(s.cutAt.Load()) {
			s.unfinished = s.freeze()
			s.boundHead(0)
		}
	})
	if err != nil || s.unfinished == nil {
		return err
	}
	return s.finishCut(ctx, s.unfinished)
}

func (s *Store) finishCut(ctx context.Context, c *cut) (err error) {
	began := time.Now()
	defer func() {
		if err != nil {
			err = fmt.Errorf("cut at log offset %d: %w", c.mark.Applied, err)
		}
	}()
	s.encodeLater(c)
	if err := s.roomForCut(c); err != nil {
		return err
	}
	if s.log.Synced() < c.knows {
		if err := s.log.Sync(ctx); err != nil {
			return err
		}
	}
	b := s.cache.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := s.ix.Write(c.frozen, c.mark.Applied, b); err != nil {
		return err
	}
	for k, chunks := range c.state {
		if err := cutdb.Replace(b, k, chunks); err != nil {
			return err
		}
	}
	if err := errors.Join(cutdb.SetMark(b, c.mark), cutdb.SetLogStart(b, s.log.Start())); err != nil {
		return err
	}
	if err := s.cache.Commit(ctx, b); err != nil {
		return err
	}
	s.ix.Release(c.frozen)
	s.unfinished = nil
	s.cutAt.Store(int64(c.mark.Applied))
	s.opt.Logger.Debug("cut", "at", c.mark.Applied, "entries", c.frozen.Entries(), "took", time.Since(began))
	return nil
}

// encodeLater encodes while the store goes on: what may be newer than the mark, and what was only copied at the mark.
func (s *Store) encodeLater(c *cut) {
	for _, k := range c.later {
		b := state.Bodies{Limit: cutdb.ChunkSize}
		emit := func(change []byte) { b.Add(k, change) }
		for next, more := 0, true; more; more = next > 0 {
			next = s.encodePart(c, k, next, emit)
		}
		c.state[k], c.knows = b.Close(), s.log.Published()
	}
	s.spare, c.later, c.queues = c.queues, nil, nil
}

// encodePart encodes all of a kind, or of the pending entries a part, and returns where the next part begins, 0 for none.
func (s *Store) encodePart(c *cut, k state.Kind, from int, emit func([]byte)) (next int) {
	if k == state.Queue {
		emitBounds(c.queues, emit)
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch k {
	case state.Timer:
		return s.timers.SnapshotPart(from, timerPart, emit)
	case state.Pop:
		return s.pops.SnapshotPart(from, timerPart, emit)
	}
	s.snapshotKind(k, emit)
	return 0
}

// cutRoom is the free space in bytes that a cut leaves alone, on a small disk a sixteenth of it; cutEntryRoom is what it
// reckons for an index entry with its keys, in the block and while blocks are merged.
const (
	cutRoom      = 16 << 20
	cutEntryRoom = 64
)

// roomForCut refuses a cut for which the disk may be too small: Pebble takes a full disk badly, and nothing is lost by
// waiting but time at the next start.
func (s *Store) roomForCut(c *cut) error {
	disk, err := retention.DiskUsage(s.fs, s.opt.Dir)
	need := min(cutRoom, disk.TotalBytes/16) + uint64(cutEntryRoom*c.frozen.Entries())
	for _, chunks := range c.state {
		need += uint64(len(chunks)) * cutdb.ChunkSize * 2
	}
	if err != nil || disk.AvailBytes >= need {
		return nil
	}
	return retention.NewFullError(s.opt.Dir, disk, fmt.Sprintf("a cut needs %d bytes", need))
}
