package wire

import (
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// Held is what was pulled from one queue and is not acknowledged yet, in the order of offsets. Its user's lock guards it.
type Held struct {
	chunks []*chunk    // the first one holds the first delivery that is not done
	taken  int         // chunks before this one have been handed out whole
	Next   int64       // where the next pull begins: all below it is here, done, or was not wanted
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

// Put adds what a pull brought; next is where the next one begins.
func (h *Held) Put(ds []Delivery, next int64) {
	h.Next = next
	if len(ds) == 0 {
		return
	}
	c := &chunk{ds: make([]*Delivery, len(ds)), left: len(ds)}
	for i := range ds {
		d := &ds[i]
		d.chunk = c
		c.ds[i] = d
		h.bytes += d.size
	}
	h.count += len(ds)
	h.chunks = append(h.chunks, c)
}

// Waiting reports whether there is something to hand out.
func (h *Held) Waiting() bool { return h.taken < len(h.chunks) || len(h.again) > 0 }

// Take hands out up to n deliveries of one pull, nil if there are none.
func (h *Held) Take(n int) []*Delivery {
	if !h.Waiting() {
		return nil
	}
	if late := min(n, len(h.again)); late > 0 {
		ds := h.again[:late:late]
		h.again = h.again[late:]
		return ds
	}
	c := h.chunks[h.taken]
	end := min(c.taken+n, len(c.ds))
	ds := c.ds[c.taken:end:end]
	c.taken = end
	if end == len(c.ds) {
		h.taken++
	}
	return ds
}

// Redo takes back what take gave last, to be handed out again.
func (h *Held) Redo(ds []*Delivery) {
	c := ds[0].chunk
	if c.dead {
		return
	}
	if c.taken == len(c.ds) {
		h.taken--
	}
	c.taken -= len(ds)
}

// Finish marks a delivery as done. false: it was done before, or the queue has been emptied since, and it counts for nothing.
func (h *Held) Finish(d *Delivery) bool {
	c := d.chunk
	if c == nil || c.dead || d.done {
		return false
	}
	d.done = true
	c.left--
	h.count--
	h.bytes -= d.size
	for c.first < len(c.ds) && c.ds[c.first].done {
		c.first++
	}
	gone := 0
	for gone < len(h.chunks) && h.chunks[gone].left == 0 {
		gone++
	}
	if gone > 0 {
		n := copy(h.chunks, h.chunks[gone:])
		clear(h.chunks[n:])
		h.chunks = h.chunks[:n]
		h.taken -= gone
	}
	return true
}

// Empty forgets everything, and what handlers still have. The next pull begins at next.
func (h *Held) Empty(next int64) {
	for _, c := range h.chunks {
		c.dead = true
	}
	*h = Held{Next: next}
}

// Committed is the offset below which everything is done.
func (h *Held) Committed() int64 {
	if d := h.Front(); d != nil {
		return int64(d.Offset)
	}
	return h.Next
}

// Front is the first delivery that is not done.
func (h *Held) Front() *Delivery {
	if len(h.chunks) == 0 {
		return nil
	}
	c := h.chunks[0]
	return c.ds[c.first]
}

// Span is how far the offsets of what is held lie apart.
func (h *Held) Span() int64 {
	if len(h.chunks) == 0 {
		return 0
	}
	return int64(h.Last() - h.Front().Offset)
}

// Last is the greatest offset held; there must be one.
func (h *Held) Last() message.QueueOffset {
	c := h.chunks[len(h.chunks)-1]
	return c.ds[len(c.ds)-1].Offset
}

// RedoLate has deliveries handed out again that were kept by a handler, whatever has been handed out since.
func (h *Held) RedoLate(ds []*Delivery) {
	for _, d := range ds {
		if !d.chunk.dead && !d.done {
			h.again = append(h.again, d)
		}
	}
}

// Count is how many deliveries are not done.
func (h *Held) Count() int { return h.count }

// Bytes is about what they keep in memory.
func (h *Held) Bytes() int { return h.bytes }

// Counts reports whether a delivery is still to be done: it is not done yet, and its queue has not been emptied since.
func Counts(d *Delivery) bool { return !d.done && !d.chunk.dead }

// Start notes when deliveries were handed out.
func Start(ds []*Delivery, now time.Time) {
	for _, d := range ds {
		d.startedAt = now
	}
}

// Late is the first delivery that is not done if it was handed out before the limit, else nil.
func (h *Held) Late(limit time.Time) *Delivery {
	if d := h.Front(); d != nil && !d.startedAt.IsZero() && d.startedAt.Before(limit) {
		return d
	}
	return nil
}
