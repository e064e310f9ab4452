package proxy

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
	"github.com/aerobee-mq/aerobee/proxy/partial"
)

// listener hands connections to the gRPC server, and knows those that are open.
type listener struct {
	conns chan net.Conn
	stop  chan struct{}
	once  sync.Once

	mu   sync.Mutex // guards what follows
	open map[*conn]struct{}
	over bool // closeAll was called

	most int64        // bytes of requests that are not complete, of all connections
	held atomic.Int64 // how many there are
	// mostUntaken is the limit of answers that clients do not take, for who is cut off by it.
	mostUntaken int64
	log         *quietlog.Limiter
}

// conn is a connection that the listener knows until it is closed.
type conn struct {
	net.Conn
	l     *listener
	in    ready
	meter *partial.Meter // of requests that are not complete

	mu     sync.Mutex // guards what follows
	told   int64      // bytes that count in the listener's sum
	closed bool
}

// Read reads what comes before gRPC's transport asks for buffers.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.count(c, b[:n])
	return n, err
}

// ReadOnReady waits until there is something to read, and then reads into a buffer of the pool, of the given size. gRPC's transport finds it by its name.
func (c *conn) ReadOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	b, n, err := c.in.read(size, pool)
	if n > 0 {
		c.l.count(c, (*b)[:n])
	}
	return b, n, err
}

// Via is described at [viaOf].
func (c *conn) Via() netip.Addr { return viaOf(c.Conn) }

// Peer is described at [peerOf].
func (c *conn) Peer() (secure bool, subject, user string) { return peerOf(c.Conn) }

// Close closes the connection.
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	c.mu.Lock()
	c.l.held.Add(-c.told)
	c.told, c.closed = 0, true
	c.mu.Unlock()
	return c.Conn.Close()
}

func newListener(most int64, log *slog.Logger) *listener {
	return &listener{conns: make(chan net.Conn), stop: make(chan struct{}), open: map[*conn]struct{}{}, most: most, log: quietlog.New(log)}
}

// count looks at what a connection has brought. When requests that are not complete hold too much, the largest connection goes of the address that has
// most of it.
func (l *listener) count(c *conn, b []byte) {
	change := c.meter.Feed(b)
	if c.meter.Broken() {
		l.log.Warn("a gRPC connection is closed: it brings data of more streams than may be open", "peer", c.RemoteAddr().String(), "limit", maxStreams)
		_ = c.Close()
		return
	}
	if change == 0 {
		return
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.told += change
	sum := l.held.Add(change)
	c.mu.Unlock()
	if change < 0 || sum <= l.most {
		return
	}
	worst := l.worst()
	if worst == nil {
		return
	}
	l.log.Warn("a gRPC connection is closed: requests that are not complete hold too much", "peer", worst.RemoteAddr().String(), "bytes", worst.meter.Held(), "of", sum, "limit", l.most)
	_ = worst.Close()
}

// worst is the connection that holds most of those of the address that holds most: who spreads over many connections is found by their sum.
func (l *listener) worst() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	type sum struct {
		held    int64
		largest *conn
		most    int64 // of the largest
	}
	sums := map[netip.Addr]sum{}
	var worst sum
	for c := range l.open {
		held, from := c.meter.Held(), addrPort(c.RemoteAddr()).Addr()
		s := sums[from]
		s.held += held
		if s.largest == nil || held > s.most {
			s.largest, s.most = c, held
		}
		sums[from] = s
	}
	for _, s := range sums {
		if worst.largest == nil || cmp.Or(cmp.Compare(s.held, worst.held), cmp.Compare(s.most, worst.most)) > 0 {
			worst = s
		}
	}
	return worst.largest
}

func (l *listener) give(nc net.Conn) {
	c := &conn{Conn: nc, l: l, meter: partial.New(maxStreams)}
	c.in.nc = nc
	l.mu.Lock()
	over := l.over
	if !over {
		l.open[c] = struct{}{}
	}
	l.mu.Unlock()
	if over {
		_ = nc.Close()
		return
	}
	select {
	case l.conns <- c:
	case <-l.stop:
		_ = c.Close()
	}
}

// closeAll closes all connections, and those that are given from now on.
func (l *listener) closeAll() {
	l.mu.Lock()
	l.over = true
	all := make([]*conn, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *listener) Close() error {
	l.close()
	return nil
}

func (l *listener) close() { l.once.Do(func() { close(l.stop) }) }

// Addr is nobody's: the connections come from others' listeners.
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
