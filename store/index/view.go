package index

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// view is one immutable state of the index's parts. Readers take a reference to the current one; each view holds a
// reference to each of its blocks, so a reader costs one counter however many blocks there are.
//
// Two orders make a reader's sight complete though it looks at the directory and at the view one after the other. A
// block enters the view before its directory keys are committed and leaves it after they are deleted; a frozen head
// leaves it after its block's keys are committed. A reader that finds a key whose block its view does not have (the
// view was older than the key, or the key than the view) takes a new view and looks again.
type view struct {
	refs   atomic.Int64
	gen    uint64
	blocks []*block // all that readers may meet in the directory, in order
	live   []*block // of these the ones that cover the log once: not yet superseded ones, nor those of frozen heads
	fresh  []*block // written from heads that are still frozen
	frozen []*Frozen
	head   *head
}

// acquire returns the current view with a reference that the caller releases.
func (ix *Index) acquire() *view {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.cur.refs.Add(1)
	return ix.cur
}

func (v *view) release() {
	if v.refs.Add(-1) > 0 {
		return
	}
	for _, b := range v.blocks {
		b.unref()
	}
}

// change replaces the current view by a copy that edit has changed. edit may replace slices, never their elements.
func (ix *Index) change(edit func(v *view)) {
	ix.mu.Lock()
	old := ix.cur
	v := &view{gen: old.gen + 1, blocks: old.blocks, fresh: old.fresh, frozen: old.frozen, head: old.head}
	edit(v)
	v.live = live(v.blocks, v.fresh)
	v.refs.Store(1)
	for _, b := range v.blocks {
		b.ref()
	}
	ix.cur = v
	ix.mu.Unlock()
	old.release()
}

// find returns the view's block with this id, nil if it has none.
func (v *view) find(id blockID) *block {
	i, ok := slices.BinarySearchFunc(v.blocks, id, func(b *block, id blockID) int { return b.compare(id) })
	if !ok {
		return nil
	}
	return v.blocks[i]
}

// compare orders blocks by their beginning; of two with the same beginning the one that supersedes comes last: the
// wider, then the one that was made again more often.
func (id blockID) compare(other blockID) int {
	return cmp.Or(cmp.Compare(id.From, other.From), cmp.Compare(id.UpTo, other.UpTo), cmp.Compare(id.seq, other.seq))
}

// with returns blocks plus b, in order.
func with(blocks []*block, b *block) []*block {
	i, _ := slices.BinarySearchFunc(blocks, b.blockID, func(b *block, id blockID) int { return b.compare(id) })
	return slices.Insert(slices.Clone(blocks), i, b)
}

// without returns blocks less those in gone.
func without(blocks, gone []*block) []*block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b *block) bool { return slices.Contains(gone, b) })
}

// live returns the blocks that no other one supersedes, less the fresh ones.
func live(blocks, fresh []*block) []*block {
	var out []*block
	for _, b := range blocks {
		if slices.Contains(fresh, b) {
			continue
		}
		for n := len(out); n > 0 && out[n-1].From == b.From; n-- {
			out = out[:n-1]
		}
		if n := len(out); n == 0 || b.UpTo > out[n-1].UpTo {
			out = append(out, b)
		}
	}
	return out
}
