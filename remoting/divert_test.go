package remoting

import (
	"context"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestDivert: an answer goes to whom it was promised, who sends it; a second request of the same number cannot have it.
func TestDivert(t *testing.T) {
	mux, taken, twice := NewMux(), make(chan *protocol.Frame, 1), make(chan bool, 1)
	mux.Handle(7, "SEVEN", func(c *Conn, f *protocol.Frame) {
		if !c.Divert(f, func(answer *protocol.Frame) { taken <- answer }) {
			t.Error("nothing is diverted")
		}
		twice <- c.Divert(f, nil)
		other := protocol.Frame{Code: 8, Opaque: f.Opaque}
		r := other.Reply(9, "not this one")
		if c.divert(&r, nil) {
			t.Error("another request's answer is taken")
		}
		r = f.Reply(protocol.ResSuccess, "done")
		if err := c.SendBody(&r, []byte("a"), []byte("b")); err != nil {
			t.Error(err)
		}
		go func() {
			answer := <-taken
			answer.Remark += " and noted"
			_ = c.Send(answer)
		}()
	})
	wrapped := ""
	mux.Wrap(func(code int32, name string, next Handler) Handler {
		wrapped = name
		return next
	})
	nc, _ := serve(t, Options{Mux: mux}, nil)
	c := Client(nc, Options{})
	t.Cleanup(func() { _ = c.Close() })
	r, err := c.Invoke(context.Background(), &protocol.Frame{Code: 7, Version: protocol.CurrentVersion})
	if err != nil || r.Remark != "done and noted" || string(r.Body) != "ab" || <-twice || wrapped != "SEVEN" {
		t.Errorf("%v %+v", err, r)
	}
}

// TestDivertedEnds: who waits for an answer is told that the connection has ended.
func TestDivertedEnds(t *testing.T) {
	mux, taken := NewMux(), make(chan *protocol.Frame, 1)
	mux.Handle(7, "SEVEN", func(c *Conn, f *protocol.Frame) {
		c.Divert(f, func(answer *protocol.Frame) { taken <- answer })
		_ = c.Close()
	})
	nc, s := serve(t, Options{Mux: mux}, nil)
	c := Client(nc, Options{})
	if _, err := c.Invoke(context.Background(), &protocol.Frame{Code: 7, Version: protocol.CurrentVersion}); err == nil {
		t.Error("a closed connection answers")
	}
	if answer := <-taken; answer != nil {
		t.Errorf("%+v", answer)
	}
	for c := range s.Conns() {
		if c.Divert(&protocol.Frame{}, nil) {
			t.Error("an ended connection diverts")
		}
	}
}

// TestRefusalsAreNotTakenForOtherAnswers: a request that is refused before it comes to a handler ends the connection if somebody waits for the answer to another
// of the same number and code. Who waits is told that there is none, not what the other was told.
func TestRefusalsAreNotTakenForOtherAnswers(t *testing.T) {
	mux, taken, begun := NewMux(), make(chan *protocol.Frame, 1), make(chan struct{}, 1)
	mux.Handle(7, "SEVEN", func(c *Conn, f *protocol.Frame) {
		c.Divert(f, func(answer *protocol.Frame) { taken <- answer })
		begun <- struct{}{}
	})
	nc, _ := serve(t, Options{Mux: mux, Admit: func(_ *Conn, f *protocol.Frame) (int32, string) {
		if string(f.Body) == "foe" {
			return protocol.ResNoPermission, "no"
		}
		return protocol.ResSuccess, ""
	}}, nil)
	write := func(frame []byte) {
		t.Helper()
		if _, err := nc.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	write(request(7, 1, "friend"))
	<-begun
	write(request(7, 2, "foe"))
	if f := receive(t, nc); f.Opaque != 2 || f.Code != protocol.ResNoPermission {
		t.Errorf("%+v", f)
	}
	write(request(7, 1, "foe"))
	if answer := <-taken; answer != nil {
		t.Errorf("the refusal of the second is the answer of the first: %+v", answer)
	}
	if n, err := nc.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes come by a connection that should be closed", n)
	}
}
