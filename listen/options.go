package listen

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Options configure a [Server]. Zero values mean the default.
type Options struct {
	Addrs            []string                         // "host:port"; ":port" listens on IPv4 and IPv6
	Remoting         func(nc net.Conn, info ConnInfo) // takes over a remoting connection and returns at once
	HTTP             http.Handler                     // nil refuses HTTP
	HandshakeTimeout time.Duration                    // from accept until the protocol is known; default 10 s
	MaxConns         int                              // connections of all kinds at once; default 100,000
	Logger           *slog.Logger                     // default slog.Default()
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Addrs) == 0 {
		return o, errors.New("listen: no address given")
	}
	if o.Remoting == nil {
		return o, errors.New("listen: no handler for remoting connections given")
	}
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 100_000
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// ConnInfo is what is known about a connection when it is handed over.
type ConnInfo struct {
	Remote, Local netip.AddrPort  // as the PROXY header says, else the socket's own
	TLVs          map[byte][]byte // the PROXY v2 header's extension values by type, nil without
	Prefix        []byte          // bytes already read: the receiver handles them first
}
