package index

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Scan visits a queue's entries with a queue offset of at least from, in order, until visit returns false. Offsets may
// have gaps; an entry that [Index.DropBefore] has passed is not visited. An error that wraps [DamageError] names the
// block to make again; entries before it have been visited.
func (ix *Index) Scan(q Queue, from message.QueueOffset, visit func(Entry) bool) error {
	return ix.scan(q, max(from, ix.queues.least(q)), true, visit)
}

// ScanReady is [Index.Scan] for who must not wait: where it would have to ask the disk it ends with [message.ErrWouldWait].
func (ix *Index) ScanReady(q Queue, from message.QueueOffset, visit func(Entry) bool) error {
	return ix.scan(q, max(from, ix.queues.least(q)), false, visit)
}

func (ix *Index) scan(q Queue, from message.QueueOffset, wait bool, visit func(Entry) bool) error {
	c := ix.reader(q)
	c.wait = wait
	defer c.close()
	floor := ix.floorOffset()
	above := func(e Entry) bool { return e.LogOffset < floor || visit(e) }
	for !c.inMemory(from) {
		b, r, err := c.find(from)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		start := func(t *pageTable) int {
			i := t.lastPage(func(p pageRow) bool { return p.offset <= from })
			return max(i, t.lastPage(func(p pageRow) bool { return p.log <= floor }))
		}
		more, err := c.scanBlock(b, r, start, func(e Entry) bool { return e.QueueOffset < from || above(e) })
		if !more || err != nil {
			return err
		}
		from = r.last + 1
	}
	c.memory(func(h *head) bool {
		var more bool
		from, more = h.scan(q, from, above)
		return more
	})
	return nil
}

// scanBlock visits a run's entries from a page on, and returns whether visit wants more.
func (c *reader) scanBlock(b *block, r *run, start func(*pageTable) int, visit func(Entry) bool) (bool, error) {
	t := onePage(r)
	if r.table > 0 {
		at := r.pos + r.size - r.table
		rows, err := c.part(b, at, r.table)
		if err != nil {
			return false, err
		}
		t = pageTable{rows: rows, end: at}
	}
	for i := start(&t); i < t.len(); i++ {
		page, err := c.page(b, &t, i)
		if err != nil {
			return false, err
		}
		at, _ := t.place(i)
		coder, v := newEntryCoder(), varints{b: page}
		for {
			ok, err := coder.next(&v)
			if err != nil {
				return false, b.damaged(at, err.Error())
			}
			if !ok {
				break
			}
			if !visit(coder.last) {
				return false, nil
			}
		}
	}
	return true, nil
}

// part returns a page or page table, from the cache or from the file.
func (c *reader) part(b *block, at, size int64) ([]byte, error) {
	k := partKey{b, at}
	if p := c.ix.cache.get(k); p != nil {
		return p, nil
	}
	if !c.wait {
		return nil, message.ErrWouldWait
	}
	raw, err := b.pread(at, size)
	if err != nil {
		return nil, err
	}
	p, err := b.queuePart(c.q, at, raw)
	if err == nil {
		c.ix.cache.put(k, p)
	}
	return p, err
}

// pagesAhead is how many pages are read together for who follows a run, about 8 KiB.
const pagesAhead = 8

// page returns the i-th page of a run. For who comes from the page before, some more are read together.
func (c *reader) page(b *block, t *pageTable, i int) ([]byte, error) {
	at, size := t.place(i)
	n := 1
	if i > 0 && c.wait && c.ix.cache.get(partKey{b, at}) == nil {
		if before, _ := t.place(i - 1); c.ix.cache.get(partKey{b, before}) != nil {
			n = min(pagesAhead, t.len()-i)
		}
	}
	if n == 1 {
		return c.part(b, at, size)
	}
	last, lastSize := t.place(i + n - 1)
	raw, err := b.pread(at, last+lastSize-at)
	if err != nil {
		return c.part(b, at, size) // what is wrong may lie behind it
	}
	for k := range n {
		pos, size := t.place(i + k)
		p, err := b.queuePart(c.q, pos, raw[pos-at:][:size])
		if err != nil {
			break // for who comes to it
		}
		c.ix.cache.put(partKey{b, pos}, bytes.Clone(p)) // each of them leaves the cache alone
	}
	return c.part(b, at, size)
}

func (ix *Index) floorOffset() message.LogOffset { return message.LogOffset(ix.floor.Load()) }

// reader is one reader's sight of one queue.
type reader struct {
	ix   *Index
	q    Queue
	v    *view
	wait bool // it may ask the disk
}

func (ix *Index) reader(q Queue) reader { return reader{ix: ix, q: q, v: ix.acquire(), wait: true} }

func (c *reader) close() { c.v.release() }

// memory calls visit with each head of the view, oldest first, until it returns false.
func (c *reader) memory(visit func(*head) bool) {
	for _, f := range c.v.frozen {
		if !visit(f.h) {
			return
		}
	}
	visit(c.v.head)
}

// inMemory reports whether all of the queue from an offset on is known to lie in memory, or nowhere.
func (c *reader) inMemory(from message.QueueOffset) bool {
	if next, ok := c.ix.queues.stored(c.q); ok && from >= next {
		return true
	}
	in := false
	c.memory(func(h *head) bool {
		first, _, ok := h.bounds(c.q)
		in = ok && first.QueueOffset <= from
		return !ok
	})
	return in
}

// find returns the run that holds the offset or, if none does, the first behind it, with its block; nil if there is
// none. It may replace the view by a newer one.
func (c *reader) find(at message.QueueOffset) (*block, *run, error) {
	if f, ok := c.ix.runs.get(c.q); ok && f.r.first <= at && at <= f.r.last {
		if c.v.find(f.b.blockID) == f.b {
			return f.b, &f.r, nil
		}
	}
	if !c.wait {
		return nil, nil, message.ErrWouldWait
	}
	for {
		id, r, ok, err := c.ix.dir.find(c.q, at)
		if err != nil || !ok {
			return nil, nil, err
		}
		if b := c.v.find(id); b != nil {
			c.ix.runs.put(c.q, foundRun{b, r})
			return b, &r, nil
		}
		old := c.v
		c.v = c.ix.acquire()
		old.release()
		if c.v.gen == old.gen {
			return nil, nil, fmt.Errorf("index directory: %v from offset %d lies in block %s, which is not there", c.q, r.first, id.fileName())
		}
	}
}

// ByTime finds a queue's offset by store time, in milliseconds. With upper false it is the first entry stored at t or
// later, and one behind the last entry if there is none; with upper true it is the last entry stored at t or before,
// and the first entry if there is none. Of an empty queue it is the next offset.
//
// An imported log's times may go back. The search then still ends at a place where they pass t: it takes the first run
// of a block whose last time is not below t and, in it, the last page whose first entry is below t, and looks from there
// on entry by entry.
func (ix *Index) ByTime(q Queue, t message.StoreTime, upper bool) (message.QueueOffset, error) {
	least, next := ix.Bounds(q)
	s := timeSearch{t: t, upper: upper, before: least}
	if err := s.run(ix, q, least); err != nil {
		return 0, err
	}
	switch {
	case least >= next:
		return next, nil
	case upper:
		return s.before, nil
	case s.found:
		return s.at, nil
	default:
		return next, nil
	}
}

// timeSearch looks for the first entry that is late enough, and for the one before it.
type timeSearch struct {
	t     message.StoreTime
	upper bool

	before message.QueueOffset
	at     message.QueueOffset
	found  bool
}

// early reports whether a time lies before the boundary.
func (s *timeSearch) early(t message.StoreTime) bool { return t < s.t || s.upper && t == s.t }

func (s *timeSearch) visit(e Entry) bool {
	if s.early(e.StoreTime) {
		s.before = e.QueueOffset
		return true
	}
	s.at, s.found = e.QueueOffset, true
	return false
}

func (s *timeSearch) run(ix *Index, q Queue, from message.QueueOffset) error {
	c := ix.reader(q)
	defer c.close()
	for !s.found && !c.inMemory(from) {
		b, r, err := c.find(from)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if s.early(r.lastTime) {
			s.before = r.last
		} else {
			start := func(t *pageTable) int {
				i := t.lastPage(func(p pageRow) bool { return p.offset <= from })
				return max(i, t.lastPage(func(p pageRow) bool { return s.early(p.time) }))
			}
			if _, err := c.scanBlock(b, r, start, func(e Entry) bool { return e.QueueOffset < from || s.visit(e) }); err != nil {
				return err
			}
		}
		from = r.last + 1
	}
	c.memory(func(h *head) bool {
		if !s.found {
			from = h.searchTime(q, from, s)
		}
		return !s.found
	})
	return nil
}

// searchTime is the search within a head: chunks that end early are passed over whole. It returns where it stopped.
func (h *head) searchTime(q Queue, from message.QueueOffset, s *timeSearch) message.QueueOffset {
	h.mu.Lock()
	chunks := slices.Clone(h.queues[q])
	h.mu.Unlock()
	for _, c := range chunks {
		last := c.last()
		switch {
		case last.QueueOffset < from:
			continue
		case s.early(last.StoreTime):
			s.before = last.QueueOffset
		default:
			for i := c.search(from); i < len(c.rows) && s.visit(c.entry(i)); i++ {
			}
			if s.found {
				return s.at
			}
		}
		from = last.QueueOffset + 1
	}
	return from
}
