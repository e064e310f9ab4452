package aerobee

import (
	"net"
	"testing"

	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TestGateHoldsConnectionsUntilReady passes a connection before the server is there and one after.
func TestGateHoldsConnectionsUntilReady(t *testing.T) {
	mux := remoting.NewMux()
	mux.Handle(7, "ECHO", func(c *remoting.Conn, f *protocol.Frame) {
		r := f.Reply(protocol.ResSuccess, "served")
		_ = c.Send(&r)
	})
	server := remoting.NewServer(remoting.Options{Mux: mux})
	g := newGate()
	pass := func() *peer {
		ours, theirs := net.Pipe()
		g.pass(theirs, listen.ConnInfo{})
		return &peer{t, remoting.Client(ours, remoting.Options{})}
	}
	early := pass()
	g.open(server, nil)
	early.wantCode(early.call(7, ""), protocol.ResSuccess, "served")
	late := pass()
	late.wantCode(late.call(7, ""), protocol.ResSuccess, "served")
	for _, p := range []*peer{early, late} {
		_ = p.conn.Close()
		p.conn.Wait()
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGateClosesWhatItHolds ends a start that fails: the connections that waited are closed.
func TestGateClosesWhatItHolds(t *testing.T) {
	g := newGate()
	ours, theirs := net.Pipe()
	g.pass(theirs, listen.ConnInfo{})
	g.close()
	if _, err := ours.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// TestGateOfHTTP2 does the same with connections for gRPC: they wait, and are closed where nobody serves them, or the start fails.
func TestGateOfHTTP2(t *testing.T) {
	closed := func(ours net.Conn) {
		t.Helper()
		if _, err := ours.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
	}
	fails, opens := newGate(), newGate()
	ours, theirs := net.Pipe()
	fails.passHTTP2(theirs)
	fails.close()
	closed(ours)
	ours, theirs = net.Pipe()
	opens.passHTTP2(theirs)
	opens.open(nil, nil)
	closed(ours)
	ours, theirs = net.Pipe()
	opens.passHTTP2(theirs)
	closed(ours)
	opens.close()
}
