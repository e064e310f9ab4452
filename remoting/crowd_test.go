//go:build unix

package remoting

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// With more connections than may wait with a large stack, frames still come through whole, however they are cut, and the server
// still ends.
func TestCrowdSleepsAndWakes(t *testing.T) {
	const n = maxCrowd + 100
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewServer(Options{Mux: echoMux()})
	clients := make([]net.Conn, n)
	for i := range clients {
		if clients[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer clients[i].Close()
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s.Serve(nc, ConnInfo{})
	}
	ask := func(parts ...[]byte) {
		t.Helper()
		for _, part := range parts {
			for _, c := range clients {
				if _, err := c.Write(part); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	answered := func(want int32, size int) {
		t.Helper()
		for _, c := range clients {
			if f := receive(t, c); f.Opaque != want || len(f.Body) != size {
				t.Fatalf("answer %d of %d bytes, want %d of %d", f.Opaque, len(f.Body), want, size)
			}
		}
	}
	one := request(1, 1, "hello")
	ask(one)
	answered(1, 5)
	if crowd := s.host.crowd.Load(); crowd > maxCrowd {
		t.Errorf("%d readers wait without sleeping, the limit is %d", crowd, maxCrowd)
	}
	two := request(1, 2, "again")
	ask(two[:1], two[1:len(two)-1], two[len(two)-1:])
	answered(2, 5)
	large := bytes.Repeat([]byte("x"), 10<<10)
	three := request(1, 3, string(large)) // larger than the buffer that a waking reader begins with
	ask(three)
	answered(3, len(large))

	half := clients[:n/2]
	for _, c := range half {
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, c := range clients[n/2:] {
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
	}
	if crowd, held := s.host.crowd.Load(), s.host.held.Load(); crowd != 0 || held != 0 {
		t.Errorf("%d readers wait, %d bytes held after the end", crowd, held)
	}
}
