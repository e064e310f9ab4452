package listen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Protocols are what connections inside TLS may agree on by ALPN, the preferred first. A client of gRPC offers h2 alone. What offers both,
// a browser or curl, wants HTTP's pages, which are served by HTTP/1. Remoting clients offer nothing, and what is spoken is
// recognised by the first bytes all the same.
func Protocols() []string { return []string{"http/1.1", "h2"} }

// tlsCounts counts TLS handshakes.
type tlsCounts struct{ done, failed atomic.Int64 }

// Handshakes are the TLS handshakes that succeeded and that failed.
func (s *Server) Handshakes() (done, failed int64) { return s.tls.done.Load(), s.tls.failed.Load() }

// closingTime bounds what a connection inside TLS may take to say goodbye. Who closes it may be answering others.
const closingTime = time.Millisecond

// secured is a connection inside TLS. It hides the TCP connection's own methods, which would pass by the encryption.
type secured struct {
	*tls.Conn
	wire *wire
}

// Close says goodbye if that need not wait, ends reads and writes, and closes the connection.
func (c *secured) Close() error {
	c.wire.closing.Store(true)
	// What holds tls.Conn's locks in a write to a full socket must let go of them: without this, an answer to a request for new keys
	// that the client does not take would hold the close up for ever.
	_ = c.wire.conn.SetWriteDeadline(time.Now().Add(closingTime))
	return c.Conn.Close()
}

// wire is what a [secured] connection reads and writes: the TCP connection with the bytes that were read already in front.
type wire struct {
	*conn
	prefix  []byte
	closing atomic.Bool
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.prefix) > 0 {
		n := copy(b, w.prefix)
		if w.prefix = w.prefix[n:]; len(w.prefix) == 0 {
			w.prefix = nil
		}
		return n, nil
	}
	return w.conn.Read(b)
}

// SetWriteDeadline sets the time for writes; tls.Conn's close would wait for five seconds.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if latest := time.Now().Add(closingTime); w.closing.Load() && t.After(latest) {
		t = latest
	}
	return w.conn.SetWriteDeadline(t)
}

// tlsError is a TLS handshake that failed, with the rule that it failed by.
type tlsError struct {
	rule string
	err  error
}

func (e *tlsError) Error() string { return "TLS: " + e.rule + ": " + e.err.Error() }

func (e *tlsError) Unwrap() error { return e.err }

// secure does the TLS handshake with a client and finds out what it speaks inside, all within the handshake time. It fills in info.
func (s *Server) secure(c *conn, info *ConnInfo) (net.Conn, kind, error) {
	config := s.opts.TLS()
	w := &wire{conn: c, prefix: info.Prefix}
	nc := &secured{Conn: tls.Server(w, config), wire: w}
	if err := c.SetDeadline(c.until); err != nil {
		return c, undecided, err
	}
	if err := nc.Handshake(); err != nil {
		s.tls.failed.Add(1)
		if errors.Is(err, net.ErrClosed) {
			return c, undecided, err
		}
		return c, undecided, &tlsError{rule: s.rule(err, config), err: err}
	}
	s.tls.done.Add(1)
	info.Prefix, info.Secure = nil, true
	if state := nc.ConnectionState(); len(state.VerifiedChains) > 0 {
		info.Subject = state.PeerCertificates[0].Subject.String()
		if s.opts.User != nil {
			info.User = s.opts.User(state.PeerCertificates[0])
		}
	}
	k, err := sniff(nc, nil, info)
	if err == nil && k == secure {
		err = errors.New("TLS inside TLS")
	}
	return nc, k, err
}

// rule says by which rule a handshake failed.
func (s *Server) rule(err error, config *tls.Config) string {
	var remote *net.OpError
	var header tls.RecordHeaderError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("the handshake was not done within the handshake time of %v", s.opts.HandshakeTimeout)
	case errors.As(err, &unverified):
		return "the client's certificate was issued by nobody in tls.server.trustCertPath, or does not hold"
	case strings.Contains(err.Error(), "didn't provide a certificate"):
		return "a certificate is demanded of clients (tls.server.need.client.auth=require), and it shows none"
	case strings.Contains(err.Error(), "unsupported versions"):
		return "TLS 1.2 is the least that is served"
	case strings.Contains(err.Error(), "application protocols"):
		return "the client offers by ALPN none of " + strings.Join(config.NextProtos, ", ")
	case errors.As(err, &header):
		return "what follows the first byte is not TLS"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "the client breaks off; does it trust the certificate of tls.server.certPath?"
	case errors.Is(err, io.EOF):
		return "the client went away in the handshake; does it trust the certificate of tls.server.certPath?"
	}
	return "the handshake failed"
}
