package index

import (
	"slices"
)

const (
	// openFanIn is how many blocks of the log's last segment gather before they are merged. A segment of 1 GiB brings 16 cuts, so
	// that each entry is merged once, when its segment is complete; more blocks come from many restarts.
	openFanIn = 24
	// maxFanIn bounds the blocks that are merged at once, and with them the memory: about 256 KiB each.
	maxFanIn = 32
)

// Merge merges some blocks into one, if there are any to merge: all of a segment that is complete, or those of the last
// segment when there are many. It reports whether it did; the caller calls it again until it did not.
func (ix *Index) Merge() (did bool, err error) {
	v := ix.acquire()
	defer v.release()
	sources := pickMerge(v.live, ix.o.SegmentSize)
	if len(sources) == 0 {
		return false, nil
	}
	merged, err := ix.mergeFiles(sources)
	if err != nil {
		return false, err
	}
	ix.change(func(v *view) { v.blocks = with(v.blocks, merged) })
	if err := ix.mergeDirectory(sources, merged); err != nil {
		return false, err
	}
	ix.uninstall(sources)
	return true, nil
}

// pickMerge returns the oldest blocks to merge, none if there is nothing to do. A block belongs to the segment in which
// it begins; a segment is complete when the blocks reach its end.
func pickMerge(blocks []*block, segmentSize int64) []*block {
	segment := func(b *block) int64 { return int64(b.From) / segmentSize }
	for i := 0; i < len(blocks); {
		n := slices.IndexFunc(blocks[i:], func(b *block) bool { return segment(b) != segment(blocks[i]) })
		if n < 0 {
			n = len(blocks) - i
		}
		least := 2
		if int64(blocks[len(blocks)-1].UpTo) < (segment(blocks[i])+1)*segmentSize {
			least = openFanIn
		}
		if n >= least {
			return blocks[i : i+min(n, maxFanIn)]
		}
		i += n
	}
	return nil
}

// runSources walks several blocks' run tables together, queue by queue.
type runSources struct {
	cursors []*runCursor
	windows []*window
	ok      []bool
}

func newRunSources(blocks []*block) (*runSources, error) {
	s := &runSources{ok: make([]bool, len(blocks))}
	for i, b := range blocks {
		s.cursors = append(s.cursors, newRunCursor(b))
		s.windows = append(s.windows, &window{b: b})
		if err := s.advance(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *runSources) advance(i int) (err error) {
	s.ok[i], err = s.cursors[i].next()
	return err
}

// each calls visit for the least queue's run in each block that has one, oldest block first, and steps over them. It
// returns false when there are no more queues.
func (s *runSources) each(begin func(Queue), visit func(w *window, r *run) error) (bool, error) {
	var q Queue
	any := false
	for i, c := range s.cursors {
		if s.ok[i] && (!any || compareQueues(c.run.q, q) < 0) {
			q, any = c.run.q, true
		}
	}
	if !any {
		return false, nil
	}
	begin(q)
	for i, c := range s.cursors {
		if !s.ok[i] || c.run.q != q {
			continue
		}
		if err := visit(s.windows[i], &c.run); err != nil {
			return false, err
		}
		if err := s.advance(i); err != nil {
			return false, err
		}
	}
	return true, nil
}

// mergeFiles writes one block with all that the sources have.
func (ix *Index) mergeFiles(sources []*block) (*block, error) {
	id := blockID{Span: Span{sources[0].From, sources[len(sources)-1].UpTo}}
	var keys int64
	for _, b := range sources {
		keys += b.foot.keys
	}
	w, err := newBlockWriter(ix.o.FS, ix.o.Dir, id, keys)
	if err != nil {
		return nil, err
	}
	for _, b := range sources {
		w.foot.minTime, w.foot.maxTime = min(w.foot.minTime, b.foot.minTime), max(w.foot.maxTime, b.foot.maxTime)
	}
	if w.err = mergeRuns(w, sources); w.err == nil {
		w.err = mergeKeys(w, sources)
	}
	if w.err != nil {
		return nil, w.abort()
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	return openBlock(ix.o.FS, ix.o.Dir, id, ix.o.Logger)
}

func mergeRuns(w *blockWriter, blocks []*block) error {
	s, err := newRunSources(blocks)
	if err != nil {
		return err
	}
	for {
		more, err := s.each(w.beginRun, func(win *window, r *run) error { return mergeRun(w, win, r) })
		if err != nil || !more {
			return err
		}
		w.endRun()
	}
}

// mergeRun appends a run: page by page as it lies there, which costs a tenth, unless its pages are few or not well filled,
// or its entries are not all above the ones before.
func mergeRun(w *blockWriter, win *window, r *run) error {
	t, err := runTable(win, r)
	if err != nil {
		return err
	}
	if pages := int64(t.len()); pages < minCopied || r.entries < pages*pageEntries*3/4 || w.run.entries > 0 && r.first <= w.run.last {
		return scanRun(win, r, w.add)
	}
	for i := range t.len() {
		at, size := t.place(i)
		raw, err := win.get(at, size)
		if err != nil {
			return err
		}
		if _, err := win.b.queuePart(r.q, at, raw); err != nil {
			return err
		}
		w.addPage(t.row(i), raw)
	}
	w.addedPages(r)
	return nil
}

// minCopied is how many pages a run has at least for its pages to be copied.
const minCopied = 4

const (
	// mergeBuckets is how many of a merged block's key pages are gathered at once, about 8,192 keys.
	mergeBuckets = 64
	// maxGathered bounds what is gathered where many messages share a key: 1.5 MiB.
	maxGathered = 8 * mergeBuckets * keysPerBucket
)

// keyMerge brings the keys of several blocks into one.
type keyMerge struct {
	w       *blockWriter
	cursors []*keyCursor // newest block first, see keySorter
	parts   uint32       // of the range of the hashes, which it goes through part by part
	sorter  keySorter
}

func mergeKeys(w *blockWriter, blocks []*block) error {
	m := keyMerge{w: w, parts: w.foot.buckets/mergeBuckets + 1}
	for _, b := range slices.Backward(blocks) {
		c := newKeyCursor(b)
		if _, err := c.next(); err != nil {
			return err
		}
		m.cursors = append(m.cursors, c)
	}
	for part := range m.parts {
		if err := m.mergePart(part); err != nil {
			return err
		}
	}
	return nil
}

// mergePart gathers all blocks' keys of a part of the range and sorts them.
func (m *keyMerge) mergePart(part uint32) error {
	m.sorter.in = m.sorter.in[:0]
	for _, c := range m.cursors {
		if err := c.take(&m.sorter, part, m.parts); err != nil {
			return err
		}
	}
	held := m.sorter.sort(part, m.parts)
	if len(held) >= maxGathered {
		return m.stream(held, part)
	}
	for i := range held {
		m.w.key(held[i])
	}
	return nil
}

// stream goes on one by one where a part has too many keys to gather: held are those that were.
func (m *keyMerge) stream(held []keyRecord, part uint32) error {
	for {
		var best keyRecord
		from := -1
		for i, c := range m.cursors {
			if c.more && share(c.coder.last.hash, m.parts) == part && (from < 0 || compareKeys(c.coder.last, best) < 0) {
				best, from = c.coder.last, i
			}
		}
		switch {
		case len(held) > 0 && (from < 0 || compareKeys(held[0], best) < 0):
			m.w.key(held[0])
			held = held[1:]
		case from < 0:
			return nil
		default:
			m.w.key(best)
			if _, err := m.cursors[from].next(); err != nil {
				return err
			}
		}
	}
}

// mergeDirectory replaces the sources' runs by the merged block's. It may commit between two queues: both kinds of
// blocks are in the view, and each queue's runs change at once.
func (ix *Index) mergeDirectory(sources []*block, merged *block) error {
	s, err := newRunSources(sources)
	if err != nil {
		return err
	}
	c, cur := ix.dir.change(), newRunCursor(merged)
	remove := func(_ *window, r *run) error { return ix.dir.deleteRun(c.b, r) }
	for {
		more, err := s.each(func(Queue) {}, remove)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if _, err := cur.next(); err != nil {
			return err
		}
		if err := ix.dir.putRun(c.b, merged.blockID, &cur.run); err != nil {
			return err
		}
		if err := c.piece(); err != nil {
			return err
		}
	}
	for _, b := range sources {
		if err := ix.dir.deleteBlock(c.b, b.blockID); err != nil {
			return err
		}
	}
	if err := ix.dir.putBlock(c.b, merged); err != nil {
		return err
	}
	return c.end(true)
}
