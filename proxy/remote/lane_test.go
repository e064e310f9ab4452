package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TestLanesOfNobody: a client that names brokers that do not exist, in receipt handles, leaves nothing behind.
func TestLanesOfNobody(t *testing.T) {
	b, err := New(Options{NameServers: []string{"127.0.0.1:1"}, Dial: func(context.Context, string) (net.Conn, error) { return nil, errors.New("refused") }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // nothing can be lost
	l, err := b.Link(backend.Client{ID: "c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := l.Call(t.Context(), fmt.Sprint("nobody", i), &protocol.Frame{Code: protocol.ReqAckMessage}, nil); !errors.Is(err, backend.ErrNoBroker) {
			t.Fatal(err)
		}
	}
	b.wg.Wait() // for what comes after the answers
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lanes) != 0 {
		t.Errorf("%d lanes", len(l.lanes))
	}
}

// TestASilentConnectionIsGivenUp: after three requests without an answer the next one dials.
func TestASilentConnectionIsGivenUp(t *testing.T) {
	var mu sync.Mutex
	var dialled int
	b, err := New(Options{NameServers: []string{"127.0.0.1:1"}, Dial: func(_ context.Context, addr string) (net.Conn, error) {
		if addr != "a:1" {
			return nil, errors.New("refused")
		}
		mu.Lock()
		dialled++
		mu.Unlock()
		near, far := net.Pipe()
		go func() { // it takes all and says nothing
			buf := make([]byte, 4096)
			for {
				if _, err := far.Read(buf); err != nil {
					return
				}
			}
		}()
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // nothing can be lost
	b.mu.Lock()
	b.brokers["a"], b.asked = "a:1", time.Now()
	b.mu.Unlock()
	l, err := b.Link(backend.Client{ID: "c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * mostLate {
		errs := make(chan error, 1)
		if err := l.Begin("a", &protocol.Frame{Code: protocol.ReqAckMessage}, time.Now().Add(20*time.Millisecond), told(errs)); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; err == nil {
			t.Fatal("an answer came")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if dialled != 2 {
		t.Errorf("%d connections were made for %d requests, want one for every %d", dialled, 2*mostLate, mostLate)
	}
}

// told is told the outcome.
type told chan error

func (c told) Answered(_ *protocol.Frame, err error) { c <- err }

// TestALaneFollowsItsBroker: when the NameServer says another address, what was connected to the old one is closed, and the next request goes to the new one.
func TestALaneFollowsItsBroker(t *testing.T) {
	var mu sync.Mutex // guards what follows
	at, dialled, open := "a:1", []string{}, map[string]net.Conn{}
	server := func(addr string, far net.Conn) {
		mux := remoting.NewMux()
		mux.Handle(protocol.ReqGetBrokerClusterInfo, "cluster", func(c *remoting.Conn, f *protocol.Frame) {
			mu.Lock()
			defer mu.Unlock()
			r := f.Reply(protocol.ResSuccess, "")
			r.Body = protocol.MarshalBody(protocol.ClusterInfo{Brokers: map[string]protocol.BrokerData{"a": {Name: "a", Addrs: map[int64]string{protocol.MasterID: at}}}})
			_ = c.Send(&r)
		})
		mux.Handle(protocol.ReqAckMessage, "ack", func(c *remoting.Conn, f *protocol.Frame) {
			r := f.Reply(protocol.ResSuccess, addr)
			_ = c.Send(&r)
		})
		c := remoting.Client(far, remoting.Options{Mux: mux})
		t.Cleanup(func() { _ = c.Close() })
	}
	b, err := New(Options{NameServers: []string{"ns:1"}, Dial: func(_ context.Context, addr string) (net.Conn, error) {
		near, far := net.Pipe()
		mu.Lock()
		if addr != "ns:1" {
			dialled = append(dialled, addr)
			open[addr] = near
		}
		mu.Unlock()
		server(addr, far)
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // nothing can be lost
	l, err := b.Link(backend.Client{ID: "c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ask := func() (from string) {
		t.Helper()
		if err := l.Call(ctx, "a", &protocol.Frame{Code: protocol.ReqAckMessage}, func(f *protocol.Frame) { from = f.Remark }); err != nil {
			t.Fatal(err)
		}
		return from
	}
	if from := ask(); from != "a:1" {
		t.Fatalf("answered by %s", from)
	}
	move := func(to string) {
		t.Helper()
		mu.Lock()
		at = to
		mu.Unlock()
		if err := b.askAll(ctx); err != nil {
			t.Fatal(err)
		}
	}
	move("a:1")
	if ask(); len(dialled) != 1 {
		t.Errorf("dialled %v though nothing has moved", dialled)
	}
	move("a:2")
	if from := ask(); from != "a:2" || len(dialled) != 2 {
		t.Errorf("answered by %s, dialled %v", from, dialled)
	}
	if err := open["a:1"].SetReadDeadline(time.Now().Add(20 * time.Second)); err == nil {
		if _, err := open["a:1"].Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, io.EOF) {
			t.Errorf("the old connection: %v", err)
		}
	}
}
