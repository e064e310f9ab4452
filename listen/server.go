package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
)

// Server owns the listening sockets and every connection whose protocol is not known yet.
type Server struct {
	opts      Options
	listeners []net.Listener
	http      *http.Server
	httpConns *httpListener
	open      atomic.Int64 // connections accepted and not closed
	origins   origins
	tls       tlsCounts
	stop      chan struct{}
	accepting sync.WaitGroup // accept loops; handshakes; the HTTP server
	log       *quietlog.Limiter

	mu      sync.Mutex
	unknown map[*conn]struct{} // connections in the handshake; guarded by mu
	closed  bool               // guarded by mu
}

// New opens all addresses and begins to accept. If one cannot be opened, none stays open.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts:    o,
		stop:    make(chan struct{}),
		unknown: map[*conn]struct{}{},
		log:     quietlog.New(o.Logger),
	}
	for _, addr := range o.Addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			for _, open := range s.listeners {
				_ = open.Close()
			}
			return nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
		s.listeners = append(s.listeners, l)
	}
	if o.HTTP != nil {
		s.serveHTTP()
	}
	for _, l := range s.listeners {
		s.accepting.Go(func() { s.accept(l) })
	}
	return s, nil
}

func (s *Server) serveHTTP() {
	s.http = &http.Server{
		Handler:           bodiesInTime(s.opts.HTTP, 2*s.opts.HandshakeTimeout),
		ReadHeaderTimeout: s.opts.HandshakeTimeout,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, peerKey{}, c) },
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
	}
	s.httpConns = &httpListener{conns: make(chan net.Conn), stop: make(chan struct{}), addr: s.listeners[0].Addr()}
	s.accepting.Go(func() {
		if err := s.http.Serve(s.httpConns); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Logger.Error("listen: the HTTP server ended", "error", err)
		}
	})
}

// Addrs are the addresses listened on, in the order of Options.Addrs, with the ports that the system chose for port 0.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = addrPort(l.Addr())
	}
	return addrs
}

// Open is the number of connections of all kinds that are open now.
func (s *Server) Open() int64 { return s.open.Load() }

// Close stops accepting, closes connections that have not said what they speak, lets running HTTP requests finish until ctx
// ends, and waits for its goroutines. Remoting connections belong to whom they were given. Its error is ctx's.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	waiting := make([]*conn, 0, len(s.unknown))
	for c := range s.unknown {
		waiting = append(waiting, c)
	}
	s.mu.Unlock()
	close(s.stop)
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, c := range waiting {
		_ = c.Close()
	}
	var err error
	if s.http != nil {
		if err = s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close()
			err = fmt.Errorf("listen: running HTTP requests were cut off: %w", err)
		}
	}
	s.accepting.Wait()
	return err
}

// accept is one listener's loop. A failing accept (no file descriptors left) is repeated with growing pauses: the listener
// itself stays good.
func (s *Server) accept(l net.Listener) {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.admit(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Warn("listen: cannot accept", "address", l.Addr().String(), "error", err, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
			return
		}
	}
}

func (s *Server) admit(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok { // a TCP listener gives nothing else
		_ = nc.Close()
		return
	}
	c := &conn{TCPConn: tcp, open: &s.open, from: &origin{all: &s.origins}}
	if n := s.open.Add(1); n > int64(s.opts.MaxConns) {
		s.log.Warn("listen: connection refused: too many connections (maxConnections)", "number", n, "limit", s.opts.MaxConns,
			"peer", nc.RemoteAddr().String())
		_ = c.Close()
		return
	}
	if err := c.from.comes(addrPort(nc.RemoteAddr()).Addr(), s.opts.MaxConnsPerAddr); err != nil {
		s.refuseOrigin(c, err, nc.RemoteAddr().String())
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = c.Close()
		return
	}
	s.unknown[c] = struct{}{}
	s.mu.Unlock()
	c.until = time.Now().Add(s.opts.HandshakeTimeout)
	_ = c.SetReadDeadline(c.until)
	s.accepting.Add(1)
	go s.await(c)
}

// await waits for a connection's first byte. It calls little, so that its stack need not grow: ten thousand may say nothing at once.
// Another goroutine, with a larger stack, then goes on in its place.
func (s *Server) await(c *conn) {
	n, err := c.TCPConn.Read(c.first[:])
	go s.handshake(c, n, err)
}

// handshake finds out what a connection speaks and hands it on. n and err are those of the read of the first byte.
func (s *Server) handshake(c *conn, n int, err error) {
	defer s.accepting.Done()
	info := ConnInfo{Remote: addrPort(c.TCPConn.RemoteAddr()), Local: addrPort(c.TCPConn.LocalAddr())}
	k := undecided
	if n > 0 {
		peer := info.Remote.Addr()
		if k, err = sniff(c, c.first[:n], &info); err == nil {
			err = believable(peer, info.Remote.Addr())
		}
		if err == nil && info.Remote.Addr() != peer {
			info.Via = peer
			err = c.from.comes(info.Remote.Addr(), s.opts.MaxConnsPerAddr)
		}
	} else {
		err = &incomplete{err: err}
	}
	var nc net.Conn = c
	if err == nil && k == secure && s.opts.TLS != nil {
		nc, k, err = s.secure(c, &info)
	} else if k != secure && s.opts.TLSOnly {
		k = plain
	}
	s.mu.Lock()
	delete(s.unknown, c)
	s.mu.Unlock()
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		s.giveUp(nc, info, err)
		return
	}
	switch {
	case k == remoting:
		s.opts.Remoting(nc, info)
	case k == http1 && s.http != nil:
		s.httpConns.give(&httpConn{Conn: nc, info: info, stall: stallTime})
	case k == http2 && s.opts.HTTP2 != nil:
		s.opts.HTTP2(&httpConn{Conn: nc, info: info})
	default:
		s.log.Warn("listen: connection refused: "+k.refusal(), "peer", info.Remote.String(), "address", info.Local.String())
		_ = nc.Close()
	}
}

// believable refuses a PROXY header by which somebody elsewhere claims to be on this machine: loopback peers may ask for more.
func believable(peer, claimed netip.Addr) error {
	if claimed.Unmap().IsLoopback() && !peer.IsLoopback() {
		return fmt.Errorf("PROXY header: %s claims to speak for %s, which is an address of this machine alone", peer, claimed)
	}
	return nil
}

// giveUp closes a connection whose handshake failed. Peers that come and go without a byte are health checks, and no news.
func (s *Server) giveUp(c net.Conn, info ConnInfo, err error) {
	got := -1
	if short := (*incomplete)(nil); errors.As(err, &short) {
		got = short.got
	}
	failed := (*tlsError)(nil)
	many := (*tooManyError)(nil)
	switch {
	case errors.As(err, &many):
		s.refuseOrigin(c, many, info.Remote.String())
	case errors.Is(err, net.ErrClosed):
	case errors.As(err, &failed):
		s.log.Warn("listen: connection closed: TLS: "+failed.rule, "error", failed.err, "peer", info.Remote.String())
	case got == 0 && errors.Is(err, io.EOF):
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.log.Warn("listen: connection closed: it did not say within the handshake time what it speaks", "bytes", got,
			"limit", s.opts.HandshakeTimeout, "peer", info.Remote.String())
	default:
		s.log.Warn("listen: connection closed: handshake failed", "error", err, "peer", info.Remote.String())
	}
	_ = c.Close()
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
