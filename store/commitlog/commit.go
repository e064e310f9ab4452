package commitlog

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/aerobee-mq/aerobee/message"
)

// Kick starts the commit of what was appended. If nobody commits, the caller commits one group and hands what has
// gathered meanwhile over to the committer; otherwise Kick returns at once.
func (l *Log) Kick() {
	l.mu.Lock()
	if l.committing || l.idleLocked() {
		l.mu.Unlock()
		return
	}
	l.committing = true
	g := l.takeLocked()
	l.mu.Unlock()
	l.commit(g)
	l.mu.Lock()
	l.recycleLocked(g)
	l.committing = false
	if !l.idleLocked() {
		l.handOverLocked()
	}
	l.mu.Unlock()
}

// KickAside is Kick for a caller with more to do: the committer does it. While more than half of MaxPendingBytes waits for the disk,
// so does the caller: who sends faster than the disk writes is to be slowed down rather than refused.
func (l *Log) KickAside() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.idleLocked() {
		l.handOverLocked()
	}
	for l.committing && l.pending > l.opts.MaxPendingBytes/2 {
		l.room.Wait()
	}
}

func (l *Log) idleLocked() bool { return len(l.open.items) == 0 && len(l.open.barriers) == 0 }

// handOverLocked makes the committer the owner of the commit path, unless somebody owns it already: the owner looks
// for more work before it lets go.
func (l *Log) handOverLocked() {
	if !l.committing {
		l.committing = true
		l.wake <- struct{}{} // never blocks: one owner, one token
	}
}

// takeLocked closes the open group and begins the next.
func (l *Log) takeLocked() *group {
	g := l.open
	if n := len(l.free); n > 0 {
		l.open, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.open = &group{}
	}
	return g
}

func (l *Log) recycleLocked(g *group) {
	l.pending -= g.bytes
	l.room.Broadcast()
	g.reset(&l.pool)
	l.free = append(l.free, g)
}

func (l *Log) runCommitter() {
	for {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		l.mu.Lock()
		for !l.idleLocked() {
			g := l.takeLocked()
			l.mu.Unlock()
			l.commit(g)
			l.mu.Lock()
			l.recycleLocked(g)
		}
		l.committing = false
		l.mu.Unlock()
	}
}

// commit takes a group's whole way. A group is one part, unless it passes the end of a segment; each part is written,
// synced, published, applied and answered before the segment rolls.
func (l *Log) commit(g *group) {
	for next := 0; next < len(g.items); {
		end, err := l.commitPart(g, next)
		if err != nil {
			err = l.refuse(err)
			for i := next; i < end; i++ {
				g.answer(&g.items[i], err)
			}
		} else {
			l.take()
		}
		next = end
	}
	g.flush()
	for _, b := range g.barriers {
		err := l.Err()
		if err == nil {
			err = b.fn(l.Published())
		}
		b.done <- err
	}
}

// commitPart commits as many items, from first on, as fit into the active segment. An error concerns the items from
// first to end, which have not been answered.
func (l *Log) commitPart(g *group, first int) (end int, err error) {
	if err := l.Err(); err != nil {
		return len(g.items), err
	}
	l.number(g, &g.items[first])
	if size := int64(g.items[first].size); !l.fits(size) {
		if size+l.checkpoint+message.BlankSize > l.opts.SegmentSize {
			return first + 1, fmt.Errorf("%w: %d bytes, a segment of %d has %d left behind its checkpoint",
				message.ErrTooBig, size, l.opts.SegmentSize, l.opts.SegmentSize-l.checkpoint-message.BlankSize)
		}
		if err := l.roll(); err != nil {
			return len(g.items), err
		}
		if !l.fits(size) {
			return first + 1, fmt.Errorf("%w: %d bytes, a segment of %d has %d left behind its checkpoint",
				message.ErrTooBig, size, l.opts.SegmentSize, l.opts.SegmentSize-l.checkpoint-message.BlankSize)
		}
	}
	end, to := l.assign(g, first)
	return end, l.finish(g, first, end, to)
}

// fits reports whether size bytes and an end marker fit into what the active segment has left.
func (l *Log) fits(size int64) bool {
	return size+message.BlankSize <= int64(l.active.end()-l.at)
}

// assign gives offsets and the store time to the items from first on that fit, seals their records and collects the
// stretches to write in g.spans.
func (l *Log) assign(g *group, first int) (end int, to message.LogOffset) {
	now := max(message.StoreTime(l.opts.Now().UnixMilli()), l.lastTime)
	l.lastTime = now
	room := int64(l.active.end()-l.at) - message.BlankSize
	to = l.at
	g.spans = g.spans[:0]
	for end = first; end < len(g.items); end++ {
		it := &g.items[end]
		l.number(g, it)
		if room -= int64(it.size); room < 0 {
			break
		}
		if n := len(g.spans); n > 0 && g.spans[n-1].chunk == it.chunk && g.spans[n-1].end == it.start {
			g.spans[n-1].end += it.size
		} else {
			g.spans = append(g.spans, extent{at: to, chunk: it.chunk, start: it.start, end: it.start + it.size})
		}
		for i := it.first; i < it.first+it.n; i++ {
			rec := &g.recs[i]
			rec.LogOffset, rec.QueueOffset, rec.StoreTime = to, message.QueueOffset(rec.Queue.assigned), now
			rec.Queue.assigned++
			for j := range rec.Lights {
				rec.Lights[j].Queue.assigned++
			}
			message.Seal(rec.Record, to, rec.QueueOffset, now)
			to += message.LogOffset(len(rec.Record))
		}
	}
	return end, to
}

// finish writes, syncs, publishes, applies and answers one assigned part. On an error the queue offsets are given back.
func (l *Log) finish(g *group, first, end int, to message.LogOffset) error {
	recs := g.recs[g.items[first].first : g.items[end-1].first+g.items[end-1].n]
	if err := l.write(g.spans, to); err != nil {
		giveBack(recs)
		return err
	}
	late, err := l.syncPart(g, first, end)
	if err != nil {
		giveBack(recs)
		if late {
			return nil // the watchdog has answered
		}
		return err
	}
	l.publish(g.spans, recs, to)
	if !late {
		for i := first; i < end; i++ {
			g.answer(&g.items[i], nil)
		}
	}
	return nil
}

// giveBack returns the queue offsets of records that did not get into the log.
func giveBack(recs []Appended) {
	for i := range recs {
		recs[i].Queue.assigned = recs[i].Queue.next.Load()
		for _, p := range recs[i].Lights {
			p.Queue.assigned = p.Queue.next.Load()
		}
	}
}

// write writes the spans, which lie at l.at one behind the other and end at to. What a failed write has left is zeroed
// and synced, now or before the next write, so that no refused record can come to life.
func (l *Log) write(spans []extent, to message.LogOffset) error {
	if err := l.clean(); err != nil {
		return err
	}
	l.win.advance(l.active.blockEnd(to))
	last, err := l.writeSpans(spans)
	if err != nil {
		l.soil(l.at, to)
		_ = l.clean() // tried again before the next write
		return fmt.Errorf("group of %d bytes at %d: %w", to-l.at, l.at, err)
	}
	l.active.keep(last)
	return nil
}

func (l *Log) writeSpans(spans []extent) (last []byte, err error) {
	if l.opts.Flush == SyncFlush {
		return l.blocks.write(l.active, l.at, spans)
	}
	for i := range spans {
		if err := l.blocks.put(l.active, spans[i].bytes(), int64(spans[i].at-l.active.base)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// soil notes that the bytes of the active segment from from to to may hold what was refused.
func (l *Log) soil(from, to message.LogOffset) {
	if l.dirty.end > l.dirty.start {
		to = max(to, l.dirty.until())
	}
	l.dirty = extent{at: from, end: int(to - from)}
}

// clean zeroes what soil noted.
func (l *Log) clean() error {
	if l.dirty.end == 0 {
		return nil
	}
	l.win.advance(l.active.blockEnd(l.dirty.until()))
	_, err := l.blocks.write(l.active, l.dirty.at, l.zeroSpans(l.dirty.end))
	if errors.Is(err, syscall.ENOSPC) {
		err = l.cleanAllocated()
	}
	if err != nil {
		return fmt.Errorf("zero %d bytes of segment %s at %d after a failed write: %w", l.dirty.end, segmentName(l.active.base), l.dirty.at, err)
	}
	if err := l.active.out.SyncData(); err != nil {
		return l.fail("sync of segment "+segmentName(l.active.base), err)
	}
	l.dirty = extent{}
	return nil
}

// cleanAllocated zeroes, on a full disk, what soil noted as far as there is anything: holes stay holes, which need no room. So what does not
// fit keeps nothing out that does, and the log can be closed in good order.
func (l *Log) cleanAllocated() error {
	buf := make([]byte, len(l.zeros))
	for at, left := l.dirty.at, l.dirty.end; left > 0; {
		b := buf[:min(len(buf), left)]
		if n, err := l.active.file.ReadAt(b, int64(at-l.active.base)); n < len(b) {
			return fmt.Errorf("read at %d: %w", at, err)
		}
		if err := l.zeroAllocated(l.active, b, at); err != nil {
			return err
		}
		at, left = at+message.LogOffset(len(b)), left-len(b)
	}
	return nil
}

// zeroSpans returns extents of so many zeros.
func (l *Log) zeroSpans(size int) []extent {
	var out []extent
	zeros := &chunk{b: l.zeros}
	for ; size > 0; size -= len(l.zeros) {
		out = append(out, extent{chunk: zeros, end: min(size, len(l.zeros))})
	}
	return out
}

// publish makes a part visible: to readers, to the queues' counters, to the follower.
func (l *Log) publish(spans []extent, recs []Appended, to message.LogOffset) {
	for i := range spans {
		l.tail.push(spans[i])
	}
	l.at = to
	if l.opts.Flush == SyncFlush {
		l.synced.Store(int64(to))
	}
	l.published.Store(int64(to))
	for i := range recs {
		recs[i].Queue.next.Store(int64(recs[i].QueueOffset) + 1)
		for _, p := range recs[i].Lights {
			p.Queue.next.Store(int64(p.Offset) + 1)
		}
	}
	if l.opts.Follower != nil {
		l.opts.Follower.Apply(recs)
	}
}
