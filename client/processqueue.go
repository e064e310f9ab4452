package client

import "github.com/aerobee-mq/aerobee/message"

// processQueue holds what was pulled from one queue and is not acknowledged yet, in the order of offsets. It is a pure structure:
// its consumer's lock guards it.
type processQueue struct {
	chunks []*chunk    // the first one holds the first delivery that is not done
	taken  int         // chunks before this one have been handed out whole
	next   int64       // where the next pull begins: all below it is here, done, or was not wanted
	count  int         // deliveries not done
	bytes  int         // what they keep alive
	again  []*Delivery // to be handed out again, before all others
}

// chunk is what one pull brought.
type chunk struct {
	ds    []*Delivery // never changed: handlers get parts of it
	taken int         // ds[:taken] have been handed out
	first int         // ds[:first] are done
	left  int         // how many are not done
	dead  bool        // the process queue has been emptied since: what handlers say of it no longer counts
}

// put adds what a pull brought; next is where the next one begins.
func (p *processQueue) put(ds []Delivery, next int64) {
	p.next = next
	if len(ds) == 0 {
		return
	}
	c := &chunk{ds: make([]*Delivery, len(ds)), left: len(ds)}
	for i := range ds {
		d := &ds[i]
		d.chunk = c
		c.ds[i] = d
		p.bytes += d.size
	}
	p.count += len(ds)
	p.chunks = append(p.chunks, c)
}

// waiting reports whether there is something to hand out.
func (p *processQueue) waiting() bool { return p.taken < len(p.chunks) || len(p.again) > 0 }

// take hands out up to n deliveries of one pull, nil if there are none.
func (p *processQueue) take(n int) []*Delivery {
	if !p.waiting() {
		return nil
	}
	if late := min(n, len(p.again)); late > 0 {
		ds := p.again[:late:late]
		p.again = p.again[late:]
		return ds
	}
	c := p.chunks[p.taken]
	end := min(c.taken+n, len(c.ds))
	ds := c.ds[c.taken:end:end]
	c.taken = end
	if end == len(c.ds) {
		p.taken++
	}
	return ds
}

// redo takes back what take gave last, to be handed out again.
func (p *processQueue) redo(ds []*Delivery) {
	c := ds[0].chunk
	if c.dead {
		return
	}
	if c.taken == len(c.ds) {
		p.taken--
	}
	c.taken -= len(ds)
}

// finish marks a delivery as done. false: it was done before, or the queue has been emptied since, and it counts for nothing.
func (p *processQueue) finish(d *Delivery) bool {
	c := d.chunk
	if c == nil || c.dead || d.done {
		return false
	}
	d.done = true
	c.left--
	p.count--
	p.bytes -= d.size
	for c.first < len(c.ds) && c.ds[c.first].done {
		c.first++
	}
	gone := 0
	for gone < len(p.chunks) && p.chunks[gone].left == 0 {
		gone++
	}
	if gone > 0 {
		n := copy(p.chunks, p.chunks[gone:])
		clear(p.chunks[n:])
		p.chunks = p.chunks[:n]
		p.taken -= gone
	}
	return true
}

// empty forgets everything, and what handlers still have. The next pull begins at next.
func (p *processQueue) empty(next int64) {
	for _, c := range p.chunks {
		c.dead = true
	}
	*p = processQueue{next: next}
}

// committed is the offset below which everything is done.
func (p *processQueue) committed() int64 {
	if d := p.front(); d != nil {
		return int64(d.Offset)
	}
	return p.next
}

// front is the first delivery that is not done.
func (p *processQueue) front() *Delivery {
	if len(p.chunks) == 0 {
		return nil
	}
	c := p.chunks[0]
	return c.ds[c.first]
}

// span is how far the offsets of what is held lie apart.
func (p *processQueue) span() int64 {
	if len(p.chunks) == 0 {
		return 0
	}
	return int64(p.last() - p.front().Offset)
}

// last is the greatest offset held; there must be one.
func (p *processQueue) last() message.QueueOffset {
	c := p.chunks[len(p.chunks)-1]
	return c.ds[len(c.ds)-1].Offset
}

// redoLate has deliveries handed out again that were kept by a handler, whatever has been handed out since.
func (p *processQueue) redoLate(ds []*Delivery) {
	for _, d := range ds {
		if !d.chunk.dead && !d.done {
			p.again = append(p.again, d)
		}
	}
}
