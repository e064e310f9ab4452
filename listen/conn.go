package listen

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is an accepted connection that is counted until it is closed. It keeps all methods of the TCP connection.
type conn struct {
	*net.TCPConn
	open   *atomic.Int64
	from   *origin // whom it is counted for besides
	closed atomic.Bool
	first  [1]byte   // the first byte of all, read before a buffer is needed
	until  time.Time // when it must be known what it speaks
}

// Close closes the connection and stops counting it.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.open.Add(-1)
	c.from.leave()
	return c.TCPConn.Close()
}

// httpConn is a connection whose first bytes have been read already. It hides the TCP connection's own methods, which would
// pass by them.
type httpConn struct {
	net.Conn
	info  ConnInfo
	stall time.Duration // see Write in http.go; 0 for no limit
	timed atomic.Bool   // a handler has set the time for its writes itself
}

func (c *httpConn) Read(b []byte) (int, error) {
	if len(c.info.Prefix) > 0 {
		n := copy(b, c.info.Prefix)
		if c.info.Prefix = c.info.Prefix[n:]; len(c.info.Prefix) == 0 {
			c.info.Prefix = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}

// Peer tells whether the connection is inside TLS, whom the client's certificate names, which was verified, and which user's that is, by [Options].User; ""
// without one.
func (c *httpConn) Peer() (secure bool, subject, user string) {
	return c.info.Secure, c.info.Subject, c.info.User
}

// Via is who sent the PROXY header by which the address is known; invalid without one.
func (c *httpConn) Via() netip.Addr { return c.info.Via }

// peerKey is the key of an HTTP request's connection.
type peerKey struct{}

// PeerOf tells of an HTTP request, by its context, whether it came inside TLS, and whom the client's certificate names, which was verified; "" without one.
func PeerOf(ctx context.Context) (secure bool, subject string) {
	if c, ok := ctx.Value(peerKey{}).(*httpConn); ok {
		return c.info.Secure, c.info.Subject
	}
	return false, ""
}

// UserOf tells of an HTTP request, by its context, whose the client's certificate is, by [Options].User; "" for nobody's.
func UserOf(ctx context.Context) string {
	if c, ok := ctx.Value(peerKey{}).(*httpConn); ok {
		return c.info.User
	}
	return ""
}

// ViaOf tells of an HTTP request, by its context, who sent the PROXY header by which its address is known; invalid without one.
func ViaOf(ctx context.Context) netip.Addr {
	if c, ok := ctx.Value(peerKey{}).(*httpConn); ok {
		return c.info.Via
	}
	return netip.Addr{}
}

// Socket is the TCP connection, which may be read past this one: nil inside TLS, and while there are bytes that were read before.
func (c *httpConn) Socket() syscall.Conn {
	plain, ok := c.Conn.(*conn)
	if !ok || len(c.info.Prefix) > 0 {
		return nil
	}
	return plain.TCPConn
}

func (c *httpConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.info.Remote) }

func (c *httpConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.info.Local) }

// httpListener gives the HTTP server the connections that turned out to be its own.
type httpListener struct {
	conns chan net.Conn
	stop  chan struct{}
	once  sync.Once
	addr  net.Addr
}

func (l *httpListener) give(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.stop:
		_ = c.Close()
	}
}

func (l *httpListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}

func (l *httpListener) Close() error {
	l.once.Do(func() { close(l.stop) })
	return nil
}

func (l *httpListener) Addr() net.Addr { return l.addr }

// refusal says why a protocol that was recognised is not served.
func (k kind) refusal() string {
	switch k {
	case secure:
		return "TLS is not served here (tls.server.mode=disabled), connect without it (useTLS=false, tls.enable=false)"
	case plain:
		return "only TLS is served here (tls.server.mode=enforcing), connect with it (useTLS=true, tls.enable=true)"
	case http2:
		return "gRPC (HTTP/2) is not served on this listener"
	default:
		return "HTTP is not served on this listener"
	}
}
