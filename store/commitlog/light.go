package commitlog

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
)

// Light is what a record needs that stands in light queues as well.
type Light struct {
	// Queues are the counters of the light queues, in the order in which the record names them.
	Queues []*Queue
	// Before is a record that reaches the log together with this one or not at all, and stands before it; nil for none. The sink hears
	// nothing of it.
	Before      *message.Record
	BeforeQueue *Queue
}

// Place is where a record stands in a light queue.
type Place struct {
	Queue  *Queue
	Offset message.QueueOffset
}

// AppendLight is [Log.Append] for a record with light queues, or with internal [Log.AppendInternal]. Its offsets in them stand in its properties, so it can
// be written in full only when it is committed: see number. The properties must not hold such offsets yet.
func (l *Log) AppendLight(q *Queue, r *message.Record, more Light, sink Sink, token uint64, internal bool) error {
	l.complete(r)
	if n := len(r.Properties) + light.Room(len(more.Queues)); n > message.MaxPropertiesSize {
		return fmt.Errorf("%w: properties may take %d bytes with the offsets of %d light queues, the limit is %d",
			message.ErrTooBig, n, len(more.Queues), message.MaxPropertiesSize)
	}
	if err := message.CheckLimits(r); err != nil {
		return err
	}
	size := message.EncodedSize(r)
	most := size + light.Room(len(more.Queues))
	if more.Before != nil {
		l.complete(more.Before)
		n := message.EncodedSize(more.Before)
		size, most = size+n, most+n
	}
	if err := l.checkSize(most); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.admitLocked(size, internal); err != nil {
		return err
	}
	l.enc.begin(l.open, size, sink, token)
	it := &l.open.items[len(l.open.items)-1]
	if more.Before != nil {
		it.hidden = 1
		l.enc.put(l.open, more.BeforeQueue, more.Before)
	}
	l.enc.put(l.open, q, r)
	places := make([]Place, len(more.Queues))
	for i, lq := range more.Queues {
		places[i] = Place{lq, -1}
	}
	l.open.recs[len(l.open.recs)-1].Lights = places
	return nil
}

// number gives an item's record the offsets in its light queues and encodes it anew with them, behind what stands before it. It is called again for an
// item that did not fit into the segment; the offsets are mostly the same then. What it encodes lies in memory of the committing goroutine's
// own, chunk by chunk like everything else.
func (l *Log) number(g *group, it *item) {
	rec := &g.recs[it.first+it.n-1]
	if rec.Lights == nil {
		return
	}
	changed := false
	for i := range rec.Lights {
		p := &rec.Lights[i]
		if next := message.QueueOffset(p.Queue.assigned); p.Offset != next {
			p.Offset, changed = next, true
		}
	}
	if !changed {
		return
	}
	r, err := message.ParseRecord(rec.Record)
	if err != nil {
		panic(fmt.Sprintf("BUG: a record that was just encoded cannot be read: %v", err))
	}
	bare := r.Properties.Without(message.PropCRC, message.PropMultiQueueOffset)
	r.Properties = light.AppendOffsets(bare, len(rec.Lights), func(i int) message.QueueOffset { return rec.Lights[i].Offset })
	before := 0
	for i := range it.hidden {
		before += len(g.recs[it.first+i].Record)
	}
	size := before + message.EncodedSize(&r)
	e := &l.light
	e.room(size)
	if !g.holds(e.cur) {
		e.cur.refs.Add(1)
		g.chunks = append(g.chunks, e.cur)
	}
	it.chunk, it.start, it.size = e.cur, e.used, size
	for i := range it.hidden {
		b := e.cur.b[e.used:][:len(g.recs[it.first+i].Record)]
		copy(b, g.recs[it.first+i].Record)
		g.recs[it.first+i].Record = b
		e.used += len(b)
	}
	rec.Record = message.AppendRecord(e.cur.b[e.used:e.used:it.start+size], &r)
	e.used = it.start + size
}

// holds reports whether the group has a reference to a chunk already. The newest is looked at first.
func (g *group) holds(c *chunk) bool {
	for i := len(g.chunks) - 1; i >= 0; i-- {
		if g.chunks[i] == c {
			return true
		}
	}
	return false
}
