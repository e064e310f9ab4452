package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// shut lets nobody pass who has no user named alice.
type shut struct{}

func (shut) Signs(string) bool              { return true }
func (shut) Asks(string) bool               { return false }
func (shut) Passes(string, netip.Addr) bool { return false }
func (shut) Known(name string, _ func(string) bool) error {
	if name == "alice" {
		return nil
	}
	return errors.New("username cannot be null.")
}
func (shut) Has(name string) bool                        { return name == "alice" }
func (shut) Vouched(string) error                        { return nil }
func (shut) May(string, netip.Addr, []decide.Need) error { return nil }

// TestGuarded has each kind of request refused before anything is done, and one that is signed pass.
func TestGuarded(t *testing.T) {
	s := New(&broken{fake{now: time.Now}}, Options{Logger: slog.New(slog.DiscardHandler), Guard: shut{}})
	c, ctx := dialled(t, s)
	topic := &pb.Resource{Name: "t"}
	want := func(what string, st *pb.Status, err error) {
		t.Helper()
		if err != nil || st.GetCode() != pb.Code_UNAUTHORIZED || st.GetMessage() != "username cannot be null." {
			t.Errorf("%s: %v, %v", what, st, err)
		}
	}
	r, err := c.QueryRoute(ctx, &pb.QueryRouteRequest{Topic: topic})
	want("a route", r.GetStatus(), err)
	h, err := c.Heartbeat(ctx, &pb.HeartbeatRequest{ClientType: pb.ClientType_PRODUCER})
	want("a heartbeat", h.GetStatus(), err)
	g, err := c.ReceiveMessage(ctx, &pb.ReceiveMessageRequest{Group: topic, MessageQueue: &pb.MessageQueue{Topic: topic}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.Recv()
	want("a receive", m.GetStatus(), err)
	p, err := c.PullMessage(ctx, &pb.PullMessageRequest{Group: topic, MessageQueue: &pb.MessageQueue{Topic: topic}})
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := p.Recv()
	want("a pull", pulled.GetStatus(), err)
	tele, err := c.Telemetry(ctx)
	if err == nil {
		err = tele.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: &pb.Settings{}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	command, err := tele.Recv()
	want("settings", command.GetStatus(), err)
	if _, err := tele.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream goes on after its first command was refused: %v", err)
	}

	signed := metadata.AppendToOutgoingContext(ctx, "authorization", "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=00", "x-mq-date-time", "now")
	if r, err := c.QueryRoute(signed, &pb.QueryRouteRequest{Topic: topic}); err != nil || r.GetStatus().GetCode() != pb.Code_INTERNAL_SERVER_ERROR { // as far as the backend
		t.Errorf("signed: %v, %v", r, err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRefusalsHaveAnswers: what is refused is answered with the method's own message.
func TestRefusalsHaveAnswers(t *testing.T) {
	for _, m := range pb.MessagingService_ServiceDesc.Methods {
		out, err := faultAnswer(m.MethodName, status.New(pb.Code_UNAUTHORIZED, "no"))
		a, ok := out.(interface{ GetStatus() *pb.Status })
		if err != nil || !ok || a.GetStatus().GetCode() != pb.Code_UNAUTHORIZED {
			t.Errorf("%s answers %v, %v", m.MethodName, out, err)
		}
	}
}

// TestRightsAreAskedForTheSender: what a PROXY header tells counts as the node says, and without one nobody is asked.
func TestRightsAreAskedForTheSender(t *testing.T) {
	lying := netip.MustParseAddr("192.0.2.1")
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler), Guard: shut{}, Sources: func(from, via netip.Addr) []netip.Addr {
		if via == lying {
			return []netip.Addr{via, from}
		}
		return []netip.Addr{from}
	}})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	f := func(via string, want ...string) {
		t.Helper()
		told, _ := netip.ParseAddr(via)
		p := &peer.Peer{Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:5"))}
		if _, auth, err := (handed{}).ServerHandshake(proxied{via: told}); err != nil {
			t.Fatal(err)
		} else if auth != nil {
			p.AuthInfo = auth
		}
		var got []string
		for _, a := range s.asked(peer.NewContext(t.Context(), p), &pb.HeartbeatRequest{}).From {
			got = append(got, a.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("via %q: %v, want %v", via, got, want)
		}
	}
	f("", "10.0.0.1")
	f("127.0.0.1", "10.0.0.1")
	f("192.0.2.1", "192.0.2.1", "10.0.0.1")
}

// proxied is a connection whose address a PROXY header has told.
type proxied struct {
	net.Conn
	via netip.Addr
}

// Via is who sent it.
func (p proxied) Via() netip.Addr { return p.via }

// TestUserOf: who has signed is known where the guard has looked at it.
func TestUserOf(t *testing.T) {
	const text = "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=00"
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", text))
	for want, o := range map[string]Options{"alice": {Guard: shut{}}, "": {}} {
		o.Logger = slog.New(slog.DiscardHandler)
		s := New(&fake{now: time.Now}, o)
		t.Cleanup(func() { _ = s.Stop(context.Background()) })
		if got := s.userOf(ctx, &pb.HeartbeatRequest{}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
