package remoting

import (
	"context"
	"fmt"
	"net"
)

// Dial connects to addr ("host:port") over TCP. The connection serves the peer's requests with Options.Mux. The caller
// closes it, and may then [Conn.Wait] for its goroutines; reconnecting is the caller's business.
func Dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("remoting: %w", err)
	}
	return Client(nc, o), nil
}

// Client is [Dial] for a connection that is open already, such as one end of a pipe.
func Client(nc net.Conn, o Options) *Conn {
	c := newConn(newHost(o), nc, ConnInfo{})
	c.spawn(c.run)
	return c
}
