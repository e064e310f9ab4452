package nameserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// BenchmarkRoute asks for the routes of 64 topics of eight queues over a TCP connection on the loopback device, 64 queries at a time. Each iteration is a query.
func BenchmarkRoute(b *testing.B) {
	ns, err := New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer ns.Close()
	r := route.Registration{Cluster: "DefaultCluster", Broker: "broker-a", Addr: "127.0.0.1:10911", Local: true, Complete: true}
	const flight = 64
	var requests []byte
	for i := range flight {
		name := fmt.Sprint("topic-", i)
		r.Topics = append(r.Topics, route.Topic{Name: name, ReadQueues: 8, WriteQueues: 8, Perm: 6})
		f := protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic, Version: protocol.CurrentVersion, Opaque: int32(i)}
		f.Fields.Add("topic", name)
		f.Fields.Add("acceptStandardJsonOnly", "true")
		requests = protocol.AppendFrame(requests, &f)
	}
	ns.RegisterLocal(r)
	mux := remoting.NewMux()
	ns.Mount(mux)
	server := remoting.NewServer(remoting.Options{Mux: mux, Closed: ns.ConnClosed, Logger: slog.New(slog.DiscardHandler)})
	defer server.Shutdown(context.Background()) //nolint:errcheck // nothing could be lost
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err == nil {
			server.Serve(nc, remoting.ConnInfo{Remote: nc.RemoteAddr().(*net.TCPAddr).AddrPort(), Local: netip.MustParseAddrPort(l.Addr().String())})
		}
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	ask := func(answers []byte) {
		if _, err := nc.Write(requests); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(nc, answers); err != nil {
			b.Fatal(err)
		}
	}
	size := answerSize(b, nc, requests, flight)
	answers := make([]byte, size)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += flight {
		ask(answers)
	}
}

// answerSize asks once and returns how many bytes the answers have, which is the same each time.
func answerSize(b *testing.B, nc net.Conn, requests []byte, n int) (size int) {
	b.Helper()
	if _, err := nc.Write(requests); err != nil {
		b.Fatal(err)
	}
	for range n {
		var head [4]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			b.Fatal(err)
		}
		rest := make([]byte, int(head[0])<<24|int(head[1])<<16|int(head[2])<<8|int(head[3]))
		if _, err := io.ReadFull(nc, rest); err != nil {
			b.Fatal(err)
		}
		var f protocol.Frame
		if err := protocol.DecodeFrame(rest, &f); err != nil || f.Code != protocol.ResSuccess {
			b.Fatalf("code %d %s, %v", f.Code, f.Remark, err)
		}
		size += 4 + len(rest)
	}
	return size
}
