package listen

import (
	"crypto/tls"
	"crypto/x509"
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
	TLS              func() *tls.Config               // what a new connection shows and demands; nil refuses TLS
	TLSOnly          bool                             // refuses what comes without TLS
	User             func(c *x509.Certificate) string // the user whose certificate this is, which was verified; "" for nobody's; nil: all are nobody's
	HTTP2            func(nc net.Conn)                // takes over a connection that speaks HTTP/2 (gRPC); its addresses are what it says; nil refuses it
	HandshakeTimeout time.Duration                    // from accept until the protocol is known; default 10 s
	MaxConns         int                              // connections of all kinds at once; default 100,000
	MaxConnsPerAddr  int                              // those of one address, or IPv6 network of 64 bits, as a PROXY header says it; default MaxConns
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
	if o.MaxConnsPerAddr <= 0 {
		o.MaxConnsPerAddr = o.MaxConns
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
	Secure        bool            // the connection is inside TLS
	Own           bool            // never here: who asks itself without a socket says so
	Subject       string          // of the client's certificate, which was verified: "CN=orders,O=Shop"; "" without
	Via           netip.Addr      // who sent the PROXY header by which Remote is known; invalid without one
	User          string          // whose that certificate is, by [Options].User; "" for nobody's
}
