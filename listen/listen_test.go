package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aerobee-mq/aerobee/internal/logtext"
)

// v2 is a PROXY v2 header.
func v2(command, family byte, rest string) string {
	return proxyV2Signature + string([]byte{0x20 | command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(rest)))) + rest
}

const (
	v2IPv4 = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x30\x39\x2a\x9f" // 10.0.0.1:12345 → 10.0.0.2:10911
	v2IPv6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x02"
)

func TestParseProxy(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		h, size, err := parseProxy([]byte(in))
		got := fmt.Sprintf("%v %v %q %d", h.source, h.destination, h.tlvs, size)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q\n got %s\nwant %s", in, got, want)
		}
	}
	none := "invalid AddrPort invalid AddrPort map[]"
	check("PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\nrest", "1.2.3.4:56324 5.6.7.8:443 map[] 38")
	check("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1 [2001:db8::2]:2 map[] 40")
	check("PROXY UNKNOWN\r\n", none+" 15")
	check("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", none+" 35")
	check("PROXY TCP4 1.2.3.4", errShort.Error())
	check("PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r", errShort.Error())
	check("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", `PROXY v1 header "PROXY TCP4 1.2.3.4 5.6.7.8 1" is not "PROXY TCP4|TCP6 source destination port port"`)
	check("PROXY TCP4 ::1 5.6.7.8 1 2\r\n", `PROXY v1 header: "::1" is no address of its family`)
	check("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", `PROXY v1 header: "65536" is no port`)
	check("PROXY "+strings.Repeat("x", 200), "PROXY v1 header is longer than 107 bytes")
	check("GET / HTTP/1.1", none+" 0")

	check(v2(1, 0x11, v2IPv4)+"rest", "10.0.0.1:12345 10.0.0.2:10911 map[] 28")
	check(v2(1, 0x21, v2IPv6), "[2001:db8::1]:1 [2001:db8::2]:2 map[] 52")
	check(v2(1, 0x11, v2IPv4+"\xea\x00\x05hello\x04\x00\x02xx\x01\x00\x00"), "10.0.0.1:12345 10.0.0.2:10911 "+fmt.Sprintf("%q", map[byte][]byte{0xea: []byte("hello"), 1: {}})+" 44")
	check(v2(1, 0x00, "\xea\x00\x01x"), "invalid AddrPort invalid AddrPort "+fmt.Sprintf("%q", map[byte][]byte{0xea: []byte("x")})+" 20")
	check(v2(1, 0x31, strings.Repeat("u", 216)), none+" 232")
	check(v2(0, 0x11, v2IPv4), none+" 28")
	check(v2(0, 0, ""), none+" 16")
	check(v2(1, 0x11, v2IPv4)[:20], errShort.Error())
	check(proxyV2Signature[:5], errShort.Error())
	check(v2(1, 0x11, "short"), "PROXY v2 header: 5 bytes of addresses, family 1 needs 12")
	check(v2(2, 0x11, v2IPv4), "PROXY v2 header: version and command are 0x22, want 0x20 or 0x21")
	check(v2(1, 0x11, strings.Repeat("x", 4081)), "PROXY v2 header of 4097 bytes exceeds the limit of 4096")
	check(v2(1, 0x11, v2IPv4+"\xea\x00\x05hell"), "PROXY v2 header: extension 0xea of 5 bytes, 4 are left")
	check(v2(1, 0x11, v2IPv4+"\xea\x00"), "PROXY v2 header: 2 bytes behind the last extension")
}

func FuzzParseProxy(f *testing.F) {
	f.Add([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\nrest"))
	f.Add([]byte(v2(1, 0x11, v2IPv4+"\xea\x00\x05hello")))
	f.Add([]byte(v2(1, 0x21, v2IPv6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, size, err := parseProxy(b)
		if size < 0 || size > len(b) || size > proxyV2Max || (err != nil && size != 0 && !errors.Is(err, errShort)) && h.tlvs != nil {
			t.Fatalf("%d bytes of %d, %v", size, len(b), err)
		}
		if err == nil && h.source.IsValid() != h.destination.IsValid() {
			t.Fatalf("half an address pair: %v", h)
		}
	})
}

// oneByte gives its bytes one at a time, as a torn connection does.
type oneByte struct {
	net.Conn
	b []byte
}

func (c *oneByte) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	p[0] = c.b[0]
	c.b = c.b[1:]
	return 1, nil
}

func TestSniff(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		info := ConnInfo{}
		c := &oneByte{b: []byte(in)}
		k, err := sniff(c, nil, &info)
		got := fmt.Sprintf("%s %v", [...]string{"remoting", "http1", "http2", "tls", "proxy", "undecided", "plain"}[k], err)
		if info.Remote.IsValid() {
			got += fmt.Sprintf(" %v %v", info.Remote, info.Local)
		}
		if got != want {
			t.Errorf("%.60q: got %s, want %s", in, got, want)
		}
		if err == nil && !strings.HasSuffix(in, string(info.Prefix)+string(c.b)) {
			t.Errorf("%.60q: bytes got lost: %q and %q are left", in, info.Prefix, c.b)
		}
	}
	check("\x00\x00\x00\x10", "remoting <nil>")
	check("\x01\x00\x00\x00", "remoting <nil>")
	check("\x16\x03\x01", "tls <nil>")
	check("GET / HTTP/1.1\r\n", "http1 <nil>")
	check("OPTIONS * HTTP/1.1\r\n", "http1 <nil>")
	check("PUT /x", "http1 <nil>")
	check("POST /x", "http1 <nil>")
	check("PRI * HTTP/2.0\r\n", "http2 <nil>")
	check("PRX", "remoting <nil>")
	check("", "undecided the first 0 bytes do not tell the protocol: EOF")
	check("PROX", "undecided the first 4 bytes do not tell the protocol: EOF")
	check("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n\x00\x00", "remoting <nil> 1.2.3.4:1 5.6.7.8:2")
	check("PROXY UNKNOWN\r\nGET /", "http1 <nil>")
	check(v2(1, 0x21, v2IPv6)+"\x16\x03", "tls <nil> [2001:db8::1]:1 [2001:db8::2]:2")
	check(v2(1, 0x11, v2IPv4+"\xea\x0e\x00"+strings.Repeat("x", 3584))+"\x00", "remoting <nil> 10.0.0.1:12345 10.0.0.2:10911")
	check("PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n", "proxy a second PROXY header")
	check("PROXY NONSENSE\r\n", `proxy PROXY v1 header "PROXY NONSENSE" is not "PROXY TCP4|TCP6 source destination port port"`)
}

// start listens on free loopback ports.
func start(t *testing.T, o Options) (*Server, *logtext.Buffer) {
	t.Helper()
	log := &logtext.Buffer{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	if o.Addrs == nil {
		o.Addrs = []string{"127.0.0.1:0"}
	}
	if o.Remoting == nil {
		o.Remoting = func(nc net.Conn, _ ConnInfo) { _ = nc.Close() }
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, log
}

func dial(t *testing.T, addr netip.AddrPort, first string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, first); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOnePortServesAll(t *testing.T) {
	type handed struct {
		nc   net.Conn
		info ConnInfo
	}
	got := make(chan handed, 1)
	s, log := start(t, Options{
		Addrs:    []string{"127.0.0.1:0", "localhost:0"},
		Remoting: func(nc net.Conn, info ConnInfo) { got <- handed{nc, info} },
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", r.URL.Path, r.RemoteAddr)
		}),
	})
	for _, addr := range s.Addrs() {
		c := dial(t, addr, "\x00\x00\x00\x08abc")
		h := <-got
		rest := make([]byte, 7-len(h.info.Prefix)) // nothing but the first byte had to be read
		if _, err := io.ReadFull(h.nc, rest); err != nil {
			t.Fatal(err)
		}
		h.info.Prefix = append(h.info.Prefix, rest...)
		want := ConnInfo{Remote: addrPort(c.LocalAddr()), Local: addr, Prefix: []byte("\x00\x00\x00\x08abc")}
		if diff := cmp.Diff(want, h.info, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		_ = h.nc.Close()

		dial(t, addr, v2(1, 0x11, v2IPv4+"\xea\x00\x03vpc")+"\x00\x00")
		h = <-got
		if h.info.Remote.String() != "10.0.0.1:12345" || h.info.Local.String() != "10.0.0.2:10911" || string(h.info.TLVs[0xea]) != "vpc" || !h.info.Via.IsLoopback() {
			t.Errorf("behind a PROXY header: %+v", h.info)
		}
		_ = h.nc.Close()

		c = dial(t, addr, "PROXY TCP4 9.9.9.9 5.6.7.8 99 2\r\nGET /health HTTP/1.0\r\n\r\n")
		if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "\r\n\r\n/health 9.9.9.9:99") {
			t.Errorf("HTTP answer %q, %v", b, err)
		}

		for first, line := range map[string]string{
			"\x16\x03\x01\x02\x00": "TLS is not served here", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "gRPC (HTTP/2) is not served",
			"PROXY nonsense\r\n": "handshake failed",
		} {
			c = dial(t, addr, first)
			if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("%q: still open", first)
			}
			if !strings.Contains(log.String(), line) {
				t.Errorf("%q: no line %q in the log\n%s", first, line, log.String())
			}
		}
	}
}

func TestIPv6AndIPv4(t *testing.T) {
	got := make(chan ConnInfo, 1)
	s, _ := start(t, Options{Addrs: []string{":0"}, Remoting: func(nc net.Conn, info ConnInfo) { got <- info; _ = nc.Close() }})
	port := s.Addrs()[0].Port()
	dial(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), "\x00")
	if info := <-got; !info.Remote.Addr().Is4() || !info.Local.Addr().Is4() {
		t.Errorf("IPv4 client: %+v", info)
	}
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on this machine: ", err)
	}
	_ = probe.Close()
	dial(t, netip.AddrPortFrom(netip.IPv6Loopback(), port), "\x00")
	if info := <-got; info.Remote.Addr() != netip.IPv6Loopback() {
		t.Errorf("IPv6 client: %+v", info)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a peer that says little, slowly
		client, nc := net.Pipe()
		var drip sync.WaitGroup
		drip.Go(func() {
			for _, b := range []byte("PROXY TCP4 1.2.3.4") {
				if _, err := client.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		begin := time.Now()
		_ = nc.SetReadDeadline(begin.Add(10 * time.Second))
		_, err := sniff(nc, nil, &ConnInfo{})
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		_ = nc.Close()
		drip.Wait()
	})
	s, log := start(t, Options{HandshakeTimeout: time.Millisecond})
	c := dial(t, s.Addrs()[0], "") // a byte that nobody reads before the close would make a reset of it
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a silent connection: %v", err)
	}
	if !strings.Contains(log.String(), "did not say within the handshake time what it speaks") {
		t.Errorf("log %q", log.String())
	}
}

func TestTooManyConnections(t *testing.T) {
	got := make(chan net.Conn, 3)
	s, log := start(t, Options{MaxConns: 1, Remoting: func(nc net.Conn, _ ConnInfo) { got <- nc }})
	dial(t, s.Addrs()[0], "\x00")
	first := <-got
	c := dial(t, s.Addrs()[0], "")
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || !strings.Contains(log.String(), "too many connections") {
		t.Errorf("second connection: %v, log %q", err, log.String())
	}
	_ = first.Close()
	_ = first.Close() // counts once
	if n := s.Open(); n != 0 {
		t.Errorf("%d connections open", n)
	}
	dial(t, s.Addrs()[0], "\x00")
	_ = (<-got).Close()
}

func TestCloseEndsEverything(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s, _ := start(t, Options{HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(inside); <-leave })})
	addr := s.Addrs()[0]
	silent := dial(t, addr, "PR")
	request := dial(t, addr, "GET / HTTP/1.0\r\n\r\n")
	<-inside
	done := make(chan error)
	go func() { done <- s.Close(context.Background()) }()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a connection in the handshake outlived Close")
	}
	close(leave)
	if b, err := io.ReadAll(request); err != nil || !strings.HasPrefix(string(b), "HTTP/1.0 200") {
		t.Errorf("the running request got %q, %v", b, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr.String()); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestNewRefuses(t *testing.T) {
	remoting := func(net.Conn, ConnInfo) {}
	check := func(o Options, want string) {
		t.Helper()
		if s, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, %v, want %q", s, err, want)
		}
	}
	check(Options{Remoting: remoting}, "no address given")
	check(Options{Addrs: []string{"127.0.0.1:0"}}, "no handler for remoting")
	check(Options{Addrs: []string{"127.0.0.1:0", "127.0.0.1:99999"}, Remoting: remoting}, "listen on 127.0.0.1:99999")
	taken, _ := start(t, Options{})
	check(Options{Addrs: []string{taken.Addrs()[0].String()}, Remoting: remoting}, "listen on "+taken.Addrs()[0].String())
}

// TestLoopbackIsNotClaimed: what is given to this machine alone must not be had by a header.
func TestLoopbackIsNotClaimed(t *testing.T) {
	f := func(peer, claimed string, want bool) {
		t.Helper()
		if err := believable(netip.MustParseAddr(peer), netip.MustParseAddr(claimed)); (err == nil) != want {
			t.Errorf("%s claims %s: %v, want believed %v", peer, claimed, err, want)
		}
	}
	f("192.0.2.1", "198.51.100.7", true)
	f("127.0.0.1", "198.51.100.7", true)
	f("127.0.0.1", "127.0.0.5", true)
	f("::1", "127.0.0.1", true)
	f("192.0.2.1", "192.0.2.1", true)
	f("192.0.2.1", "127.0.0.1", false)
	f("192.0.2.1", "::1", false)
	f("2001:db8::1", "::ffff:127.0.0.1", false)
}

// TestHTTP2IsHandedOver gives a connection that speaks HTTP/2 away, with all its bytes and the addresses of its PROXY header.
func TestHTTP2IsHandedOver(t *testing.T) {
	got := make(chan net.Conn, 1)
	s, _ := start(t, Options{HTTP2: func(nc net.Conn) { got <- nc }})
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	dial(t, s.Addrs()[0], "PROXY TCP4 9.9.9.9 5.6.7.8 99 2\r\n"+preface)
	nc := <-got
	b := make([]byte, len(preface))
	if _, err := io.ReadFull(nc, b); err != nil || string(b) != preface {
		t.Errorf("%q, %v", b, err)
	}
	if nc.RemoteAddr().String() != "9.9.9.9:99" || nc.LocalAddr().String() != "5.6.7.8:2" {
		t.Errorf("from %s to %s", nc.RemoteAddr(), nc.LocalAddr())
	}
	_ = nc.Close()
}
