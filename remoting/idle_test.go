//go:build !race

// The race detector's stacks are larger than what is measured here.

package remoting

import (
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Ten thousand clients at rest must be cheap. Measured with fewer, each after a request and an answer, so that buffers and
// stacks have been used. 4 KiB are the reader's stack; the clients' ends, in the same process, are counted too.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const n, limit = 2000, 6500
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewServer(Options{Mux: echoMux(), Logger: slog.New(slog.DiscardHandler)})
	clients := make([]net.Conn, 0, n)
	ask, answer := request(1, 1, "hello"), make([]byte, len(protocol.AppendFrame(nil, &protocol.Frame{Flag: 1, Version: 513, Opaque: 1, Body: []byte("hello")})))
	before := memory()
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s.Serve(nc, ConnInfo{})
		clients = append(clients, c)
	}
	for _, c := range clients {
		if _, err := c.Write(ask); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		if _, err := io.ReadFull(c, answer); err != nil {
			t.Fatal(err)
		}
	}
	each := (memory() - before) / n
	t.Logf("%d bytes for each idle connection, both ends", each)
	if each > limit {
		t.Errorf("an idle connection costs %d bytes, the limit is %d", each, limit)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// memory is what heap and stacks hold after a collection.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	runtime.GC() // the third empties the pools' victims
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// BenchmarkEcho is the way of a small request through reader, handler and writer, pipelined over one connection.
func BenchmarkEcho(b *testing.B) {
	client, _ := serve(b, Options{Mux: echoMux()}, nil)
	one := request(1, 1, "0123456789")
	var stream []byte
	for range 64 {
		stream = append(stream, one...)
	}
	answers := make([]byte, 64*len(protocol.AppendFrame(nil, &protocol.Frame{Flag: 1, Version: 513, Opaque: 1, Body: []byte("0123456789")})))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(stream); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, answers); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/request")
}
