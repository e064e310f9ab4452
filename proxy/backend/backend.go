// Package backend is what the proxy asks of the brokers behind it, be it the one of the same process (package proxy/local) or those of a
// cluster. It has the interfaces and what they speak of, nothing else.
//
// Requests are remoting requests, with the headers and bodies of package protocol: so all that a broker decides, it decides once, and any
// broker of RocketMQ can stand behind the proxy.
package backend

import (
	"context"
	"errors"
	"net/netip"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// What errors of a backend may wrap; others are failures of the backend.
var (
	ErrNoTopic  = errors.New("no broker has the topic")
	ErrNoBroker = errors.New("no such broker")
	// ErrGone is the error of a call on a link that is closed.
	ErrGone = errors.New("the connection to the broker is closed")
)

// Backend is all brokers. It may be used by all clients at once; nothing that it returns is changed.
type Backend interface {
	// Route says on which brokers a topic lies.
	Route(ctx context.Context, topic string) ([]Part, error)
	// Topic is a topic's configuration.
	Topic(ctx context.Context, name string) (*topic.Config, error)
	// Group is a group's configuration, false if there is no such group.
	Group(ctx context.Context, name string) (g group.Config, known bool, err error)
	// Endpoint is the address that a client is told to use for all brokers, "host:port", "" for that which it has dialled.
	Endpoint(who Client) string
	// Join makes a client known. asked is told what brokers ask of it.
	Join(who Client, asked Asked) (Link, error)
}

// Part is the part of a topic that lies on one broker.
type Part struct {
	Broker      string
	Perm        topic.Perm
	ReadQueues  int32
	WriteQueues int32
}

// Client is who speaks to the proxy.
type Client struct {
	ID            string
	Language      protocol.Language
	Version       string // of the client's library, as it says
	Remote, Local netip.AddrPort
	Secure        bool   // it came inside TLS
	Subject       string // of its certificate, which was verified: "CN=orders,O=Shop"; "" without
	User          string // who has signed its first request, or whose certificate it has shown; "" where nobody had to
}

// Asked is told of a broker's request to a client: that producers be asked about a transaction (39), that a group's members have changed (40),
// what runs (307), that a message be consumed (309) and so on. It does not block; the frame is valid until it returns. answer is nil when none is
// wanted, else it may be called once, at any time.
type Asked func(broker string, f *protocol.Frame, answer func(*protocol.Frame))

// Link is one client at the brokers. Requests of one goroutine are handled in their order.
type Link interface {
	// Call sends a request to a broker and waits for its answer, which take is given: of any code, on any goroutine, valid until take returns,
	// and not after Call has returned. It may set the frame's language and version. Errors: ctx's, ErrNoBroker, ErrGone.
	Call(ctx context.Context, broker string, f *protocol.Frame, take func(*protocol.Frame)) error
	// Done is closed when the link is, by either side. A client that lives on joins again.
	Done() <-chan struct{}
	// Close makes the brokers forget the client.
	Close()
}
