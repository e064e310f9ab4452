package listen

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"strings"
	"testing"
)

// TestUserOfACertificate: whose a connection is comes from a certificate that was verified, and from nothing else.
func TestUserOfACertificate(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	got := make(chan ConnInfo, 1)
	s, _ := start(t, Options{
		TLS:  a.serving(tls.VerifyClientCertIfGiven),
		User: func(c *x509.Certificate) string { return strings.ToUpper(c.Subject.CommonName) },
		Remoting: func(nc net.Conn, info ConnInfo) {
			got <- info
			_ = nc.Close()
		},
		HTTP2: func(nc net.Conn) {
			_, _, user := nc.(interface{ Peer() (bool, string, string) }).Peer()
			got <- ConnInfo{User: user}
			_ = nc.Close()
		},
	})
	addr := s.Addrs()[0]
	const remoting, grpc = "\x00\x00\x00\x08abc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// The header of a load balancer that claims to have verified a certificate of admin: SSL, with the client's common name.
	claim := string([]byte{1, 0, 0, 0, 0, 0x22, 0, 5}) + "admin"
	claim = v2(1, 0x11, v2IPv4+"\x20\x00"+string(rune(len(claim)))+claim)
	f := func(before string, certs []tls.Certificate, says, want string) {
		t.Helper()
		nc := dial(t, addr, before)
		if certs != nil {
			nc = tls.Client(nc, &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1", Certificates: certs})
		}
		if _, err := io.WriteString(nc, says); err != nil {
			t.Fatal(err)
		}
		if info := <-got; info.User != want {
			t.Errorf("the connection is %q's, want %q", info.User, want)
		}
		_ = nc.Close()
	}
	orders := []tls.Certificate{a.issue(pkix.Name{CommonName: "orders"})}
	for _, says := range []string{remoting, grpc} {
		f("", orders, says, "ORDERS")
		f("", []tls.Certificate{}, says, "")
		f("", nil, says, "")
		f(claim, nil, says, "")
		f(claim, []tls.Certificate{}, says, "")
		f(claim, orders, says, "ORDERS")
	}
	nc := tls.Client(dial(t, addr, ""), &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1", GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		stranger := other.issue(pkix.Name{CommonName: "orders"})
		return &stranger, nil
	}})
	if _, err := io.WriteString(nc, remoting); err == nil {
		_, err = nc.Read(make([]byte, 1))
		if err == nil {
			t.Error("a certificate of another authority is taken")
		}
	}
	if len(got) > 0 {
		t.Errorf("handed over: %+v", <-got)
	}
}
