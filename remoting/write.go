package remoting

import (
	"errors"
	"os"
	"time"

	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/protocol"
)

// flushAt is how much the reader lets its handlers gather before it writes in the middle of a batch.
const flushAt = 128 << 10

// writeChunk is what the writer of a full socket hands over at once; each chunk may take the idle time.
const writeChunk = 256 << 10

// Append appends a frame to the out buffer without writing it: [Conn.Flush] does. A response to a one-way request is dropped
// here, and so is everything on a closed connection.
func (c *Conn) Append(f *protocol.Frame) { _ = c.append(f, len(f.Body), f.Body) }

// Send appends a request or a response and flushes. Called by a handler on the reader goroutine, the flush waits until all
// frames of the read buffer have been handled, so that pipelined requests are answered with one write.
func (c *Conn) Send(f *protocol.Frame) error { return c.SendBody(f, f.Body) }

// SendBody is [Conn.Send] with a body in parts instead of f.Body. The parts are copied before it returns.
func (c *Conn) SendBody(f *protocol.Frame, body ...[]byte) error {
	size := 0
	for _, part := range body {
		size += len(part)
	}
	if err := c.append(f, size, body...); err != nil {
		return err
	}
	c.flush(true)
	return nil
}

// PendingBytes is how much has been appended and not been taken by the socket.
func (c *Conn) PendingBytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pendingLocked()
}

func (c *Conn) pendingLocked() int64 {
	n := int64(c.rest + c.fullLen)
	if c.out != nil {
		n += int64(len(c.out.b))
	}
	return n
}

func (c *Conn) append(f *protocol.Frame, bodyLen int, body ...[]byte) error {
	if f.IsResponse() {
		if c.aside.n.Load() > 0 && c.divert(f, body) {
			return nil
		}
		c.host.Latencies.Observe(latency.Call{Request: f.Asked, Response: f.Code, Held: f.Held, Oneway: f.IsOneway()}, latency.Stamp(f.Received))
		if f.IsOneway() {
			return nil
		}
		c.unanswered.Add(-1)
		if f.Code != protocol.ResSuccess && c.host.Refused != nil {
			c.host.Refused(c, f)
		}
	}
	if c.local != nil {
		return c.local.append(f, body)
	}
	c.mu.Lock()
	if err := c.admitLocked(bodyLen); err != nil {
		return err
	}
	c.makeRoomLocked(bodyLen + headRoom(f))
	c.out.b = protocol.AppendHead(c.out.b, f, bodyLen)
	for _, part := range body {
		c.out.b = append(c.out.b, part...)
	}
	over := c.overLocked()
	c.mu.Unlock()
	if over {
		c.refuseHeld()
	}
	return nil
}

// admitLocked says whether more bytes may be appended. If not it gives the lock back.
func (c *Conn) admitLocked(more int) error {
	if c.closed {
		c.mu.Unlock()
		return c.errClosed()
	}
	if pending := c.pendingLocked(); pending > 0 && pending+int64(more) > c.host.MaxPendingBytes {
		c.mu.Unlock()
		c.refuse("slow reader: the peer does not take what it is sent, unsent bytes exceed the limit of one connection",
			pending+int64(more), c.host.MaxPendingBytes)
		return c.errClosed()
	}
	return nil
}

// headRoom is about what a header needs; too little costs a copy, no more.
func headRoom(f *protocol.Frame) int {
	n := 160 + len(f.Remark)
	for i := range f.Fields {
		n += len(f.Fields[i].Key) + len(f.Fields[i].Value) + 8
	}
	return n
}

// makeRoomLocked sees to it that out has room for more bytes. One that would become larger than the largest kept ones is full.
func (c *Conn) makeRoomLocked(more int) {
	before := int64(0)
	if c.out != nil {
		if have := len(c.out.b); have > 0 && have+more > max(cap(c.out.b), largeBuffer) {
			c.full = append(c.full, c.out)
			c.fullLen += have
			c.out = nil
		} else {
			before = c.out.counted
		}
	}
	c.out = c.host.pools.room(c.out, more)
	if after := int64(cap(c.out.b)); after != before {
		c.out.counted = after
		c.room += after - before
		c.countLocked()
	}
}

// giveLocked gives a buffer back that was written or is lost.
func (c *Conn) giveLocked(b *buffer) {
	if b == nil {
		return
	}
	c.room -= b.counted
	b.counted = 0
	c.countLocked()
	c.host.pools.put(b)
}

// countLocked counts the buffers against the host's limit, by their room. The small ones of connections that are not stalled, which
// will be written at once, are not worth it.
func (c *Conn) countLocked() {
	want := c.room
	if want <= mediumBuffer && !c.stalled {
		want = 0
	}
	if more := want - c.held; more != 0 {
		c.held = want
		c.host.held.Add(more)
	}
}

// overLocked says whether this connection must go because it is stalled and the host's limit is exceeded.
func (c *Conn) overLocked() bool {
	return c.stalled && c.host.held.Load() > c.host.MaxHeldBytes
}

func (c *Conn) refuseHeld() {
	c.refuse("unsent answers and unfinished frames of all connections exceed the limit (a quarter of memoryLimit)", c.host.held.Load(), c.host.MaxHeldBytes)
}

// Flush writes everything appended, with one write that does not wait. What the socket does not take goes to a writer
// goroutine. Another goroutine that is writing now takes it along instead.
func (c *Conn) Flush() { c.flush(false) }

// flush with lazy set leaves the write to the reader's end of batch, unless much has gathered.
func (c *Conn) flush(lazy bool) {
	c.mu.Lock()
	if lazy && c.batching && c.out != nil && c.fullLen+len(c.out.b) < flushAt {
		c.wanted = true
		c.mu.Unlock()
		return
	}
	if c.writing {
		c.again = true
		c.mu.Unlock()
		return
	}
	for c.out != nil && !c.closed && !c.writing {
		b := c.takeLocked()
		c.mu.Unlock()
		n, err := c.rawOut.write(c.raw, b.b)
		if err == nil && n < len(b.b) {
			c.stall(b, n)
			return
		}
		c.mu.Lock()
		c.rest, c.writing = 0, false
		again := c.again
		c.giveLocked(b)
		c.mu.Unlock()
		if err != nil {
			c.lost("writing", err)
			return
		}
		c.touch()
		c.host.moved()
		if !again {
			return
		}
		c.mu.Lock()
	}
	c.mu.Unlock()
}

// beginBatch and endBatch surround the reader's handling of the frames in its buffer.
func (c *Conn) beginBatch() {
	c.mu.Lock()
	c.batching = true
	c.mu.Unlock()
}

func (c *Conn) endBatch() {
	c.mu.Lock()
	wanted := c.wanted
	c.batching, c.wanted = false, false
	c.mu.Unlock()
	if wanted {
		c.flush(false)
	}
}

// takeLocked makes the caller the one that writes, and gives it the oldest buffer.
func (c *Conn) takeLocked() *buffer {
	b := c.out
	c.delayed = 0
	c.again = len(c.full) > 0
	if c.again {
		b = c.full[0]
		c.fullLen -= len(b.b)
		c.full[0] = nil
		if c.full = c.full[1:]; len(c.full) == 0 {
			c.full = nil
		}
	} else {
		c.out = nil
	}
	c.rest, c.writing = len(b.b), true
	return b
}

// stall hands a buffer, of which the socket took n bytes, to a writer goroutine.
func (c *Conn) stall(b *buffer, n int) {
	c.mu.Lock()
	if c.closed {
		c.rest, c.writing = 0, false
		c.giveLocked(b)
		c.mu.Unlock()
		return
	}
	c.rest, c.stalled = len(b.b)-n, true
	c.countLocked()
	over := c.overLocked()
	c.spawnLocked(func() { c.drain(b, n) })
	c.mu.Unlock()
	if over {
		c.refuseHeld()
	}
}

// drain writes b from n on, and whatever is appended meanwhile, waiting for the socket as long as it takes something.
func (c *Conn) drain(b *buffer, n int) {
	for {
		err := c.writeWaiting(b.b[n:])
		if err != nil {
			c.lostWriting(err)
		}
		c.mu.Lock()
		c.giveLocked(b)
		if err != nil || c.out == nil || c.closed {
			break
		}
		b, n = c.takeLocked(), 0
		c.mu.Unlock()
	}
	c.rest, c.writing, c.stalled = 0, false, false
	c.countLocked()
	c.mu.Unlock()
	c.host.moved()
}

func (c *Conn) lostWriting(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.refuse("slow reader: the peer takes nothing, unsent bytes have waited for the idle time (limit, in ms)",
			c.PendingBytes(), c.host.IdleTimeout.Milliseconds())
		return
	}
	c.lost("writing", err)
}

// writeWaiting writes b in chunks, each of which may take the idle time.
func (c *Conn) writeWaiting(b []byte) error {
	for len(b) > 0 {
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.host.IdleTimeout)); err != nil {
			return err
		}
		n, err := c.nc.Write(b[:min(len(b), writeChunk)])
		c.mu.Lock()
		c.rest -= n
		c.mu.Unlock()
		if err != nil {
			return err
		}
		c.touch()
		b = b[n:]
	}
	return c.nc.SetWriteDeadline(time.Time{}) // else it would end a later write that does not wait
}
