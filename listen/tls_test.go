package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	own := a.issue(pkix.Name{CommonName: "authority"})
	a.cert, a.key = own.Leaf, own.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate; the first one is the authority's own.
func (a *authority) issue(name pkix.Name) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: name, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: a.cert == nil, BasicConstraintsValid: true}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serving is what a server shows.
func (a *authority) serving(auth tls.ClientAuthType) func() *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(pkix.Name{CommonName: "server"})}, MinVersion: tls.VersionTLS12,
		NextProtos: Protocols(), ClientAuth: auth, ClientCAs: a.pool()}
	return func() *tls.Config { return config }
}

func TestTLSOnTheSamePort(t *testing.T) {
	a := newAuthority(t)
	type handed struct {
		nc   net.Conn
		info ConnInfo
	}
	got := make(chan handed, 1)
	s, log := start(t, Options{
		TLS:      a.serving(tls.VerifyClientCertIfGiven),
		Remoting: func(nc net.Conn, info ConnInfo) { got <- handed{nc, info} },
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			secure, subject := PeerOf(r.Context())
			fmt.Fprintf(w, "%s %s %t %s", r.URL.Path, r.RemoteAddr, secure, subject)
		}),
	})
	addr := s.Addrs()[0]
	inside := func(before string, config *tls.Config) *tls.Conn {
		t.Helper()
		config.RootCAs, config.ServerName = a.pool(), "127.0.0.1"
		c := tls.Client(dial(t, addr, before), config)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	remoting := func(c net.Conn, want ConnInfo) {
		t.Helper()
		if _, err := io.WriteString(c, "\x00\x00\x00\x08abc"); err != nil {
			t.Fatal(err)
		}
		h := <-got
		b := make([]byte, 7-len(h.info.Prefix))
		if _, err := io.ReadFull(h.nc, b); err != nil || string(h.info.Prefix)+string(b) != "\x00\x00\x00\x08abc" {
			t.Errorf("read %q behind %q, %v", b, h.info.Prefix, err)
		}
		if h.info.Secure != want.Secure || h.info.Subject != want.Subject || want.Remote.IsValid() && h.info.Remote != want.Remote {
			t.Errorf("%+v, want %+v", h.info, want)
		}
		if _, err := io.WriteString(h.nc, "answer"); err != nil {
			t.Error(err)
		}
		_ = h.nc.Close()
		if b, err := io.ReadAll(c); string(b) != "answer" || err != nil {
			t.Errorf("read %q, %v: a connection inside TLS ends with a goodbye", b, err)
		}
	}
	remoting(dial(t, addr, ""), ConnInfo{})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		remoting(inside("", &tls.Config{MaxVersion: version}), ConnInfo{Secure: true})
		remoting(inside("", &tls.Config{MaxVersion: version, Certificates: []tls.Certificate{a.issue(pkix.Name{CommonName: "orders", Organization: []string{"Shop"}})}}),
			ConnInfo{Secure: true, Subject: "CN=orders,O=Shop"})
		remoting(inside(v2(1, 0x11, v2IPv4), &tls.Config{MaxVersion: version}), ConnInfo{Secure: true, Remote: addrPortOf("10.0.0.1:12345")})
	}

	c := inside("PROXY TCP4 9.9.9.9 5.6.7.8 99 2\r\n", &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
	if p := c.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("a browser gets %q", p)
	}
	if _, err := io.WriteString(c, "GET /health HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "\r\n\r\n/health 9.9.9.9:99 true ") {
		t.Errorf("HTTP answer %q, %v", b, err)
	}
	c = inside("", &tls.Config{Certificates: []tls.Certificate{a.issue(pkix.Name{CommonName: "orders", Organization: []string{"Shop"}})}})
	if _, err := io.WriteString(c, "GET /who HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), " true CN=orders,O=Shop") {
		t.Errorf("a client with a certificate: %q, %v", b, err)
	}
	c = inside("", &tls.Config{NextProtos: []string{"h2"}})
	if p := c.ConnectionState().NegotiatedProtocol; p != "h2" {
		t.Errorf("a gRPC client gets %q", p)
	}
	if _, err := io.WriteString(c, "GET /last HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.Contains(string(b), "/last") {
		t.Errorf("HTTP/1 where h2 was agreed on: %q, %v", b, err)
	}
	if done, failed := s.Handshakes(); done != 9 || failed != 0 {
		t.Errorf("%d handshakes, %d failed\n%s", done, failed, log)
	}
}

func TestTLSRefusals(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	// refused starts a server, has a client try, and wants the connection closed with a line in the log.
	refused := func(o Options, try func(c net.Conn) error, line string, failed int64) {
		t.Helper()
		s, log := start(t, o)
		c := dial(t, s.Addrs()[0], "")
		if err := try(c); err == nil {
			t.Errorf("%s: it was served", line)
		}
		_, _ = io.Copy(io.Discard, c) // until the server has closed it, which it does last
		if !strings.Contains(log.String(), line) {
			t.Errorf("no line %q in the log\n%s", line, log)
		}
		if _, n := s.Handshakes(); n != failed {
			t.Errorf("%s: %d handshakes failed, want %d", line, n, failed)
		}
	}
	inside := func(config *tls.Config, say string) func(net.Conn) error {
		return func(nc net.Conn) error {
			config.ServerName = "127.0.0.1"
			if config.RootCAs == nil {
				config.RootCAs = a.pool()
			}
			c := tls.Client(nc, config)
			if err := c.Handshake(); err != nil {
				return err
			}
			_, _ = io.WriteString(c, say)
			_, err := c.Read(make([]byte, 1))
			return err
		}
	}
	saying := func(text string) func(net.Conn) error {
		return func(c net.Conn) error {
			_, _ = io.WriteString(c, text)
			_, err := c.Read(make([]byte, 1))
			return err
		}
	}
	optional := Options{TLS: a.serving(tls.VerifyClientCertIfGiven)}
	refused(Options{}, inside(&tls.Config{}, ""), "TLS is not served here (tls.server.mode=disabled)", 0)
	refused(Options{TLS: optional.TLS, TLSOnly: true}, saying("\x00\x00\x00\x08"), "only TLS is served here (tls.server.mode=enforcing)", 0)
	refused(optional, inside(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ""), "TLS 1.2 is the least that is served", 1)
	refused(optional, inside(&tls.Config{NextProtos: []string{"mqtt"}}, ""), "the client offers by ALPN none of http/1.1, h2", 1)
	refused(Options{TLS: a.serving(tls.RequireAndVerifyClientCert)}, inside(&tls.Config{}, ""), "a certificate is demanded of clients (tls.server.need.client.auth=require), and it shows none", 1)
	stranger := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert := other.issue(pkix.Name{CommonName: "stranger"})
		return &cert, nil
	}}
	refused(Options{TLS: a.serving(tls.RequireAndVerifyClientCert)}, inside(stranger, ""), "was issued by nobody in tls.server.trustCertPath", 1)
	refused(optional, inside(stranger, ""), "was issued by nobody in tls.server.trustCertPath", 1)
	refused(optional, inside(&tls.Config{RootCAs: other.pool(), MaxVersion: tls.VersionTLS12}, ""), "does it trust the certificate of tls.server.certPath?", 1)
	refused(optional, saying("\x16nonsense"), "what follows the first byte is not TLS", 1)
	refused(optional, inside(&tls.Config{}, "PROXY TCP4 127.0.0.1 5.6.7.8 99 2\r\n"), "a PROXY header inside TLS", 0)
	refused(optional, inside(&tls.Config{}, "\x16\x03\x01"), "TLS inside TLS", 0)
	refused(optional, inside(&tls.Config{NextProtos: []string{"h2"}}, "GET / HTTP/1.0\r\n\r\n"), "HTTP is not served on this listener", 0)
	quick := Options{TLS: optional.TLS, HandshakeTimeout: 50 * time.Millisecond}
	refused(quick, saying("\x16\x03\x01\x00"), "the handshake was not done within the handshake time of 50ms", 1)
	refused(quick, inside(&tls.Config{}, "GE"), "it did not say within the handshake time what it speaks", 0)
}

// TestTLSCloseDoesNotWait: a peer that takes nothing must not hold up who closes its connection.
func TestTLSCloseDoesNotWait(t *testing.T) {
	a := newAuthority(t)
	got := make(chan net.Conn, 1)
	s, _ := start(t, Options{TLS: a.serving(tls.NoClientCert), Remoting: func(nc net.Conn, _ ConnInfo) { got <- nc }})
	c := tls.Client(dial(t, s.Addrs()[0], ""), &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1"})
	if _, err := c.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	nc := <-got
	_ = nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for n := 0; ; n++ { // fill the socket, and have no write under way
		if _, err := nc.(*secured).wire.conn.Write(make([]byte, 64<<10)); err != nil {
			break
		}
	}
	begin := time.Now()
	_ = nc.Close()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the close took %v", took)
	}
}

func addrPortOf(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
