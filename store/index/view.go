package index

import (
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
	blocks []*block // by span, without overlap except while a merged block replaces its sources
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
	v := &view{gen: old.gen + 1, blocks: old.blocks, frozen: old.frozen, head: old.head}
	edit(v)
	v.refs.Store(1)
	for _, b := range v.blocks {
		b.ref()
	}
	ix.cur = v
	ix.mu.Unlock()
	old.release()
}

// find returns the view's block with this span, nil if it has none.
func (v *view) find(s Span) *block {
	i, ok := slices.BinarySearchFunc(v.blocks, s, func(b *block, s Span) int { return b.span.compare(s) })
	if !ok {
		return nil
	}
	return v.blocks[i]
}

// compare orders spans by their beginning, of two with the same beginning the narrower one first.
func (s Span) compare(t Span) int {
	if s.From != t.From {
		return cmpInt(int64(s.From), int64(t.From))
	}
	return cmpInt(int64(s.UpTo), int64(t.UpTo))
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// with returns blocks plus b, in order.
func with(blocks []*block, b *block) []*block {
	i, _ := slices.BinarySearchFunc(blocks, b.span, func(b *block, s Span) int { return b.span.compare(s) })
	return slices.Insert(slices.Clone(blocks), i, b)
}

// without returns blocks less those in gone.
func without(blocks, gone []*block) []*block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b *block) bool { return slices.Contains(gone, b) })
}
