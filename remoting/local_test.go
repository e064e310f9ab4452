package remoting

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aerobee-mq/aerobee/protocol"
)

// localServer has three requests: 1 is answered with its body, 2 asks the peer and passes the answer on, 3 is never answered.
func localServer(o Options) *Server {
	o.Mux = NewMux()
	o.Mux.Handle(1, "ECHO", func(c *Conn, f *protocol.Frame) {
		out := f.Reply(0, "")
		_ = c.SendBody(&out, f.Body, []byte("!"))
	})
	o.Mux.Handle(2, "ASK", func(c *Conn, f *protocol.Frame) {
		own := f.Clone()
		c.Go(func() {
			answer, err := c.Invoke(context.Background(), &protocol.Frame{Code: 77, Body: own.Body})
			if err != nil {
				out := own.Reply(1, err.Error())
				_ = c.Send(&out)
				return
			}
			out := own.Reply(0, "")
			out.Body = answer.Body
			_ = c.Send(&out)
		})
	})
	o.Mux.Handle(3, "SILENT", func(c *Conn, f *protocol.Frame) {
		if f.IsOneway() {
			out := f.Reply(0, "")
			_ = c.Send(&out)
		}
	})
	return NewServer(o)
}

var loopback = netip.MustParseAddrPort("127.0.0.1:1")

func TestLocal(t *testing.T) {
	left := make(chan *Conn, 1)
	s := localServer(Options{Closed: func(c *Conn) { left <- c }})
	var l *Local
	l, err := s.Local(ConnInfo{Remote: loopback, Local: loopback}, func(f *protocol.Frame) {
		own := f.Clone()
		go func() {
			l.Answer(&protocol.Frame{Opaque: own.Opaque, Flag: protocol.FlagResponse, Body: append(own.Body, '?')})
		}()
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func(code int32, body string) (got string, err error) {
		err = l.Call(t.Context(), &protocol.Frame{Code: code, Body: []byte(body)}, func(f *protocol.Frame) { got = string(f.Body) })
		return got, err
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got, err := call(1, "a"); got != "a!" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if got, err := call(2, "b"); got != "b?" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := l.Call(t.Context(), &protocol.Frame{Code: 9}, func(f *protocol.Frame) {
		if f.Code != protocol.ResRequestCodeNotSupported {
			t.Errorf("code %d", f.Code)
		}
	}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Call(ctx, &protocol.Frame{Code: 3}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	waits := make(chan error)
	go func() { waits <- l.Call(context.Background(), &protocol.Frame{Code: 3}, nil) }()
	for waiting := 0; waiting == 0; {
		l.mu.Lock()
		waiting = len(l.waits)
		l.mu.Unlock()
	}
	l.Close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("a call on a connection that is closed: %v", err)
	}
	<-left
	<-l.Done()
	if _, err := call(1, "a"); !errors.Is(err, ErrClosed) {
		t.Errorf("after the close: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	for range s.Conns() {
		t.Error("a connection is left")
	}
	if _, err := s.Local(ConnInfo{Remote: loopback, Local: loopback}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("on a server that is closed: %v", err)
	}
}

// TestLocalOutlastsADrain finishes a request that was taken before the server drains, and takes no other.
func TestLocalOutlastsADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := localServer(Options{})
		var asked *protocol.Frame
		l, err := s.Local(ConnInfo{Remote: loopback, Local: loopback}, func(f *protocol.Frame) { asked = f.Clone() })
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		go func() {
			_ = l.Call(context.Background(), &protocol.Frame{Code: 2, Body: []byte("x")}, func(f *protocol.Frame) { got <- string(f.Body) })
		}()
		synctest.Wait()
		s.Drain()
		if err := l.Call(t.Context(), &protocol.Frame{Code: 1}, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("while draining: %v", err)
		}
		done := make(chan error)
		go func() { done <- s.Shutdown(context.Background()) }()
		synctest.Wait()
		l.Answer(&protocol.Frame{Opaque: asked.Opaque, Flag: protocol.FlagResponse, Body: []byte("y")})
		if b := <-got; b != "y" {
			t.Errorf("%q", b)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestLocalConnectionsLeaveRoom: those without a socket are at most half, and one that is closed makes room.
func TestLocalConnectionsLeaveRoom(t *testing.T) {
	left := make(chan *Conn, 1)
	s := localServer(Options{MaxConns: 4, Closed: func(c *Conn) { left <- c }})
	local := func() (*Local, error) {
		return s.Local(ConnInfo{Remote: loopback, Local: loopback}, func(*protocol.Frame) {})
	}
	first, err := local()
	if err == nil {
		_, err = local()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local(); !errors.Is(err, ErrClosed) {
		t.Errorf("a third of at most two: %v", err)
	}
	first.Close()
	first.Close()
	if s.host.MaxLocal != 2 {
		t.Errorf("the limit is %d", s.host.MaxLocal)
	}
	<-left
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Shutdown(ctx) // waits for the goroutine that takes it out
	if s.locals != 0 || len(s.conns) != 0 {
		t.Errorf("%d of %d connections are left", s.locals, len(s.conns))
	}
}
