package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/proxy/partial"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// raw is a client that speaks HTTP/2 by hand.
type raw struct {
	t *testing.T
	net.Conn
}

// dialRaw connects to a server of gRPC.
func dialRaw(t *testing.T, s *Server) raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(served)
	r := raw{t, nc}
	r.write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	r.frame(4, 0, 0, nil)
	return r
}

func (r raw) write(b []byte) {
	r.t.Helper()
	if err := r.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	_, _ = r.Write(b) // what is closed in the middle is seen by who reads
}

func (r raw) frame(kind, flags byte, stream uint32, payload []byte) {
	r.t.Helper()
	n := len(payload)
	r.write(append(binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream), payload...))
}

// begin sends the head of a request, and so much of its message, which has size bytes.
func (r raw) begin(stream uint32, size, come int) {
	r.t.Helper()
	text := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	head := append([]byte{0x83, 0x86, 0x04}, text(pb.MessagingService_SendMessage_FullMethodName)...) // POST, http, path
	head = append(append(head, 0x01), text("a")...)
	head = append(append(head, 0x0F, 0x10), text("application/grpc")...)
	r.frame(1, 4, stream, head)
	message := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(size)), make([]byte, come)...)
	for len(message) > 0 {
		n := min(len(message), 16<<10)
		r.frame(0, 0, stream, message[:n])
		message = message[n:]
	}
}

// TestUnfinishedRequestsAreBounded: when they hold too much, the connection goes that has most of them, and no other.
func TestUnfinishedRequestsAreBounded(t *testing.T) {
	const limit, part = 1 << 20, 60 << 10
	const kept, little = 64<<10 - 5, 16<<10 - 5 // in buffers of 16 KiB, of which five bytes are the prefix
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler), MaxUnfinished: limit})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	modest, greedy := dialRaw(t, s), dialRaw(t, s)
	modest.begin(1, 2<<20, 10<<10)
	awaitHeld(t, s, little)
	for i := range limit/kept - 1 {
		greedy.begin(uint32(2*i+1), 2<<20, part)
	}
	awaitHeld(t, s, little+(limit/kept-1)*kept)
	if n := s.conns.len(); n != 2 {
		t.Fatalf("%d connections are open below the limit", n)
	}
	for i := range 3 {
		greedy.begin(uint32(2*(limit/kept+i)+1), 2<<20, part)
	}
	if _, err := io.Copy(io.Discard, greedy); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the greedy connection is not closed")
	}
	awaitHeld(t, s, little)
	if n := s.conns.len(); n != 1 {
		t.Errorf("%d connections are open", n)
	}
	modest.frame(3, 0, 1, []byte{0, 0, 0, 8}) // it gives up
	awaitHeld(t, s, 0)
}

// TestThoseWhoSpreadAreFound: what an address holds by many connections counts together, and its largest connection goes.
func TestThoseWhoSpreadAreFound(t *testing.T) {
	l := newListener(1<<20, slog.New(slog.DiscardHandler))
	open := func(addr string, size int) *conn {
		c := &conn{Conn: placed{remote: netip.MustParseAddrPort(addr)}, l: l, meter: partial.New(1)}
		l.open[c] = struct{}{}
		b := make([]byte, 24+9+size) // a preface and a frame
		b[24], b[25], b[26], b[32] = byte(size>>16), byte(size>>8), byte(size), 1
		copy(b[33:], []byte{0, 1})
		c.meter.Feed(b)
		return c
	}
	open("10.0.0.1:1", 900)
	open("10.0.0.2:1", 400)
	largest := open("10.0.0.2:2", 600)
	if got := l.worst(); got != largest {
		t.Errorf("%v goes, want the largest of those who hold most together", got.RemoteAddr())
	}
}

// TestMadeUpStreamsEndTheConnection: nothing is forgotten to make room for them.
func TestMadeUpStreamsEndTheConnection(t *testing.T) {
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	r := dialRaw(t, s)
	r.begin(1, 2<<20, 10<<10)
	for i := range 2 * maxStreams {
		r.frame(0, 0, uint32(2*i+3), []byte{0})
	}
	if _, err := io.Copy(io.Discard, r); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is not closed")
	}
	awaitHeld(t, s, 0)
}

func (l *listener) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// awaitHeld waits until unfinished requests hold so much.
func awaitHeld(t *testing.T, s *Server, want int64) {
	t.Helper()
	tick, late := time.NewTicker(time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for s.conns.held.Load() != want {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d bytes are held, want %d", s.conns.held.Load(), want)
		}
	}
}
