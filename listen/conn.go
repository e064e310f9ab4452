package listen

import (
	"net"
	"sync"
	"sync/atomic"
)

// conn is an accepted connection that is counted until it is closed. It keeps all methods of the TCP connection.
type conn struct {
	*net.TCPConn
	open   *atomic.Int64
	closed atomic.Bool
	first  [1]byte // the first byte of all, read before a buffer is needed
}

// Close closes the connection and stops counting it.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.open.Add(-1)
	return c.TCPConn.Close()
}

// httpConn is a connection whose first bytes have been read already. It hides the TCP connection's own methods, which would
// pass by them.
type httpConn struct {
	net.Conn
	info ConnInfo
}

func (c *httpConn) Read(b []byte) (int, error) {
	if len(c.info.Prefix) > 0 {
		n := copy(b, c.info.Prefix)
		c.info.Prefix = c.info.Prefix[n:]
		return n, nil
	}
	return c.Conn.Read(b)
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
	case tls:
		return "TLS is not supported yet, connect without it (useTLS=false, tls.enable=false)"
	case http2:
		return "gRPC (HTTP/2) is not supported yet, use a remoting client"
	default:
		return "HTTP is not served on this listener"
	}
}
