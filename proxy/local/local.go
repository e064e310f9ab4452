// Package local answers the proxy's requests with the broker of the same process. Each gRPC client has a connection without a socket to it
// ([remoting.Local]), so that the broker serves it as it serves any other: its requests, its membership of groups, the questions to it. A
// [Backend] may be used by all clients at once.
package local

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Store is where topics and groups are looked up.
type Store interface {
	TopicBytes(name []byte) (*topic.Config, bool)
	Group(name string) (group.Config, bool)
}

// Backend is the broker of this process.
type Backend struct {
	broker string
	store  Store
	server *remoting.Server
	// advertised is the address by which a client from remote reaches this process, "" if that is not known.
	advertised func(remote, local netip.AddrPort) string
}

// New makes a backend. The server is the one whose mux has the broker's handlers; advertised may return "".
func New(broker string, store Store, server *remoting.Server, advertised func(remote, local netip.AddrPort) string) *Backend {
	return &Backend{broker: broker, store: store, server: server, advertised: advertised}
}

// Route is the topic's part on this broker.
func (b *Backend) Route(_ context.Context, name string) ([]backend.Part, error) {
	t, ok := b.store.TopicBytes([]byte(name))
	if !ok {
		return nil, fmt.Errorf("no topic route info for the topic %.300s: %w", name, backend.ErrNoTopic)
	}
	return []backend.Part{{Broker: b.broker, Perm: t.Perm, ReadQueues: t.ReadQueues, WriteQueues: t.WriteQueues}}, nil
}

// Topic is a topic's configuration.
func (b *Backend) Topic(_ context.Context, name string) (*topic.Config, error) {
	t, ok := b.store.TopicBytes([]byte(name))
	if !ok {
		return nil, fmt.Errorf("topic %.300s: %w", name, backend.ErrNoTopic)
	}
	return t, nil
}

// Group is a group's configuration, if it exists.
func (b *Backend) Group(_ context.Context, name string) (group.Config, bool, error) {
	g, ok := b.store.Group(name)
	return g, ok, nil
}

// Endpoint is the address that a client is told.
func (b *Backend) Endpoint(who backend.Client) string {
	return b.advertised(who.Remote, who.Local)
}

// Join makes a client's connection.
func (b *Backend) Join(who backend.Client, asked backend.Asked) (backend.Link, error) {
	l := &link{broker: b.broker, language: who.Language}
	var err error
	l.local, err = b.server.Local(remoting.ConnInfo{Remote: who.Remote, Local: who.Local, Secure: who.Secure, Subject: who.Subject, User: who.User}, func(f *protocol.Frame) {
		if f.IsOneway() {
			asked(b.broker, f, nil)
			return
		}
		opaque := f.Opaque
		asked(b.broker, f, func(answer *protocol.Frame) {
			answer.Opaque, answer.Flag = opaque, protocol.FlagResponse
			l.local.Answer(answer)
		})
	})
	return l, err
}

// link is one client's connection.
type link struct {
	broker   string
	language protocol.Language
	local    *remoting.Local
}

// Call has the broker serve a request.
func (l *link) Call(ctx context.Context, broker string, f *protocol.Frame, take func(*protocol.Frame)) error {
	if broker != l.broker && broker != "" {
		return fmt.Errorf("broker %.300s: %w", broker, backend.ErrNoBroker)
	}
	f.Language, f.Version = l.language, protocol.CurrentVersion
	err := l.local.Call(ctx, f, take)
	if errors.Is(err, remoting.ErrClosed) {
		return fmt.Errorf("%w: %w", backend.ErrGone, err)
	}
	return err
}

// Done is closed when the connection is.
func (l *link) Done() <-chan struct{} { return l.local.Done() }

// Close ends the connection: the client leaves its groups.
func (l *link) Close() { l.local.Close() }
