package commitlog

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message"
)

// chunkSize is the unit of the memory in which records are encoded. A larger batch gets a chunk of its own.
const chunkSize = 512 << 10

// maxFreeChunks and maxKeptRecords bound the memory that a burst leaves behind: a batch of 100,000 messages without bodies has 10 MiB of records' places.
const (
	maxFreeChunks  = 8
	maxKeptRecords = 1 << 15
)

// chunk is memory for consecutive records: groups encode into it one behind the other, and the tail serves reads from it.
// Whoever holds bytes of it holds a reference: the log while it fills it, each group with records in it, each extent of the tail.
type chunk struct {
	b    []byte
	refs atomic.Int32
}

// pool keeps free chunks.
type pool struct {
	mu   sync.Mutex
	free []*chunk
}

// get returns a chunk of at least size bytes with one reference.
func (p *pool) get(size int) *chunk {
	c := p.pop(size)
	if c == nil {
		c = &chunk{b: make([]byte, max(size, chunkSize))}
	}
	c.refs.Store(1)
	return c
}

func (p *pool) pop(size int) *chunk {
	if size > chunkSize {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	c := p.free[n-1]
	p.free = p.free[:n-1]
	return c
}

// release gives one reference back and keeps the chunk for reuse when it was the last.
func (p *pool) release(c *chunk) {
	if c.refs.Add(-1) > 0 || len(c.b) != chunkSize {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxFreeChunks {
		p.free = append(p.free, c)
	}
}

// item is one Append or AppendBatch: consecutive bytes of one chunk, records first to first+n of the group.
type item struct {
	sink        Sink
	token       uint64
	chunk       *chunk
	start, size int
	first, n    int
	hidden      int // so many of the first records the sink does not hear of
}

// group is what one commit takes: everything that was appended while the one before it was on its way to the disk.
type group struct {
	items    []item
	recs     []Appended
	chunks   []*chunk
	barriers []barrier
	bytes    int64 // of the items that count against MaxPendingBytes

	// Used by the committing goroutine, and by the watchdog while that one waits for a sync.
	spans []extent
	sinks []Sink
	seen  map[Sink]struct{}
}

// barrier is a function that waits for its turn between two groups.
type barrier struct {
	fn   func(applied message.LogOffset) error
	done chan error
}

// encoder packs records into chunks for a group.
type encoder struct {
	pool *pool
	cur  *chunk
	used int
}

// room makes size consecutive bytes available in the current chunk.
func (e *encoder) room(size int) {
	if e.cur != nil && len(e.cur.b)-e.used >= size {
		return
	}
	e.close()
	e.cur, e.used = e.pool.get(size), 0
}

// close drops the chunk that is being filled.
func (e *encoder) close() {
	if e.cur != nil {
		e.pool.release(e.cur)
		e.cur = nil
	}
}

// begin opens an item of size bytes in g.
func (e *encoder) begin(g *group, size int, sink Sink, token uint64) {
	e.room(size)
	if n := len(g.chunks); n == 0 || g.chunks[n-1] != e.cur {
		e.cur.refs.Add(1)
		g.chunks = append(g.chunks, e.cur)
	}
	g.items = append(g.items, item{sink: sink, token: token, chunk: e.cur, start: e.used, size: size, first: len(g.recs)})
}

// put encodes one record into the item that begin opened.
func (e *encoder) put(g *group, q *Queue, r *message.Record) {
	size := message.EncodedSize(r)
	end := e.used + size
	b := message.AppendRecord(e.cur.b[e.used:e.used:end], r)
	e.used = end
	g.recs = append(g.recs, Appended{Record: b, Queue: q, Note: r.Note})
	g.items[len(g.items)-1].n++
}

// reset empties the group for its next use and releases its chunks.
func (g *group) reset(p *pool) {
	for _, c := range g.chunks {
		p.release(c)
	}
	clear(g.items)
	clear(g.recs)
	clear(g.chunks)
	clear(g.barriers)
	g.items, g.recs, g.chunks, g.barriers = g.items[:0], g.recs[:0], g.chunks[:0], g.barriers[:0]
	if cap(g.recs) > maxKeptRecords {
		g.items, g.recs = nil, nil
	}
	g.bytes = 0
}

// answer tells one item its outcome and remembers its sink for the flush.
func (g *group) answer(it *item, err error) {
	if it.sink == nil {
		return
	}
	var recs []Appended
	if err == nil || errors.Is(err, ErrFlushTimeout) {
		recs = g.recs[it.first+it.hidden : it.first+it.n : it.first+it.n]
	}
	it.sink.Committed(it.token, recs, err)
	if n := len(g.sinks); n > 0 && g.sinks[n-1] == it.sink {
		return
	}
	if g.seen == nil {
		g.seen = make(map[Sink]struct{})
	}
	if _, ok := g.seen[it.sink]; !ok {
		g.seen[it.sink] = struct{}{}
		g.sinks = append(g.sinks, it.sink)
	}
}

// flush calls Flush once on each sink that was answered since the last flush.
func (g *group) flush() {
	for _, s := range g.sinks {
		s.Flush()
	}
	clear(g.seen)
	clear(g.sinks)
	g.sinks = g.sinks[:0]
}
