package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// SignTo tells why requests over a connection are not signed, nil where they are. addr is the "host:port" by which the peer is known, to is where it led: a
// name that anybody has registered may lead anywhere. The reason stands in refusals for want of permission.
type SignTo func(addr string, to net.Addr) error

// Options configure a [Cluster]. Either NameServers or Discovery must be given.
type Options struct {
	NameServers []string // "host:port", also several in one text with semicolons between; the one that answered last is asked first

	// Discovery is a URL whose answer lists the NameServers ("a:9876;b:9876"). It is asked before the first request to a NameServer
	// and then every 2 minutes. It takes the place of NameServers.
	Discovery string

	Mux           *remoting.Mux // serves the requests of brokers; nil refuses them
	Dial          func(ctx context.Context, addr string) (net.Conn, error)
	TLS           *tls.Config             // encrypts what Dial connects; without a ServerName the host of the address is what a certificate must hold for; nil: plain text
	Sign          func(f *protocol.Frame) // signs every request; nil: nobody does
	SignTo        SignTo                  // tells where requests are signed; nil: everywhere
	DialTimeout   time.Duration           // default 3 s, the TLS handshake included
	RouteInterval time.Duration           // how often the routes in use are asked for again; default 30 s
	IdleTimeout   time.Duration           // a connection without bytes in either direction is closed; default 120 s, as RocketMQ does
	Logger        *slog.Logger            // nil: silent

	// These are called on a goroutine of the connection or of the cluster and must not block, nor close the cluster.
	ConnOpened   func(addr string, c *remoting.Conn)
	ConnClosed   func(addr string, c *remoting.Conn)
	AfterRead    func(c *remoting.Conn, more bool) // as [remoting.Options].AfterRead
	RouteChanged func(topic string, r *Route)      // the route differs from the one before; r is nil when the topic is gone
}

const (
	defaultDialTimeout   = 3 * time.Second
	defaultRouteInterval = 30 * time.Second
	discoveryInterval    = 2 * time.Minute
	// nameServerTimeout is how long one of several NameServers may take to answer.
	nameServerTimeout = 3 * time.Second
	// maxPending is what one connection may hold unsent. Callers bound what they send; this is for a peer that reads nothing.
	maxPending = 1 << 30
)

func (o Options) withDefaults() (Options, error) {
	var names []string
	for _, text := range o.NameServers {
		list, err := parseNameServers(text)
		if err != nil {
			return o, err
		}
		names = append(names, list...)
	}
	o.NameServers = names
	if len(names) == 0 && o.Discovery == "" {
		return o, fmt.Errorf("cluster: neither NameServers nor Discovery is given")
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	if o.TLS != nil {
		o.Dial = Encrypted(o.Dial, o.TLS)
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = defaultDialTimeout
	}
	if o.RouteInterval <= 0 {
		o.RouteInterval = defaultRouteInterval
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// parseNameServers reads "a:9876;b:9876". Spaces and empty entries are ignored.
func parseNameServers(text string) ([]string, error) {
	var out []string
	for name := range strings.SplitSeq(text, ";") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(name); err != nil {
			return nil, fmt.Errorf("cluster: NameServer %q is no host:port: %w", name, err)
		}
		out = append(out, name)
	}
	return out, nil
}

// Encrypted is dial with a TLS handshake behind it. Without a ServerName in config the host of each address is what a certificate must
// hold for.
func Encrypted(dial func(ctx context.Context, addr string) (net.Conn, error), config *tls.Config) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		nc, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		own := config
		if host, _, err := net.SplitHostPort(addr); err == nil && own.ServerName == "" {
			own = own.Clone()
			own.ServerName = host
		}
		c := tls.Client(nc, own)
		if err := c.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, fmt.Errorf("TLS: %w", err)
		}
		return c, nil
	}
}
