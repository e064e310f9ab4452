package remoting

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/protocol"
)

// ErrClosed is wrapped by the errors of sending on a connection, or serving on a server, that is closed.
var ErrClosed = errors.New("connection closed")

// Options configure a [Server] or a dialled [Conn]. Zero values mean the default.
type Options struct {
	Mux             *Mux                     // handlers of the peer's requests; nil answers every one with "not supported"
	MaxFrame        int                      // largest frame in bytes, its length field included; default 16 MiB
	MaxHeader       int                      // largest header of a frame that a server takes, in bytes; default 2 MiB
	IdleTimeout     time.Duration            // silence in both directions, and longest time for one frame; default 120 s
	MaxConns        int                      // connections at once; default 100,000
	MaxLocal        int                      // those without a socket ([Server.Local]) among them; default half of MaxConns, at least 1
	MaxPendingBytes int64                    // unsent bytes of one connection; default 64 MiB. A single answer always passes
	MaxHeldBytes    int64                    // of all connections together: large frames being received, answers not taken; default 1 GiB
	MaxTasks        int                      // functions running in [Conn.Go], of all connections together; default 4096
	Latencies       *latency.Table           // counts how long requests take until they are answered; nil: nobody does
	Logger          *slog.Logger             // default slog.Default()
	Opened          func(*Conn)              // on the reader goroutine, before the first frame
	Closed          func(*Conn)              // on the reader goroutine, after the last frame; the connection is closed
	AfterRead       func(c *Conn, more bool) // on the reader goroutine, when all complete frames that were there have been handled, or, if more is there, many of them

	// Rates bounds the requests of each address to a server; nil for no bound. Connections without a socket, and those that this process makes to ask itself,
	// are not counted: who uses them counts, if anybody does.
	Rates *ratelimit.Table[netip.Prefix]
	// Admit is asked on the reader goroutine before the handler of a request, nil for nobody: with another code than success, which is 0, the request is
	// answered with it and the remark. Connections without a socket ([Server.Local]) are not asked. It must not block.
	Admit func(c *Conn, f *protocol.Frame) (code int32, remark string)
	// Sign is called with each request of this side before it is written, nil for nobody; it may add fields.
	Sign func(f *protocol.Frame)

	// Refused is told of every answer whose code is not success, before it is written; nil for nobody. It must not block.
	Refused func(c *Conn, f *protocol.Frame)
}

func (o Options) withDefaults() Options {
	if o.Mux == nil {
		o.Mux = NewMux()
	}
	if o.MaxFrame <= 0 {
		o.MaxFrame = 16 << 20
	}
	if o.MaxHeader <= 0 {
		o.MaxHeader = 2 << 20
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 120 * time.Second
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 100_000
	}
	if o.MaxLocal <= 0 {
		o.MaxLocal = max(o.MaxConns/2, 1)
	}
	if o.MaxPendingBytes <= 0 {
		o.MaxPendingBytes = 64 << 20
	}
	if o.MaxHeldBytes <= 0 {
		o.MaxHeldBytes = 1 << 30
	}
	if o.MaxTasks <= 0 {
		o.MaxTasks = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// ConnInfo is what the listener learned about a connection before it handed it over.
type ConnInfo struct {
	Remote, Local netip.AddrPort  // as a PROXY header says, else the socket's own; invalid ones are asked of the socket
	TLVs          map[byte][]byte // the PROXY v2 header's extension values by type, nil without
	Prefix        []byte          // bytes already read from the connection
	Secure        bool            // the connection is inside TLS
	Own           bool            // this process has made it to ask itself
	Subject       string          // of the peer's certificate, which was verified: "CN=orders,O=Shop"; "" without
	Via           netip.Addr      // who sent the PROXY header by which Remote is known; invalid without one
	User          string          // whose that certificate is, or who has signed what comes without a socket; "" for nobody's
}
