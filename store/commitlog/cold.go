package commitlog

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// coldSize is what is read at once for readers that follow the log far behind its end, in bytes.
	coldSize = 512 << 10
	// coldAhead is how many reads ahead may be under way.
	coldAhead = 2
	// coldKeep is how long a block that has not been read to its end is safe from those that want its place. To read one twice
	// costs less than the page cache: with 1 s, draining 2 M messages from queues that had drifted apart cost half as much again.
	coldKeep = 50 * time.Millisecond
	// coldIdle is how long after the last cold read the memory is given back.
	coldIdle = 5 * time.Second
	// coldTouched is how many places are remembered at which a cold read has been.
	coldTouched = 64
)

// cold serves reads of what is no longer in the tail and, since it was written past the page cache, not there either. It
// reads aligned blocks past the page cache too, into memory of its own that it uses again: on a machine whose memory costs
// something when it is touched first, that is where a cold read's time goes.
//
// A block is read for those who follow the log: the second read in a block, or one behind a block that is here. A first read
// anywhere else, such as a key query's, is left to the page cache, and so is everything when the blocks that are here are
// still needed.
type cold struct {
	limit int64
	log   *Log

	mu      sync.Mutex
	blocks  map[message.LogOffset]*coldBlock // by the offset at which they begin
	free    [][]byte
	made    int64 // bytes in blocks and free
	ahead   int
	touched [coldTouched]message.LogOffset // where reads have been that found no block, plus 1
	next    int                            // in touched
	used    time.Time                      // the last read
	closed  bool
}

// coldBlock is one stretch of the log. pins and served are guarded by cold.mu; the rest is fixed once ready is closed.
type coldBlock struct {
	at     message.LogOffset
	b      []byte
	ready  chan struct{}
	valid  message.LogOffset // what lies before was published when it was read
	err    error
	pins   int
	served int // bytes that readers have taken
	used   time.Time
}

// coldStart returns where the block begins in which an offset lies.
func (s *segment) coldStart(at message.LogOffset) message.LogOffset { return at - (at-s.base)%coldSize }

// read appends the bytes of leading spans, which begin in s and before limit. It serves none if they are better read elsewhere,
// or if it would have to wait and must not.
func (c *cold) read(dst []byte, s *segment, spans []Span, limit message.LogOffset, wait bool) (_ []byte, n int, err error) {
	end := spans[0].At + message.LogOffset(spans[0].Size)
	if end > s.end() || spans[0].Size < message.MinRecordSize { // a look at a record's size is no read of one who follows
		return dst, 0, nil
	}
	b, err := c.get(s, spans[0].At, end, limit, false, wait)
	if b == nil {
		return dst, 0, err
	}
	served := 0 // from b
	for ; n < len(spans); n++ {
		at, had := spans[n].At, len(dst)
		end := at + message.LogOffset(spans[n].Size)
		if n > 0 && (!b.holds(at, end) || at >= limit || end > s.end()) {
			break
		}
		for at < end {
			if at == b.until() {
				c.put(b, served)
				served = 0
				if b, err = c.get(s, at, end, limit, true, wait); b == nil {
					return dst[:had], n, err
				}
			}
			part := b.b[at-b.at : min(end, b.until())-b.at]
			dst = append(dst, part...)
			at += message.LogOffset(len(part))
			served += len(part)
		}
	}
	if !wait && n < len(spans) {
		served = 0 // who waits reads them all again
	}
	c.put(b, served)
	return dst, n, nil
}

func (b *coldBlock) until() message.LogOffset { return b.at + message.LogOffset(len(b.b)) }

// here reports whether the block has been read.
func (b *coldBlock) here() bool {
	select {
	case <-b.ready:
		return true
	default:
		return false
	}
}

// holds reports whether the block has the beginning of what lies from at to end, and all of it that lies in the block.
func (b *coldBlock) holds(at, end message.LogOffset) bool {
	return at >= b.at && at < b.until() && min(end, b.until()) <= b.valid
}

// get returns the block in which what lies from at to end begins, pinned; put must follow. It waits for whoever reads it
// already. Nil without an error tells the caller to read elsewhere; follows says that the block before was read to its
// end. From limit on nothing is read ahead. Without wait only what is here will do.
func (c *cold) get(s *segment, at, end, limit message.LogOffset, follows, wait bool) (*coldBlock, error) {
	for {
		start := s.coldStart(at)
		now := time.Now()
		c.mu.Lock()
		c.used = now
		b := c.blocks[start]
		load := b == nil
		if !wait && (load || !b.here()) {
			c.mu.Unlock()
			return nil, nil
		}
		if load {
			if !follows && !c.followsLocked(start) {
				c.mu.Unlock()
				return nil, nil
			}
			if b = c.addLocked(s, start, now); b == nil {
				c.mu.Unlock()
				return nil, nil
			}
		}
		b.pins++
		b.used = now
		c.aheadLocked(s, b.at+coldSize, limit, now)
		c.mu.Unlock()
		if load {
			c.load(s, b)
		}
		<-b.ready
		if b.err != nil {
			err := b.err
			c.put(b, 0)
			return nil, err
		}
		if b.holds(at, end) {
			return b, nil
		}
		c.stale(b)
	}
}

// followsLocked reports whether a read at a block that is not here follows the log, and remembers that it was here.
func (c *cold) followsLocked(start message.LogOffset) bool {
	if c.blocks[start-coldSize] != nil {
		return true
	}
	for i, t := range c.touched {
		if t == start+1 {
			c.touched[i] = 0
			return true
		}
	}
	c.touched[c.next] = start + 1
	c.next = (c.next + 1) % coldTouched
	return false
}

// addLocked makes an empty block, nil if there is no memory for it.
func (c *cold) addLocked(s *segment, start message.LogOffset, now time.Time) *coldBlock {
	if c.closed {
		return nil
	}
	if len(c.free) == 0 && c.made+coldSize > c.limit && !c.evictLocked(now) {
		return nil
	}
	var mem []byte
	if n := len(c.free); n > 0 {
		mem, c.free = c.free[n-1], c.free[:n-1]
	} else {
		mem = directio.Buffer(coldSize)
		c.made += coldSize
	}
	b := &coldBlock{at: start, b: mem[:min(coldSize, int(s.end()-start))], ready: make(chan struct{}), used: now}
	c.blocks[start] = b
	return b
}

// evictLocked frees the memory of one block: of one that was read to its end, else of one that nobody has read lately.
func (c *cold) evictLocked(now time.Time) bool {
	var done, old *coldBlock
	for _, b := range c.blocks {
		if b.pins > 0 {
			continue
		}
		if b.served >= len(b.b)-len(b.b)/8 && (done == nil || b.used.Before(done.used)) {
			done = b
		}
		if now.Sub(b.used) > coldKeep && (old == nil || b.used.Before(old.used)) {
			old = b
		}
	}
	if done == nil {
		done = old
	}
	if done == nil {
		return false
	}
	c.removeLocked(done)
	return true
}

func (c *cold) removeLocked(b *coldBlock) {
	delete(c.blocks, b.at)
	c.free = append(c.free, b.b[:coldSize])
}

// aheadLocked begins to read the block at start, unless it is here, or not yet to be read from the disk as a whole. Close
// waits for the reading.
func (c *cold) aheadLocked(s *segment, start, limit message.LogOffset, now time.Time) {
	if c.ahead >= coldAhead || start+coldSize > limit || c.blocks[start] != nil || start+coldSize > c.log.Published() {
		return
	}
	b := c.addLocked(s, start, now)
	if b == nil {
		return
	}
	b.pins++
	c.ahead++
	s.refs.Add(1)
	c.log.done.Go(func() { c.loadAhead(s, b) })
}

func (c *cold) loadAhead(s *segment, b *coldBlock) {
	c.load(s, b)
	c.put(b, 0)
	c.mu.Lock()
	c.ahead--
	c.mu.Unlock()
	if err := s.release(); err != nil {
		c.log.opts.Logger.Warn("close of a segment failed", "err", err)
	}
}

// load reads a block. One that cannot be read leaves the table, so that the next reader tries again.
func (c *cold) load(s *segment, b *coldBlock) {
	b.valid = min(c.log.Published(), b.until())
	f, err := s.coldHandle(c.log)
	if err == nil {
		_, err = f.ReadAt(b.b, int64(b.at-s.base))
		if err != nil && c.log.refusedDirect(f, err) {
			_, err = f.ReadAt(b.b, int64(b.at-s.base))
		}
	}
	if err != nil {
		b.err = fmt.Errorf("read %d bytes of segment %s at %d: %w", len(b.b), s.path, b.at, err)
	}
	close(b.ready)
}

// put gives a block back. One that failed or is stale goes with its last reader.
func (c *cold) put(b *coldBlock, served int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.pins--
	b.served += served
	if b.pins == 0 && c.blocks[b.at] != b {
		c.free = append(c.free, b.b[:coldSize])
	} else if b.pins == 0 && b.err != nil {
		c.removeLocked(b)
	}
}

// stale gives a block back that holds less than what is published by now, and takes it out of the table.
func (c *cold) stale(b *coldBlock) {
	c.mu.Lock()
	if c.blocks[b.at] == b {
		delete(c.blocks, b.at)
	}
	c.mu.Unlock()
	c.put(b, 0)
}

// expire gives the memory back when nobody has used it for a while. close does so for good.
func (c *cold) expire(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made > 0 && now.Sub(c.used) > coldIdle {
		c.emptyLocked()
	}
}

func (c *cold) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.emptyLocked()
}

func (c *cold) emptyLocked() {
	for _, b := range c.blocks {
		if b.pins == 0 {
			c.removeLocked(b)
		}
	}
	c.made -= int64(len(c.free)) * coldSize
	c.free = nil
}

// coldHandle returns the handle through which cold reads go, opened when first needed. One that cannot be opened now, for want of
// descriptors say, is tried again by the next read.
func (s *segment) coldHandle(l *Log) (vfs.File, error) {
	s.coldMu.Lock()
	defer s.coldMu.Unlock()
	if s.cold != nil {
		return s.cold, nil
	}
	f, err := l.openDirect(s, false)
	if f == nil && err == nil {
		return nil, errors.ErrUnsupported
	}
	s.cold = f
	return f, err
}
