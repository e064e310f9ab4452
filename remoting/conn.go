package remoting

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Conn is one connection, on either side.
type Conn struct {
	host    *host
	server  *Server // nil on the side that dialled
	nc      net.Conn
	local   *Local          // the peer, if it is in this process; then there is no nc
	raw     syscall.RawConn // nil: the platform or the connection has no reads and writes that do not wait
	info    ConnInfo
	session atomic.Pointer[any]
	bucket  *ratelimit.Bucket // of the peer's address, nil where nobody counts
	closing chan struct{}
	wg      sync.WaitGroup // reader, writer and tasks of this connection

	lastIO     atomic.Int64 // host.now() of the last byte in either direction
	unanswered atomic.Int64 // requests of the peer that want an answer and have none yet

	in     reader
	calls  calls
	aside  diverted
	rawOut rawWrite // used only by the goroutine that set writing

	mu       sync.Mutex
	out      *buffer   // appended, not being written; guarded by mu, as all below
	full     []*buffer // the same, before out: a large buffer is not copied into a larger one
	fullLen  int       // bytes in full
	rest     int       // bytes in the hands of the goroutine that writes
	room     int64     // capacity of all these buffers
	held     int64     // what this connection has added to host.held for them
	writing  bool      // a goroutine owns the socket's write side
	stalled  bool      // that goroutine is the writer of a full socket
	again    bool      // Flush was called while it wrote
	batching bool      // the reader is handling the frames of its buffer
	wanted   bool      // a Send left its write to the end of that
	joining  bool      // a goroutine that sends has let others run first and will flush
	flushing bool      // a goroutine is in flushSoon
	delayed  int       // requests of BeginLater that are not written
	closed   bool
}

func newConn(h *host, nc net.Conn, info ConnInfo) *Conn {
	c := &Conn{host: h, nc: nc, info: info, closing: make(chan struct{})}
	if !c.info.Remote.IsValid() {
		c.info.Remote = addrPort(nc.RemoteAddr())
	}
	if !c.info.Local.IsValid() {
		c.info.Local = addrPort(nc.LocalAddr())
	}
	c.raw = rawConn(nc)
	c.calls.c = c
	c.rawOut.init()
	c.in.init(c)
	c.lastIO.Store(int64(h.now()))
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// RemoteAddr is the peer's address, as a PROXY header gives it if there was one.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.info.Remote }

// Via is who sent the PROXY header by which RemoteAddr is known; invalid without one.
func (c *Conn) Via() netip.Addr { return c.info.Via }

// LocalAddr is the address that the peer dialled, as a PROXY header gives it if there was one.
func (c *Conn) LocalAddr() netip.AddrPort { return c.info.Local }

// TLV returns an extension value of the PROXY v2 header.
func (c *Conn) TLV(kind byte) ([]byte, bool) {
	v, ok := c.info.TLVs[kind]
	return v, ok
}

// Secure tells whether the connection is inside TLS, and Subject whom the peer's certificate names, which was verified; "" without one.
func (c *Conn) Secure() bool { return c.info.Secure }

// Subject is described at [Conn.Secure].
func (c *Conn) Subject() string { return c.info.Subject }

// User is whose the peer's certificate is, or, without a socket, who has signed what comes; "" for nobody's.
func (c *Conn) User() string { return c.info.User }

// Inside tells whether the connection has no socket: its peer is in this process, and has looked at who asks.
func (c *Conn) Inside() bool { return c.local != nil }

// Own tells whether this process has made the connection to ask itself.
func (c *Conn) Own() bool { return c.info.Own }

// Session is what SetSession stored, nil before.
func (c *Conn) Session() any {
	if p := c.session.Load(); p != nil {
		return *p
	}
	return nil
}

// SetSession stores what the connection's user knows about the peer.
func (c *Conn) SetSession(s any) { c.session.Store(&s) }

// Done is closed when the connection is.
func (c *Conn) Done() <-chan struct{} { return c.closing }

// Close closes the connection. It does not wait: see [Conn.Wait]. Unsent answers are lost.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	for _, b := range append(c.full, c.out) {
		c.giveLocked(b)
	}
	c.out, c.full, c.fullLen = nil, nil, 0
	c.mu.Unlock()
	close(c.closing)
	if c.local != nil {
		go c.local.left()
		return nil
	}
	return c.nc.Close()
}

// Wait blocks until all goroutines of a closed connection have ended. A handler or task must not call it.
func (c *Conn) Wait() { c.wg.Wait() }

// Go runs the slow part of a handler on a goroutine of its own, which the connection's owner waits for. It returns false, and
// does not run fn, when the connection is closed or the limit of such functions is reached: answer SYSTEM_BUSY then.
func (c *Conn) Go(fn func()) bool {
	h := c.host
	if h.tasks.Add(1) > int64(h.MaxTasks) {
		h.tasks.Add(-1)
		return false
	}
	started := c.spawn(func() {
		defer func() {
			h.tasks.Add(-1)
			h.moved()
		}()
		fn()
	})
	if !started {
		h.tasks.Add(-1)
	}
	return started
}

// MaxTasks is how many functions [Conn.Go] runs at once, for all connections of the server together.
func (c *Conn) MaxTasks() int { return c.host.MaxTasks }

// spawn starts a goroutine unless the connection is closed. The reader ends only after the close, so neither wait group can
// be at zero here.
func (c *Conn) spawn(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.spawnLocked(fn)
	return true
}

func (c *Conn) spawnLocked(fn func()) {
	c.addOne()
	go func() {
		defer c.doneOne()
		fn()
	}()
}

// addOne and doneOne count a goroutine of this connection.
func (c *Conn) addOne() {
	c.wg.Add(1)
	c.host.wg.Add(1)
}

func (c *Conn) doneOne() {
	c.host.wg.Done()
	c.wg.Done()
}

// refuse closes the connection because the peer broke a rule, and says so once.
func (c *Conn) refuse(rule string, number, limit int64) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return
	}
	c.host.log.Warn("remoting: connection closed: "+rule, "number", number, "limit", limit, "peer", c.info.Remote.String())
	_ = c.Close()
}

// lost closes the connection because the socket failed.
func (c *Conn) lost(doing string, err error) {
	c.host.Logger.Debug("remoting: connection lost while "+doing, "peer", c.info.Remote.String(), "error", err)
	_ = c.Close()
}

func (c *Conn) errClosed() error { return fmt.Errorf("remoting: %s: %w", c.info.Remote, ErrClosed) }

func (c *Conn) touch() { c.lastIO.Store(int64(c.host.now())) }

func (c *Conn) idleFor() time.Duration { return c.host.now() - time.Duration(c.lastIO.Load()) }

// dispatch handles one decoded frame of the peer.
func (c *Conn) dispatch(f *protocol.Frame) {
	if f.IsResponse() {
		c.calls.answer(f)
		return
	}
	if !f.IsOneway() {
		c.unanswered.Add(1)
	}
	if c.bucket != nil && c.tooFast(f) {
		return
	}
	c.host.Mux.serve(c, f)
}
