package admission

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

	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func newGate(t *testing.T, signed func() bool, from ...string) *Gate {
	t.Helper()
	o := Options{Log: audit.New(audit.Options{Logger: slog.New(slog.DiscardHandler)}), Signed: signed}
	t.Cleanup(o.Log.Close)
	for _, text := range from {
		o.From = append(o.From, netip.MustParsePrefix(text))
	}
	return New(o)
}

func TestAllows(t *testing.T) {
	g := newGate(t, nil, "10.1.0.0/16", "fd00::/64")
	f := func(want bool, from, via string) {
		t.Helper()
		a, _ := netip.ParseAddr(from)
		b, _ := netip.ParseAddr(via)
		if g.Allows(a, b) != want {
			t.Errorf("%q via %q: %v", from, via, !want)
		}
	}
	f(true, "127.0.0.1", "")
	f(true, "::1", "")
	f(true, "::ffff:127.0.0.1", "")
	f(true, "10.1.2.3", "")
	f(true, "::ffff:10.1.2.3", "")
	f(true, "fd00::7%eth0", "")
	f(true, "10.1.2.3", "127.0.0.1")
	f(false, "10.2.0.1", "")
	f(false, "10.1.2.3", "192.0.2.1") // whoever sends a PROXY header may name any address
	f(false, "127.0.0.1", "192.0.2.1")
	f(false, "192.0.2.1", "127.0.0.1")
	f(false, "", "")
	f(false, "", "127.0.0.1")
}

// TestSettingsHideSecrets: the values of what cannot be changed while a server runs are in no record.
func TestSettingsHideSecrets(t *testing.T) {
	got := strings.Join(settings([]byte("minFreeDisk=5\ninitAuthenticationUser={\"password\":\"secret\"}\n")), " ")
	if got != "minFreeDisk=5 initAuthenticationUser" {
		t.Error(got)
	}
	var many strings.Builder
	for i := range maxSettings + 3 {
		fmt.Fprintf(&many, "k%d=v\n", i)
	}
	if got := settings([]byte(many.String())); len(got) != maxSettings+1 || got[maxSettings] != "and 3 more" {
		t.Error(got)
	}
}

// peer is a client of a server with a gate, from an address that its connection has been given. stop ends both, and may be called twice.
func peer(t *testing.T, g *Gate, from, via string, handle remoting.Handler) (c *remoting.Conn, stop func()) {
	t.Helper()
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqUpdateBrokerConfig, "UPDATE_BROKER_CONFIG", handle)
	mux.Handle(protocol.ReqUpdateAndCreateTopic, "UPDATE_AND_CREATE_TOPIC", handle)
	mux.Wrap(g.Stage)
	s := remoting.NewServer(remoting.Options{Mux: mux, Logger: slog.New(slog.DiscardHandler)})
	here, there := net.Pipe()
	info := remoting.ConnInfo{Remote: netip.MustParseAddrPort(from), Local: netip.MustParseAddrPort("10.9.9.9:10911")}
	info.Via, _ = netip.ParseAddr(via)
	s.Serve(there, info)
	c = remoting.Client(here, remoting.Options{Logger: slog.New(slog.DiscardHandler)})
	stop = func() {
		_ = c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return c, stop
}

func ask(t *testing.T, c *remoting.Conn, code int32, body string, fields ...string) (*protocol.Frame, error) {
	t.Helper()
	f := &protocol.Frame{Code: code, Version: protocol.CurrentVersion, Body: []byte(body)}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return c.Invoke(ctx, f)
}

func answering(code int32, remark string) remoting.Handler {
	return func(c *remoting.Conn, f *protocol.Frame) {
		r := f.Reply(code, remark)
		_ = c.Send(&r)
	}
}

// TestStrangersAreTold what is refused, why, and what to do about it; and it is recorded.
func TestStrangersAreTold(t *testing.T) {
	f := func(g *Gate, from, via string, code int32, wants ...string) {
		t.Helper()
		c, _ := peer(t, g, from, via, answering(protocol.ResSuccess, "done"))
		r, err := ask(t, c, protocol.ReqUpdateBrokerConfig, "minFreeDisk=5\n")
		if err != nil || r.Code != code {
			t.Fatalf("%v, %+v", err, r)
		}
		for _, want := range wants {
			if !strings.Contains(r.Remark, want) {
				t.Errorf("%q lacks %q", r.Remark, want)
			}
		}
		g.o.Log.Close() // refusals are recorded beside their answers
		last := g.o.Log.Last(1)
		if len(last) != 1 || last[0].What != "UPDATE_BROKER_CONFIG" || last[0].About != "minFreeDisk=5" || last[0].From != from || last[0].Via != via ||
			(last[0].Outcome == audit.Done) != (code == protocol.ResSuccess) {
			t.Errorf("%+v", last)
		}
	}
	f(newGate(t, nil), "192.0.2.7:5", "", protocol.ResNoPermission, "UPDATE_BROKER_CONFIG (25) changes the server's own state", "192.0.2.7 is none of them", "--admin-from 192.0.2.7/32")
	f(newGate(t, nil, "192.0.2.0/24"), "192.0.2.7:5", "10.0.0.9", protocol.ResNoPermission, "192.0.2.7 (as 10.0.0.9 says)", "--admin-from 192.0.2.7/32 --admin-from 10.0.0.9/32")
	f(newGate(t, nil, "192.0.2.0/24"), "192.0.2.7:5", "127.0.0.1", protocol.ResSuccess)
	f(newGate(t, nil, "192.0.2.0/24"), "192.0.2.7:5", "", protocol.ResSuccess)
	f(newGate(t, nil), "127.0.0.1:5", "", protocol.ResSuccess)
	f(newGate(t, func() bool { return true }), "192.0.2.7:5", "", protocol.ResSuccess)
	f(newGate(t, func() bool { return false }), "[2001:db8::7]:5", "", protocol.ResNoPermission, "--admin-from 2001:db8::7/128, or make a user (aerobee user create")
}

// TestActsAreRecordedFirst: what is open for everybody is recorded too, with its outcome, before it is answered.
func TestActsAreRecordedFirst(t *testing.T) {
	g := newGate(t, nil)
	c, _ := peer(t, g, "192.0.2.7:5", "", answering(protocol.ResSystemError, "no such thing"))
	for i := range 3 {
		r, err := ask(t, c, protocol.ReqUpdateAndCreateTopic, "a message's words", "topic", "T", "password", "secret")
		if err != nil || r.Remark != "no such thing" {
			t.Fatalf("%v %+v", err, r)
		}
		last := g.o.Log.Last(10)
		if len(last) != i+1 || last[i].Outcome != audit.Failed || last[i].Code != 1 || last[i].Why != "no such thing" || last[i].About != "topic=T" {
			t.Errorf("%+v", last)
		}
	}
}

// TestUnansweredActsAreRecorded: a client that goes before the answer hides nothing, nor does one that wants none, or says a number twice.
func TestUnansweredActsAreRecorded(t *testing.T) {
	g := newGate(t, nil)
	c, stop := peer(t, g, "192.0.2.7:5", "", func(c *remoting.Conn, _ *protocol.Frame) { _ = c.Close() })
	if r, err := ask(t, c, protocol.ReqUpdateAndCreateTopic, "", "topic", "gone"); err == nil {
		t.Errorf("%+v", r)
	}
	stop()
	twice, stop := peer(t, g, "192.0.2.7:5", "", func(*remoting.Conn, *protocol.Frame) {})
	for range 2 {
		if err := twice.Send(&protocol.Frame{Code: protocol.ReqUpdateAndCreateTopic, Version: protocol.CurrentVersion, Opaque: 7, Fields: fields("topic", "twice")}); err != nil && !errors.Is(err, remoting.ErrClosed) {
			t.Fatal(err)
		}
	}
	<-twice.Done()
	stop()
	oneway, _ := peer(t, g, "192.0.2.7:5", "", answering(protocol.ResSuccess, ""))
	if err := oneway.Send(&protocol.Frame{Code: protocol.ReqUpdateAndCreateTopic, Version: protocol.CurrentVersion, Flag: protocol.FlagOneway, Fields: fields("topic", "oneway")}); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, oneway, protocol.ReqUpdateAndCreateTopic, "", "topic", "last"); err != nil {
		t.Fatal(err)
	}
	g.o.Log.Close()
	got := map[string]int{}
	for _, r := range g.o.Log.Last(10) {
		got[r.About+" "+r.Outcome+" "+r.Why]++
	}
	for _, want := range []string{"topic=gone unknown the connection ended before the answer", "topic=twice unknown the connection ended before the answer",
		"topic=twice refused a request of this number is not answered yet", "topic=oneway unknown nobody wants an answer", "topic=last done "} {
		if got[want] != 1 {
			t.Errorf("%q is recorded %d times: %v", want, got[want], got)
		}
	}
}

func fields(name, value string) (fs protocol.Fields) {
	fs.Add(name, value)
	return fs
}
