package interop

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patienceLimit is how long the server may bear with a connection that does not get on. Its own limits are 10 s, and 20 s for a body.
const patienceLimit = 30 * time.Second

// patients are connections that begin something and do not go on with it, while other attacks go on. The server must close them all.
type patients struct {
	begun   time.Time
	open    atomic.Int64
	waiting sync.WaitGroup

	mu    sync.Mutex // guards what follows
	stays []string   // what the server has not closed in time
}

// preface begins HTTP/2.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// clientHello is the first record of a TLS handshake, as Go's client sends it.
func clientHello() []byte {
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake() // it ends when the pipe does
	}()
	hello := make([]byte, 16<<10)
	n, _ := far.Read(hello)
	far.Close()
	near.Close()
	return hello[:n]
}

func startPatience(t *testing.T, addr string) *patients {
	t.Helper()
	p := &patients{begun: time.Now()}
	hello := clientHello()
	for what, begun := range map[string]string{
		"nothing": "", "a word": "GET", "half a line": "GET /health HT", "a line": "GET /health HTTP/1.1\r\n", "half a header": "GET /health HTTP/1.1\r\nHost: x\r\nX-Y: ",
		"half a body":       "PUT /api/v1/topics/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"no body":           "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"half a chunk":      "PUT /api/v1/topics/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
		"half an HTTP/2":    preface[:20],
		"HTTP/2 alone":      preface,
		"half a PROXY":      "PROXY TCP4 1.2.3.4",
		"half a PROXY v2":   "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff",
		"a TLS record":      "\x16\x03\x01\x40\x00",
		"half a handshake":  string(hello[:len(hello)/2]),
		"half of one in it": string(hello),
	} {
		for range 10 {
			conn, err := net.DialTimeout("tcp", addr, attackLimit)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, begun); err != nil {
				t.Fatal(err)
			}
			p.open.Add(1)
			p.waiting.Go(func() { p.watch(what, conn) })
		}
	}
	t.Cleanup(p.waiting.Wait)
	return p
}

// watch reads until the server closes the connection.
func (p *patients) watch(what string, conn net.Conn) {
	defer p.open.Add(-1)
	defer conn.Close()
	conn.SetReadDeadline(p.begun.Add(patienceLimit))
	_, err := io.Copy(io.Discard, conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		p.mu.Lock()
		p.stays = append(p.stays, what)
		p.mu.Unlock()
	}
}

// left is how many connections are open.
func (p *patients) left() int {
	if p == nil {
		return 0
	}
	return int(p.open.Load())
}

// wait waits until the server has closed all, or should have.
func (p *patients) wait(t *testing.T) {
	t.Helper()
	p.waiting.Wait()
	counts := map[string]int{}
	for _, what := range p.stays {
		counts[what]++
	}
	for what, n := range counts {
		t.Errorf("%d connections that brought %s are open after %v", n, what, patienceLimit)
	}
}

func socketAttacks() []attack {
	return []attack{
		{"slow clients", (*victim).slowClients},
		{"TLS handshakes", (*victim).handshakes},
		{"PROXY headers", (*victim).proxyHeaders},
		{"bytes of nothing", (*victim).garbage},
		{"connections that come and go", (*victim).comeAndGo},
		{"answers that nobody reads", (*victim).unread},
	}
}

// slowClients bring a byte at a time, in each protocol. Meanwhile the others are served.
func (v *victim) slowClients() {
	var conns []net.Conn
	var texts []string
	for _, text := range []string{string(asked(codeSend, 1, sendFields(), bytes.Repeat([]byte("x"), 1000))), "GET /metrics HTTP/1.1\r\nHost: " + strings.Repeat("x", 1000), preface + string(http2Request(1, "/grpc.health.v1.Health/Check", 0)), string(clientHello())} {
		for range 100 {
			conns, texts = append(conns, v.dial()), append(texts, text)
		}
	}
	for at := range 20 {
		for i, conn := range conns {
			if at < len(texts[i]) {
				conn.Write([]byte(texts[i][at : at+1])) // the server may have had enough
			}
		}
		if at%10 == 9 {
			v.served()
		}
	}
	for _, conn := range conns {
		conn.Close()
	}
}

// handshakes end in their middle, or are none.
func (v *victim) handshakes() {
	hello := clientHello()
	record := func(kind byte, version uint16, length int, text string) []byte {
		b := binary.BigEndian.AppendUint16([]byte{kind}, version)
		return append(binary.BigEndian.AppendUint16(b, uint16(length)), text...)
	}
	for cut := 1; cut < len(hello); cut += 7 {
		conn := v.dial()
		conn.Write(hello[:cut])
		conn.Close()
	}
	for what, b := range map[string][]byte{
		"an empty record":       record(0x16, 0x0301, 0, ""),
		"many empty records":    bytes.Repeat(record(0x16, 0x0301, 0, ""), 10_000),
		"a record of 64 KiB":    append(record(0x16, 0x0301, 0xffff, ""), make([]byte, 0xffff)...),
		"SSL 2":                 record(0x16, 0x0002, 10, "0123456789"),
		"an unknown version":    record(0x16, 0x7f7f, 10, "0123456789"),
		"a message of 16 MiB":   append(record(0x16, 0x0301, 0x4000, "\x01\xff\xff\xff"), make([]byte, 0x4000-4)...),
		"nothing but a hello":   append(bytes.Clone(hello), "GET / HTTP/1.1\r\n\r\n"...),
		"two hellos":            append(bytes.Clone(hello), hello...),
		"an alert":              append(bytes.Clone(hello), record(0x15, 0x0303, 2, "\x02\x28")...),
		"many warnings":         append(bytes.Clone(hello), bytes.Repeat(record(0x15, 0x0303, 2, "\x01\x5a"), 10_000)...),
		"many changes of keys":  append(bytes.Clone(hello), bytes.Repeat(record(0x14, 0x0303, 1, "\x01"), 10_000)...),
		"data before the hello": append(record(0x17, 0x0303, 5, "hello"), hello...),
	} {
		conn := v.dial()
		conn.Write(b) // the server may close it before the end
		if err := conn.(*net.TCPConn).CloseWrite(); err == nil {
			v.gone(what, conn)
		}
		conn.Close()
	}
	var begun []net.Conn
	for range 200 {
		conn := v.dial()
		conn.Write(hello[:len(hello)/2])
		begun = append(begun, conn)
	}
	v.served()
	for _, conn := range begun {
		conn.Close()
	}
	secure, err := tls.Dial("tcp", v.s.broker, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateFreelyAsClient})
	if err != nil {
		v.t.Fatal(err)
	}
	defer secure.Close()
	secure.SetDeadline(time.Now().Add(attackLimit))
	secure.Write(askedLast())
	if opaque, code, err := readOpaque(secure); err != nil || opaque != lastOpaque || code != 0 {
		v.t.Errorf("inside TLS: number %d, code %d, %v", opaque, code, err)
	}
}

// proxyHeaders lie about whom they speak for, or have no end.
func (v *victim) proxyHeaders() {
	v2 := "\r\n\r\n\x00\r\nQUIT\n"
	for what, text := range map[string]string{
		"no end":            "PROXY " + strings.Repeat("x", 1<<20),
		"no addresses":      "PROXY TCP4\r\n",
		"a port of 70000":   "PROXY TCP4 1.2.3.4 1.2.3.4 70000 70000\r\n",
		"a negative port":   "PROXY TCP4 1.2.3.4 1.2.3.4 -1 -1\r\n",
		"names":             "PROXY TCP4 localhost ../../etc 1 1\r\n",
		"two":               "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\nPROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
		"a thousand":        strings.Repeat("PROXY UNKNOWN\r\n", 1000),
		"v2 too short":      v2 + "\x21\x11\x00\x02ab",
		"v2 of a version 0": v2 + "\x01\x11\x00\x0c" + strings.Repeat("a", 12),
		"v2, TLV too long":  v2 + "\x21\x11\x00\x10" + strings.Repeat("\x01", 12) + "\x01\xff\xff\x00",
	} {
		conn := v.dial()
		io.WriteString(conn, text) // the server may close it before the end
		v.gone("PROXY: "+what, conn)
	}
}

// garbage is no protocol at all: a pattern of bytes behind each first byte.
func (v *victim) garbage() {
	var conns []net.Conn
	for first := range 256 {
		conn := v.dial()
		text := []byte{byte(first)}
		for i := range 5000 {
			text = append(text, byte(i*i+first*31))
		}
		conn.Write(text)
		conn.(*net.TCPConn).CloseWrite()
		conns = append(conns, conn)
	}
	for first, conn := range conns {
		v.gone(fmt.Sprintf("%#x and so on", first), conn)
	}
}

// comeAndGo are more connections than anybody needs, ended by a reset.
func (v *victim) comeAndGo() {
	for i := range 3000 {
		conn := v.dial()
		if i%3 == 0 {
			conn.Write(askedLast())
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// unread asks for much, in each protocol, and reads none of it.
func (v *victim) unread() {
	ask := bytes.Repeat(append(asked(106, 1, nil, nil), asked(codeGetRoute, 1, map[string]string{"topic": hostileTopic}, nil)...), 500)
	page := bytes.Repeat([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 500)
	for range 10 {
		for _, text := range [][]byte{ask, page} {
			conn := v.dial()
			conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // until nothing more is taken
			for range 20 {
				if _, err := conn.Write(text); err != nil {
					break
				}
			}
		}
	}
	v.served()
}
