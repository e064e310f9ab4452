package commitlog

import (
	"sort"
	"sync"

	"github.com/aerobee-mq/aerobee/message"
)

// extent is a stretch of the log that lies in a chunk.
type extent struct {
	at         message.LogOffset
	chunk      *chunk
	start, end int
}

func (e *extent) size() int64 { return int64(e.end - e.start) }

func (e *extent) bytes() []byte { return e.chunk.b[e.start:e.end] }

func (e *extent) until() message.LogOffset { return e.at + message.LogOffset(e.size()) }

// tail holds the log's most recent bytes, in the chunks where they were encoded, for reads. Readers copy under the
// lock, so that nothing they see can be recycled.
type tail struct {
	mu      sync.RWMutex
	limit   int64
	bytes   int64
	extents []extent // in log order; holes are possible
	pool    *pool
}

// push adds a stretch behind all others and drops the oldest beyond the limit.
func (t *tail) push(e extent) {
	if t.limit == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += e.size()
	if n := len(t.extents); n > 0 {
		if last := &t.extents[n-1]; last.chunk == e.chunk && last.end == e.start && last.until() == e.at {
			last.end = e.end
			return
		}
	}
	e.chunk.refs.Add(1)
	t.extents = append(t.extents, e)
	drop := 0
	for drop < len(t.extents)-1 && t.bytes-t.extents[drop].size() >= t.limit {
		t.bytes -= t.extents[drop].size()
		t.pool.release(t.extents[drop].chunk)
		drop++
	}
	if drop > 0 {
		n := copy(t.extents, t.extents[drop:])
		clear(t.extents[n:])
		t.extents = t.extents[:n]
	}
}

// read appends the bytes of the spans, in order, until one of them is not in memory. It returns how many it served.
func (t *tail) read(dst []byte, spans []Span) ([]byte, int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.extents) == 0 {
		return dst, 0
	}
	i := -1
	for n, s := range spans {
		if i < 0 || s.At < t.extents[i].at || s.At >= t.extents[i].until() {
			i = sort.Search(len(t.extents), func(i int) bool { return t.extents[i].at > s.At }) - 1
		}
		if i < 0 {
			return dst, n
		}
		e := &t.extents[i]
		if s.At+message.LogOffset(s.Size) > e.until() {
			return dst, n
		}
		from := e.start + int(s.At-e.at)
		dst = append(dst, e.chunk.b[from:from+int(s.Size)]...)
	}
	return dst, len(spans)
}

// first returns the oldest offset in memory; everything published behind it was in memory at that moment, holes aside.
func (t *tail) first() (message.LogOffset, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.extents) == 0 {
		return 0, false
	}
	return t.extents[0].at, true
}
