package index

import (
	"math"
	"sort"
	"sync"

	"github.com/aerobee-mq/aerobee/message"
)

// The head keeps each queue's entries in chunks of 24-byte rows. A row holds differences to its chunk's base, and a
// difference that does not fit begins a new chunk. Rows that a chunk has are never changed, so a reader copies a chunk's
// slice header under the lock and reads the rows without it.
//
// The first chunk of a queue grows by copying in steps that waste little (most queues of many have few entries); from
// 16 rows on, further chunks double up to 128 rows and are never copied.

type row struct {
	tags   int64
	offset uint32
	log    uint32
	time   int32
	size   int32
}

type chunk struct {
	offset message.QueueOffset
	log    message.LogOffset
	time   message.StoreTime
	rows   []row
}

const (
	firstChunkRows = 16
	maxChunkRows   = 128
	keyChunkRows   = 512
)

func (c *chunk) entry(i int) Entry {
	r := &c.rows[i]
	return Entry{
		QueueOffset: c.offset + message.QueueOffset(r.offset), LogOffset: c.log + message.LogOffset(r.log),
		Size: r.size, TagsCode: r.tags, StoreTime: c.time + message.StoreTime(r.time),
	}
}

func (c *chunk) last() Entry { return c.entry(len(c.rows) - 1) }

// fits reports whether a difference can be kept in a row.
func (c *chunk) fits(e *Entry) bool {
	t := int64(e.StoreTime - c.time)
	return uint64(e.QueueOffset-c.offset) <= math.MaxUint32 && uint64(e.LogOffset-c.log) <= math.MaxUint32 &&
		t >= math.MinInt32 && t <= math.MaxInt32
}

func (c *chunk) push(e *Entry) {
	c.rows = append(c.rows, row{
		tags: e.TagsCode, offset: uint32(e.QueueOffset - c.offset), log: uint32(e.LogOffset - c.log),
		time: int32(e.StoreTime - c.time), size: e.Size,
	})
}

// head is what was added since the last freeze. One goroutine adds; any may read.
type head struct {
	mu     sync.Mutex // guards the rest; its holds are short, and taking it costs half of what a RWMutex takes to write
	queues map[Queue][]chunk
	keys   []keyChunk
	count  int
	// keyCount is how many keys there are.
	keyCount int
}

type keyRow struct {
	hash uint64
	log  uint32
	time int32
}

type keyChunk struct {
	log  message.LogOffset
	time message.StoreTime
	rows []keyRow
}

func (c *keyChunk) at(i int) keyRecord {
	r := &c.rows[i]
	return keyRecord{hash: r.hash, log: c.log + message.LogOffset(r.log), time: c.time + message.StoreTime(r.time)}
}

func newHead() *head { return &head{queues: make(map[Queue][]chunk)} }

func (h *head) entries() (entries, queues, keys int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count, len(h.queues), h.keyCount
}

func (h *head) add(q Queue, e Entry, keys []uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range keys {
		h.addKey(keyRecord{hash: k, log: e.LogOffset, time: e.StoreTime})
	}
	chunks := h.queues[q]
	n := len(chunks)
	if n > 0 && chunks[n-1].last().QueueOffset >= e.QueueOffset {
		return
	}
	h.count++
	if n > 0 && chunks[n-1].makeRoom(n == 1) && chunks[n-1].fits(&e) {
		chunks[n-1].push(&e)
		return
	}
	size := 2
	if n > 0 {
		size = min(max(2*cap(chunks[n-1].rows), firstChunkRows), maxChunkRows)
	}
	c := chunk{offset: e.QueueOffset, log: e.LogOffset, time: e.StoreTime, rows: make([]row, 0, size)}
	c.push(&e)
	if n == 0 {
		chunks = make([]chunk, 0, 1)
	}
	h.queues[q] = append(chunks, c)
}

// makeRoom reports whether one more row fits; a queue's first chunk grows by two rows at a time, copied.
func (c *chunk) makeRoom(first bool) bool {
	n := len(c.rows)
	if n < cap(c.rows) {
		return true
	}
	if !first || n >= firstChunkRows {
		return false
	}
	grown := make([]row, n, min(n+2+n/8*2, firstChunkRows))
	copy(grown, c.rows)
	c.rows = grown
	return true
}

func (h *head) addKey(k keyRecord) {
	h.keyCount++
	n := len(h.keys)
	if n > 0 {
		c := &h.keys[n-1]
		t := int64(k.time - c.time)
		fits := uint64(k.log-c.log) <= math.MaxUint32 && t >= math.MinInt32 && t <= math.MaxInt32
		if fits && len(c.rows) < cap(c.rows) {
			c.rows = append(c.rows, keyRow{hash: k.hash, log: uint32(k.log - c.log), time: int32(t)})
			return
		}
	}
	rows := append(make([]keyRow, 0, keyChunkRows), keyRow{hash: k.hash})
	h.keys = append(h.keys, keyChunk{log: k.log, time: k.time, rows: rows})
}

// bounds returns a queue's first entry and its last; ok is false if the head has none of it.
func (h *head) bounds(q Queue) (first, last Entry, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	chunks := h.queues[q]
	if len(chunks) == 0 {
		return first, last, false
	}
	return chunks[0].entry(0), chunks[len(chunks)-1].last(), true
}

// chunkAt returns the queue's first chunk that reaches the offset.
func (h *head) chunkAt(q Queue, from message.QueueOffset) (chunk, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	chunks := h.queues[q]
	i := sort.Search(len(chunks), func(i int) bool { return chunks[i].last().QueueOffset >= from })
	if i == len(chunks) {
		return chunk{}, false
	}
	return chunks[i], true
}

// search returns the chunk's first row at the offset or behind it.
func (c *chunk) search(from message.QueueOffset) int {
	return sort.Search(len(c.rows), func(i int) bool { return c.offset+message.QueueOffset(c.rows[i].offset) >= from })
}

// scan visits the queue's entries from an offset on; it returns the offset behind the last visited one and whether
// visit wants more.
func (h *head) scan(q Queue, from message.QueueOffset, visit func(Entry) bool) (message.QueueOffset, bool) {
	for {
		c, ok := h.chunkAt(q, from)
		if !ok {
			return from, true
		}
		for i := c.search(from); i < len(c.rows); i++ {
			e := c.entry(i)
			from = e.QueueOffset + 1
			if !visit(e) {
				return from, false
			}
		}
	}
}

// keyChunks returns the head's key chunks as they are now, oldest first.
func (h *head) keyChunks() []keyChunk {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]keyChunk(nil), h.keys...)
}

// sortedKeys returns an immutable head's keys in the order of the key pages.
func (h *head) sortedKeys() []keyRecord {
	n := 0
	for i := range h.keys {
		n += len(h.keys[i].rows)
	}
	s := keySorter{in: make([]keyRecord, 0, n)}
	for i := len(h.keys) - 1; i >= 0; i-- {
		for j := len(h.keys[i].rows) - 1; j >= 0; j-- {
			s.in = append(s.in, h.keys[i].at(j))
		}
	}
	return s.sort(0, 1)
}
