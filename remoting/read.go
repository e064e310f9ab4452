package remoting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// waitingBuffer is what a connection that can only be read by waiting (TLS, Windows) keeps while it waits.
const waitingBuffer = 2 << 10

// reader is the receiving side of a connection; only the connection's reader goroutine uses it. The bytes that are read and
// not yet handled are buf.b[at:end].
//
// A buffer is borrowed when bytes come and given back when the connection waits with nothing unfinished. An unfinished frame
// is kept in as little as it needs, and grows with the bytes that arrive, never with the length that it announces.
type reader struct {
	c       *Conn
	buf     *buffer
	at, end int
	need    int           // bytes of the unfinished frame at buf.b[at:], 0 while unknown
	began   time.Duration // host.now() when the unfinished frame's first bytes came, 0 without one
	held    int64         // counted against host.held
	full    bool          // the last read filled the buffer: more is waiting
	untold  bool          // frames have been handled since Options.AfterRead
	since   int           // bytes read since then
	crowd   bool          // counted in host.crowd
	waiting *buffer       // see waitingBuffer
	rawIn   rawRead
}

func (r *reader) init(c *Conn) {
	r.c = c
	r.initRaw()
}

// run is the reader goroutine.
func (c *Conn) run() {
	if c.host.Opened != nil {
		c.host.Opened(c)
	}
	c.ran(c.in.loop(c.info.Prefix))
}

// ran is called when the reader has nothing more to read, or is to sleep: then another goroutine goes on in its place.
func (c *Conn) ran(err error) {
	if errors.Is(err, errCrowded) {
		c.addOne()
		go c.sleep()
		return
	}
	h := c.host
	c.in.drop()
	if c.server != nil {
		c.server.reading.Done()
	}
	if errors.Is(err, errDrained) {
		<-c.closing // answers still go out
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, errDrained) {
		c.lost("reading", err)
	}
	_ = c.Close()
	c.calls.fail()
	c.endDiverted()
	if h.Closed != nil {
		h.Closed(c)
	}
	if c.server != nil {
		c.server.remove(c)
	}
}

// maxCrowd is how many readers may wait on the stacks that their handlers have made large, 4 to 8 KiB each. The others sleep: a new
// goroutine, whose stack stays at 2 KiB, waits for the connection's next byte and starts a reader for it. That costs each wake-up
// a microsecond and one more read, so it is left to servers with many connections.
const maxCrowd = 512

// errCrowded ends a reader that shall sleep.
var errCrowded = errors.New("too many readers wait")

// sleep waits for the next byte. It calls little, so that its stack need not grow.
func (c *Conn) sleep() {
	err := c.in.sleepRaw()
	go c.wake(err)
}

func (c *Conn) wake(err error) {
	defer c.doneOne()
	if err == nil {
		err = c.in.takeFirst()
	}
	c.ran(c.in.loopOn(err))
}

// errHeld ends a reader that would need more than the host may hold.
var errHeld = errors.New("too much is held")

// errDrained ends a reader whose server takes no more requests.
var errDrained = errors.New("draining")

func (r *reader) loop(prefix []byte) error {
	r.c.info.Prefix = nil
	if len(prefix) > 0 {
		r.buf = r.c.host.pools.get(max(len(prefix), smallBuffer))
		r.end = copy(r.buf.b[:len(prefix)], prefix)
		if !r.handle() {
			r.tell(false)
			return nil
		}
	}
	if err := r.arm(r.c.host.IdleTimeout); err != nil {
		r.tell(false)
		return err
	}
	return r.loopOn(r.fill())
}

// loopOn reads and handles until the connection ends, or shall sleep. err is the last read's.
func (r *reader) loopOn(err error) error {
	err = r.readOn(err)
	r.tell(false)
	return err
}

func (r *reader) readOn(err error) error {
	for ; ; err = r.fill() {
		switch {
		case err == nil:
			r.c.touch()
			if !r.handle() {
				return nil
			}
		case errors.Is(err, os.ErrDeadlineExceeded):
			if again, err := r.timedOut(); !again {
				return err
			}
		case errors.Is(err, errHeld):
			r.c.refuseHeld()
			return nil
		default:
			return err
		}
		if r.c.host.draining.Load() {
			return errDrained
		}
	}
}

// arm sets the time at which the reader looks whether the connection is idle. It is set once and corrected when it has
// passed, not at every read.
func (r *reader) arm(d time.Duration) error {
	if err := r.c.nc.SetReadDeadline(time.Now().Add(d)); err != nil {
		return fmt.Errorf("set the idle time: %w", err)
	}
	if r.c.host.draining.Load() { // drain has set its own, perhaps before this one
		return errDrained
	}
	return nil
}

// timedOut looks what the passed deadline means.
func (r *reader) timedOut() (again bool, err error) {
	h := r.c.host
	if h.draining.Load() {
		return false, errDrained
	}
	left := h.IdleTimeout - r.c.idleFor()
	if left <= 0 {
		h.Logger.Debug("remoting: idle connection closed", "peer", r.c.info.Remote.String(), "idleTimeout", h.IdleTimeout)
		return false, nil
	}
	if r.began > 0 {
		leftOfFrame := h.IdleTimeout - (h.now() - r.began)
		if leftOfFrame <= 0 {
			r.c.refuse("a frame was not complete within the idle time (limit, in ms)", int64(r.end-r.at), h.IdleTimeout.Milliseconds())
			return false, nil
		}
		left = min(left, leftOfFrame)
	}
	if err := r.arm(left); err != nil {
		return false, err
	}
	return true, nil
}

// gatherMost is how many bytes are read and handled before Options.AfterRead, if so many are there.
const gatherMost = 512 << 10

// fill reads what is there, or waits for something. Before it waits it tells that frames have been handled.
func (r *reader) fill() error {
	if r.untold {
		if r.full && r.c.raw != nil {
			if r.since >= gatherMost {
				r.tell(true)
			}
			if dry, err := r.fillNow(); !dry {
				return err
			}
		}
		r.tell(false)
	}
	if r.c.raw != nil {
		return r.fillRaw()
	}
	return r.fillPlain()
}

// fillPlain reads by waiting, which needs a buffer while it waits: a small one unless much is expected.
func (r *reader) fillPlain() error {
	if r.at == r.end && !r.full {
		r.drop()
		if r.waiting == nil {
			r.waiting = &buffer{b: make([]byte, 0, waitingBuffer)}
		}
		r.buf = r.waiting
	}
	if err := r.makeRoom(); err != nil {
		return err
	}
	room := r.buf.b[r.end:cap(r.buf.b)]
	n, err := r.c.nc.Read(room)
	r.full = n == len(room)
	r.end += n
	r.since += n
	if n > 0 {
		return nil // a failed socket fails again
	}
	return err
}

// makeRoom sees to it that there are free bytes behind end, enough for the unfinished frame if the buffer's size allows. A larger
// buffer than usual is not made beyond the host's limit: then it returns errHeld.
func (r *reader) makeRoom() error {
	have := r.end - r.at
	if r.buf == nil {
		r.buf = r.c.host.pools.get(mediumBuffer)
	}
	size := cap(r.buf.b)
	if have == 0 {
		if r.end == size && size < mediumBuffer {
			r.drop()
			r.buf = r.c.host.pools.get(mediumBuffer)
		}
		r.at, r.end = 0, 0
		return nil
	}
	switch {
	case size < mediumBuffer && (r.end == size || r.at+r.need > size):
		r.moveTo(mediumBuffer)
	case have == size: // one frame fills it
		larger := min(2*size, r.need)
		if h := r.c.host; h.held.Load()+int64(larger)-r.held > h.MaxHeldBytes {
			return errHeld
		}
		r.moveTo(larger)
	case r.at > 0 && (r.end == size || r.at+r.need > size):
		r.moveTo(size)
	}
	return nil
}

// moveTo moves the unfinished frame to the beginning of a buffer of size bytes or more, if that is not the present one.
func (r *reader) moveTo(size int) {
	have := r.buf.b[r.at:r.end]
	if size == cap(r.buf.b) {
		copy(r.buf.b[:size], have)
		r.at, r.end = 0, len(have)
		return
	}
	n := r.c.host.pools.get(size)
	r.end = copy(n.b[:cap(n.b)], have)
	r.at = 0
	r.giveBack()
	r.buf = n
	if cap(n.b) > mediumBuffer {
		r.hold()
	}
}

// rest is called before the reader waits: an empty buffer goes back, and the few bytes of an unfinished frame move to a
// buffer of their size, so that a peer which sends half a frame and stops holds little. What is held is counted.
func (r *reader) rest() {
	have := r.end - r.at
	if have == 0 {
		r.drop()
		return
	}
	if have <= mediumBuffer/4 && cap(r.buf.b) >= mediumBuffer {
		exact := &buffer{b: make([]byte, 0, have)}
		r.end = copy(exact.b[:have], r.buf.b[r.at:r.end])
		r.at = 0
		r.giveBack()
		r.buf = exact
	}
	r.hold()
}

// hold counts the buffer against the host's limit.
func (r *reader) hold() {
	size := int64(cap(r.buf.b))
	r.c.host.held.Add(size - r.held)
	r.held = size
}

// drop gives the buffer back.
func (r *reader) drop() {
	if r.buf != nil {
		r.giveBack()
	}
	r.buf, r.at, r.end = nil, 0, 0
}

func (r *reader) giveBack() {
	if r.held > 0 {
		r.c.host.held.Add(-r.held)
		r.held = 0
	}
	if r.buf != r.waiting {
		r.c.host.pools.put(r.buf)
	}
}

// handle dispatches the complete frames of the buffer. false: the connection is closed.
func (r *reader) handle() bool {
	c, h := r.c, r.c.host
	f := h.pools.frame()
	now := uint32(h.Latencies.Now())
	c.beginBatch()
	for {
		frame, ok := r.next()
		if !ok {
			return false
		}
		if frame == nil {
			break
		}
		if err := protocol.DecodeFrame(frame, f); err != nil {
			c.refuse(err.Error(), int64(len(frame)), int64(h.MaxFrame))
			return false
		}
		select {
		case <-c.closing: // by the answer to the frame before, say: nobody would hear of this one
			return false
		default:
		}
		f.Received = now
		c.dispatch(f)
		r.untold = true
	}
	c.endBatch()
	h.pools.putFrame(f)
	if r.held > mediumBuffer && r.at == r.end {
		r.drop()
	}
	if r.held > 0 && h.held.Load() > h.MaxHeldBytes {
		c.refuseHeld()
		return false
	}
	return true
}

// tell says that all complete frames that were read have been handled. more: the next read is expected to find more.
func (r *reader) tell(more bool) {
	if h := r.c.host; r.untold && h.AfterRead != nil {
		h.AfterRead(r.c, more)
	}
	r.untold, r.since = false, 0
}

// next cuts the next complete frame, without its length, off the buffer; nil if it is not complete. ok is false when its
// length is against the rules, in which case the connection has been closed.
func (r *reader) next() (frame []byte, ok bool) {
	if r.at == r.end {
		r.need, r.began = 0, 0
		return nil, true
	}
	b := r.buf.b[r.at:r.end]
	r.need = 0
	if len(b) >= 4 {
		total := int64(binary.BigEndian.Uint32(b))
		maxFrame := int64(r.c.host.MaxFrame)
		if total < 4 || total+4 > maxFrame {
			r.c.refuse("frame length out of range (header and body behind it; smallest 4)", total, maxFrame-4)
			return nil, false
		}
		if len(b) >= 8 {
			header := int64(binary.BigEndian.Uint32(b[4:]) & 0xFFFFFF)
			if header > total-4 {
				r.c.refuse("header length exceeds the frame", header, total-4)
				return nil, false
			}
			if most := int64(r.c.host.MaxHeader); header > most && r.c.server != nil {
				r.c.refuse("header too large (maxHeaderSize)", header, most)
				return nil, false
			}
		}
		r.need = int(total) + 4
		if len(b) >= r.need {
			r.at += r.need
			r.began = 0
			return b[4:r.need:r.need], true
		}
	}
	if r.began == 0 {
		r.began = max(1, r.c.host.now())
	}
	return nil, true
}
