package remoting

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestRateOfAnAddress: beyond the rate requests are answered with the numbers and served no more, one-way ones dropped; the connection stays, another
// connection of the same address shares the rate, and what this process asks itself is not counted.
func TestRateOfAnAddress(t *testing.T) {
	var at atomic.Int64
	log := &logtext.Buffer{}
	rates := ratelimit.New[netip.Prefix](8, "maxRequestsPerAddress", func() time.Duration { return time.Duration(at.Load()) })
	served := make(chan int32, 100)
	m := NewMux()
	m.Handle(1, "ECHO", func(c *Conn, f *protocol.Frame) {
		served <- f.Opaque
		echo(c, f)
	})
	client, s := serve(t, Options{Mux: m, Rates: rates, Logger: log.Logger()}, nil)
	ask := func(opaque int32) *protocol.Frame {
		t.Helper()
		if _, err := client.Write(request(1, opaque, "x")); err != nil {
			t.Fatal(err)
		}
		f := receive(t, client)
		if f.Opaque != opaque {
			t.Fatalf("the answer to %d, want that to %d", f.Opaque, opaque)
		}
		return f
	}
	const refusal = "[REJECTREQUEST]system busy, start flow control for a while: too many requests of 127.0.0.1/32, the limit is 8 a second (maxRequestsPerAddress); there is room again in 126 ms"
	for i := range int32(2) {
		if f := ask(i); f.Code != 0 {
			t.Errorf("request %d: code %d %s", i, f.Code, f.Remark)
		}
	}
	if f := ask(2); f.Code != protocol.ResSystemBusy || f.Remark != refusal {
		t.Errorf("code %d %q, want %d %q", f.Code, f.Remark, protocol.ResSystemBusy, refusal)
	}
	oneway := protocol.AppendFrame(nil, &protocol.Frame{Code: 1, Opaque: 3, Flag: protocol.FlagOneway, Version: 513})
	if _, err := client.Write(append(oneway, request(1, 4, "")...)); err != nil {
		t.Fatal(err)
	}
	if f := receive(t, client); f.Opaque != 4 || f.Code != protocol.ResSystemBusy {
		t.Errorf("answered %d with code %d", f.Opaque, f.Code)
	}
	if said := log.String(); strings.Count(said, "one-way request dropped: too many requests of 127.0.0.1/32, the limit is 8 a second (maxRequestsPerAddress)") != 1 {
		t.Errorf("log %q", said)
	}

	other, nc := pair(t)
	defer other.Close()
	s.Serve(nc, ConnInfo{})
	if _, err := other.Write(request(1, 5, "")); err != nil {
		t.Fatal(err)
	}
	if f := receive(t, other); f.Code != protocol.ResSystemBusy {
		t.Errorf("another connection of the address: code %d", f.Code)
	}
	own, nc := pair(t)
	defer own.Close()
	s.Serve(nc, ConnInfo{Own: true})
	if _, err := own.Write(bytes.Repeat(request(1, 6, ""), 10)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if f := receive(t, own); f.Code != 0 {
			t.Errorf("a request of this process: code %d", f.Code)
		}
	}
	local, err := s.Local(ConnInfo{}, func(*protocol.Frame) {})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := local.Call(t.Context(), &protocol.Frame{Code: 1}, func(f *protocol.Frame) {
			if f.Code != 0 {
				t.Errorf("a connection without a socket: code %d", f.Code)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	local.Close()
	at.Store(int64(125 * time.Millisecond))
	if f := ask(7); f.Code != 0 {
		t.Errorf("after 125 ms: code %d %s", f.Code, f.Remark)
	}
	if n := len(served); n != 2+10+10+1 {
		t.Errorf("%d requests were served", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Shutdown(ctx)
	at.Store(int64(time.Minute))
	rates.TakeOf(netip.MustParsePrefix("192.0.2.1/32"))
	if n := rates.Len(); n != 1 {
		t.Errorf("%d buckets are left when all connections are closed, want that of the last asker", n)
	}
}
