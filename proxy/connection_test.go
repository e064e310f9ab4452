package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// placed is a connection of known addresses.
type placed struct {
	net.Conn
	remote, local netip.AddrPort
}

func (p placed) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.remote) }
func (p placed) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(p.local) }
func (p placed) Close() error         { return nil }

// TestOneConnectionCarriesFewClients: no more than its limit, and those without settings are forgotten when it closes.
func TestOneConnectionCarriesFewClients(t *testing.T) {
	now := time.Unix(1000, 0)
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	at := func(port uint16) placed {
		return placed{remote: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), port), local: netip.MustParseAddrPort("10.0.0.9:8080")}
	}
	first, other := at(1), at(2)
	nc, second := s.watch(first), s.watch(other)
	enter := func(id string, p placed) (*client, error) {
		c, err := s.enter(backend.Client{ID: id, Remote: p.remote, Local: p.local})
		if err == nil {
			c.leave()
		}
		return c, err
	}
	for i := range maxConnClients {
		if _, err := enter(fmt.Sprint(i), first); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := enter("more", first); status.Of(err).GetCode() != pb.Code_TOO_MANY_REQUESTS {
		t.Errorf("one more: %v", err)
	}
	if n := len(s.clients.all()); n != maxConnClients {
		t.Errorf("%d clients are known", n)
	}
	if _, err := enter("0", first); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	if _, err := enter("1", other); err != nil {
		t.Errorf("one that has moved: %v", err)
	}
	kept, _ := enter("2", first)
	kept.settings.Store(&pb.Settings{})
	if err := errors.Join(nc.Close(), nc.Close()); err != nil {
		t.Fatal(err)
	}
	s.sweep()
	if n := len(s.clients.all()); n != 2 {
		t.Errorf("%d clients are left, want the one that is settled and the one that has another connection", n)
	}
	if err := second.Close(); err != nil || len(s.clients.conns) != 0 {
		t.Errorf("%d connections are left, %v", len(s.clients.conns), err)
	}
}

// TestNobodySquatsAnID: who has a certificate gets the id of who has none, not that of who has another one, and is not told whose it is.
func TestNobodySquatsAnID(t *testing.T) {
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler), MaxClients: 1})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	enter := func(subject string) (*client, error) { return s.enter(backend.Client{ID: "id", Subject: subject}) }
	squatter, err := enter("")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := enter("CN=orders")
	if err != nil || owner == squatter || !squatter.gone || owner.gone {
		t.Fatalf("with a certificate: %v", err)
	}
	squatter.leave()
	for _, subject := range []string{"", "CN=other"} {
		if _, err := enter(subject); status.Of(err).GetCode() != pb.Code_FORBIDDEN || strings.Contains(status.Of(err).GetMessage(), "orders") {
			t.Errorf("%q: %v", subject, err)
		}
	}
	if again, err := enter("CN=orders"); err != nil || again != owner {
		t.Errorf("the owner again: %v", err)
	}
}

// TestForgottenClientsMakeRoom: ids that are forgotten do not count among those of a connection.
func TestForgottenClientsMakeRoom(t *testing.T) {
	now := time.Unix(1000, 0)
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	p := placed{remote: netip.MustParseAddrPort("10.0.0.1:1"), local: netip.MustParseAddrPort("10.0.0.9:8080")}
	defer s.watch(p).Close()
	for i := range 3 * maxConnClients {
		c, err := s.enter(backend.Client{ID: fmt.Sprint(i), Remote: p.remote, Local: p.local})
		if err != nil {
			t.Fatalf("id %d: %v", i, err)
		}
		c.leave()
		if i%maxConnClients == maxConnClients-1 {
			now = now.Add(silence + time.Second)
			s.sweep()
		}
	}
}

// twoBrokers has a topic on two brokers, which answer when both have been asked.
type twoBrokers struct {
	fake
	asked chan string
	both  chan struct{}
}

func (f *twoBrokers) Route(context.Context, string) ([]backend.Part, error) {
	return []backend.Part{{Broker: "a", Perm: 6, ReadQueues: 1, WriteQueues: 1}, {Broker: "b", Perm: 6, ReadQueues: 1, WriteQueues: 1}}, nil
}

func (f *twoBrokers) Group(_ context.Context, name string) (group.Config, bool, error) {
	g := group.New(name)
	g.Attributes = map[string]string{liteBindTopic: "chats"}
	return g, true, nil
}

func (f *twoBrokers) Join(backend.Client, backend.Asked) (backend.Link, error) { return f, nil }

func (f *twoBrokers) Call(ctx context.Context, broker string, in *protocol.Frame, take func(*protocol.Frame)) error {
	f.asked <- broker
	select {
	case <-f.both:
	case <-ctx.Done():
		return ctx.Err()
	}
	out := in.Reply(protocol.ResSuccess, "")
	if broker == "b" {
		out = in.Reply(protocol.ResLiteSubscriptionQuotaExceeded, "too many")
	}
	take(&out)
	return nil
}

// TestLiteSubscriptionsGoToAllBrokersAtOnce: no broker waits for another, and what one refuses is told.
func TestLiteSubscriptionsGoToAllBrokersAtOnce(t *testing.T) {
	f := &twoBrokers{fake: fake{now: time.Now}, asked: make(chan string, 2), both: make(chan struct{})}
	s := New(f, Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	c, err := s.enter(backend.Client{ID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.leave()
	c.settings.Store(&pb.Settings{})
	ended := make(chan error, 1)
	go func() {
		ended <- s.syncLite(t.Context(), c, &pb.SyncLiteSubscriptionRequest{Topic: &pb.Resource{Name: "chats"}, Group: &pb.Resource{Name: "g"}, LiteTopicSet: []string{"x"}})
	}()
	for range 2 {
		select {
		case <-f.asked:
		case err := <-ended:
			t.Fatalf("it ended with %v before both were asked", err)
		}
	}
	close(f.both)
	if err := <-ended; status.Of(err).GetCode() != pb.Code_LITE_SUBSCRIPTION_QUOTA_EXCEEDED {
		t.Error(err)
	}
}

// TestNobodyUsesTheClientOfAnother: a client id belongs to the certificate with which it came first, as long as it is known.
func TestNobodyUsesTheClientOfAnother(t *testing.T) {
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	f := func(subject string, want pb.Code) {
		t.Helper()
		c, err := s.enter(backend.Client{ID: "c", Subject: subject})
		if code := status.Of(err).GetCode(); code != want {
			t.Errorf("%q: %v", subject, err)
		}
		if err == nil {
			c.leave()
		}
	}
	f("CN=orders", pb.Code_OK)
	f("CN=orders", pb.Code_OK)
	f("", pb.Code_FORBIDDEN)
	f("CN=others", pb.Code_FORBIDDEN)
	s.forget(s.clients.all()[0])
	f("CN=others", pb.Code_OK)
}

// TestNobodyUsesTheClientOfAnotherUser: a client id belongs to the user who signed with it first; who has shown nothing leaves it to who does.
func TestNobodyUsesTheClientOfAnotherUser(t *testing.T) {
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	f := func(user, subject string, want pb.Code) *client {
		t.Helper()
		c, err := s.enter(backend.Client{ID: "c", User: user, Subject: subject})
		if code := status.Of(err).GetCode(); code != want {
			t.Errorf("%q %q: %v", user, subject, err)
		}
		if err == nil {
			c.leave()
		}
		return c
	}
	first := f("", "", pb.Code_OK)
	alice := f("alice", "", pb.Code_OK)
	if alice == first || !first.gone {
		t.Error("who has shown nothing keeps the id")
	}
	if f("alice", "", pb.Code_OK) != alice || f("", "", pb.Code_OK) != alice { // of what needs no signature
		t.Error("the owner is another client")
	}
	f("bob", "", pb.Code_FORBIDDEN)
	f("bob", "CN=bob", pb.Code_FORBIDDEN) // a certificate is no way around
	f("", "CN=bob", pb.Code_FORBIDDEN)
	sure := f("alice", "CN=alice", pb.Code_OK)
	if sure == alice {
		t.Error("the certificate does not count")
	}
	f("alice", "", pb.Code_FORBIDDEN)
	f("bob", "CN=alice", pb.Code_FORBIDDEN)

	// Access keys change: who has come by a connection may sign as somebody else on it, and then owns the id as that one.
	by := func(port uint16, user string, want pb.Code) {
		t.Helper()
		at := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), port)
		s.clients.mu.Lock()
		if key := (ends{at}); s.clients.conns[key] == nil {
			s.clients.conns[key] = &connection{}
		}
		s.clients.mu.Unlock()
		c, err := s.enter(backend.Client{ID: "d", User: user, Remote: at})
		if code := status.Of(err).GetCode(); code != want {
			t.Errorf("%d %q: %v", port, user, err)
		}
		if err == nil {
			c.leave()
		}
	}
	by(1, "old", pb.Code_OK)
	by(2, "new", pb.Code_FORBIDDEN)
	by(1, "new", pb.Code_OK)
	by(2, "new", pb.Code_OK)
	by(2, "old", pb.Code_OK) // it has come by this one
	by(3, "new", pb.Code_FORBIDDEN)
}
