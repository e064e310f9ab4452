package index

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// Write makes a durable block file of a frozen head and puts its directory entries into b. The block covers the log from
// where the blocks ended up to upTo, the log offset behind everything that was added before the freeze; frozen heads are
// written in the order in which they were frozen. After b is committed the caller calls [Index.Release]. If Write or the
// commit fails, the head stays readable and the caller may call Write again.
func (ix *Index) Write(f *Frozen, upTo message.LogOffset, b *pebble.Batch) error {
	if f.block == nil {
		if upTo == ix.AppliedTo() && f.Entries() == 0 {
			return nil
		}
		if !ix.isNext(f) {
			return fmt.Errorf("index block up to log offset %d: a head that was frozen earlier is not written yet", upTo)
		}
		blk, err := ix.writeHead(f.h, blockID{Span: Span{ix.AppliedTo(), upTo}})
		if err != nil {
			return err
		}
		f.block = blk
		ix.change(func(v *view) {
			v.blocks = with(v.blocks, blk)
			v.fresh = append(slices.Clone(v.fresh), blk)
		})
		ix.applied.Store(int64(upTo))
	}
	return ix.dir.addBlock(&changes{d: &ix.dir, b: b, whole: true}, f.block)
}

// isNext reports whether f is the oldest frozen head that has no block.
func (ix *Index) isNext(f *Frozen) bool {
	v := ix.acquire()
	defer v.release()
	i := slices.IndexFunc(v.frozen, func(f *Frozen) bool { return f.block == nil })
	return i >= 0 && v.frozen[i] == f
}

// Release lets go of a frozen head whose block's directory entries are committed.
func (ix *Index) Release(f *Frozen) {
	ix.queues.release()
	for q := range f.h.queues {
		if _, last, ok := f.h.bounds(q); ok {
			ix.queues.extend(q, last.QueueOffset+1)
		}
	}
	gone := func(g *Frozen) bool { return g == f }
	ix.change(func(v *view) {
		v.frozen = slices.DeleteFunc(slices.Clone(v.frozen), gone)
		v.fresh = without(v.fresh, []*block{f.block})
	})
}

// writeHead writes an immutable head as a block and opens it.
func (ix *Index) writeHead(h *head, id blockID) (*block, error) {
	if id.UpTo <= id.From {
		return nil, fmt.Errorf("index block: it would cover the log range %v", id.Span)
	}
	for exists(ix.o.FS, ix.o.FS.PathJoin(ix.o.Dir, id.fileName())) {
		id.seq++
	}
	keys := h.sortedKeys()
	w, err := newBlockWriter(ix.o.FS, ix.o.Dir, id, int64(len(keys)))
	if err != nil {
		return nil, err
	}
	queues := slices.SortedFunc(maps.Keys(h.queues), compareQueues)
	for _, q := range queues {
		w.beginRun(q)
		for _, c := range h.queues[q] {
			for i := range c.rows {
				e := c.entry(i)
				w.add(&e)
			}
		}
		w.endRun()
	}
	for _, k := range keys {
		w.key(k)
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	return openBlock(ix.o.FS, ix.o.Dir, id, ix.o.Logger)
}

func exists(fs vfs.FS, path string) bool {
	_, err := fs.Stat(path)
	return err == nil
}

func compareQueues(a, b Queue) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// DropBefore forgets everything below a log offset: entries there are not visible any more, and blocks that end there
// are removed, their files with their last reader. The caller makes sure that the log's own segments go later.
func (ix *Index) DropBefore(at message.LogOffset) error {
	ix.queues.dropped(func() {
		if at > ix.floorOffset() {
			ix.floor.Store(int64(at))
		}
	})
	return ix.drop(func(b *block) bool { return b.UpTo <= at })
}

// DropFrom removes the blocks that reach beyond a log offset, where the log turned out to end: it lost records that were
// indexed. The caller then adds the records from [Index.AppliedTo] on. It comes before the first Add and Restore.
func (ix *Index) DropFrom(at message.LogOffset) error {
	err := ix.drop(func(b *block) bool { return b.UpTo > at })
	ix.queues.forget()
	var end message.LogOffset
	for _, s := range ix.Spans() {
		end = s.UpTo
	}
	ix.applied.Store(int64(end))
	ix.covered = end
	return err
}

func (ix *Index) drop(old func(*block) bool) error {
	v := ix.acquire()
	gone := slices.DeleteFunc(without(v.blocks, v.fresh), func(b *block) bool { return !old(b) })
	v.release()
	if len(gone) == 0 {
		return nil
	}
	c, damaged := ix.dir.change(), false
	for _, b := range gone {
		err := ix.dir.dropBlock(&c, b, ix.remember)
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			ix.o.Logger.Warn("drop a damaged index block", "err", err)
			damaged = true
		case err != nil:
			return err
		}
	}
	if damaged {
		keep := func(id blockID) bool {
			return !slices.ContainsFunc(gone, func(b *block) bool { return b.blockID == id })
		}
		if err := ix.dir.sweep(&c, keep, ix.remember); err != nil {
			return err
		}
	}
	if err := c.end(true); err != nil {
		return err
	}
	ix.uninstall(gone)
	// A block that comes back after a power cut would describe a log that was lost, or end the chain of blocks early.
	if err := syncDir(ix.o.FS, ix.o.Dir); err != nil {
		return fmt.Errorf("remove index blocks: %w", err)
	}
	return nil
}

// remember keeps where a queue ended before the directory loses a run of it, perhaps the last that it knew.
func (ix *Index) remember(r *run) { ix.queues.raise(r.q, queueState{next: r.last + 1}) }

// uninstall takes blocks that the directory no longer names out of the view; their files go with their last reader.
func (ix *Index) uninstall(gone []*block) {
	for _, b := range gone {
		b.doomed.Store(true)
	}
	ix.change(func(v *view) { v.blocks = without(v.blocks, gone) })
}

// Replace makes a damaged block again: fill adds every entry of the block's log range, in log order, as to
// [Index.Add]. Readers see the old block until the new one is complete. A range that no block has is refused.
func (ix *Index) Replace(s Span, fill func(add func(q Queue, e Entry, keys []uint64)) error) error {
	v := ix.acquire()
	defer v.release()
	i := slices.IndexFunc(v.live, func(b *block) bool { return b.Span == s })
	if i < 0 {
		return fmt.Errorf("replace an index block: none covers the log range %v", s)
	}
	h, old := newHead(), v.live[i]
	if err := fill(h.add); err != nil {
		return fmt.Errorf("replace index block %s: %w", old.path, err)
	}
	b, err := ix.writeHead(h, blockID{s, old.seq + 1})
	if err != nil {
		return err
	}
	ix.change(func(v *view) { v.blocks = with(v.blocks, b) })
	c := ix.dir.change()
	if err := ix.dir.deleteBlock(c.b, old.blockID); err != nil {
		return err
	}
	if err := ix.dir.addBlock(&c, b); err != nil {
		return err
	}
	if err := c.end(false); err != nil {
		return err
	}
	c = ix.dir.change()
	if err := ix.dir.sweep(&c, func(id blockID) bool { return id != old.blockID }, ix.remember); err != nil {
		return err
	}
	if err := c.end(true); err != nil {
		return err
	}
	ix.uninstall([]*block{old})
	return nil
}

// Verify reads all blocks and checks their checksums; it returns the first error of each damaged block, joined.
func (ix *Index) Verify() error {
	v := ix.acquire()
	defer v.release()
	var errs []error
	for _, b := range v.live {
		errs = append(errs, b.check())
	}
	return errors.Join(errs...)
}
