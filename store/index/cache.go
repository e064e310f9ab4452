package index

import (
	"container/list"
	"sync"
)

// pageCache keeps the pages and page tables that were read last, checked already, within a limit in bytes.
type pageCache struct {
	limit int

	mu    sync.Mutex // guards the rest
	bytes int
	parts map[partKey]*list.Element
	order list.List // of *part, the last used first
}

// partKey names a part by its open block, not by the block's id: a block that is dropped and written again has the same.
type partKey struct {
	b  *block
	at int64
}

type part struct {
	key partKey
	b   []byte
}

func (c *pageCache) get(k partKey) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.parts[k]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*part).b
}

func (c *pageCache) put(k partKey, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.parts[k]; ok || len(b) > c.limit/2 {
		return
	}
	if c.parts == nil {
		c.parts = make(map[partKey]*list.Element)
	}
	c.parts[k] = c.order.PushFront(&part{k, b})
	c.bytes += len(b) + partOverhead
	for c.bytes > c.limit {
		e := c.order.Back()
		p := c.order.Remove(e).(*part)
		delete(c.parts, p.key)
		c.bytes -= len(p.b) + partOverhead
	}
}

// partOverhead is about what the cache itself keeps for a part.
const partOverhead = 200

// runCache keeps the runs that were found last in the directory, one per queue. A run is immutable, so what it says
// holds as long as its block is in the reader's view.
type runCache struct {
	mu   sync.Mutex // guards runs
	runs map[Queue]foundRun
}

type foundRun struct {
	b *block
	r run
}

const maxCachedRuns = 2048

func (c *runCache) get(q Queue) (foundRun, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.runs[q]
	return f, ok
}

func (c *runCache) put(q Queue, f foundRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = make(map[Queue]foundRun)
	}
	if _, ok := c.runs[q]; !ok && len(c.runs) >= maxCachedRuns {
		for old := range c.runs {
			delete(c.runs, old)
			break
		}
	}
	c.runs[q] = f
}
