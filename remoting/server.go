package remoting

import (
	"context"
	"fmt"
	"iter"
	"net"
	"sync"
	"time"
)

// Server is the serving side: it owns the connections that [Server.Serve] is given, until [Server.Shutdown].
type Server struct {
	host *host

	mu      sync.Mutex
	conns   map[*Conn]struct{} // guarded by mu
	locals  int                // how many of conns have no socket; guarded by mu
	closed  bool               // guarded by mu
	reading sync.WaitGroup     // readers that still take requests; added to under mu while not closed
}

// NewServer returns a server without connections.
func NewServer(o Options) *Server {
	return &Server{host: newHost(o), conns: map[*Conn]struct{}{}}
}

// Serve takes a connection over and returns at once. Beyond MaxConns, or after [Server.Drain], the connection is closed.
func (s *Server) Serve(nc net.Conn, info ConnInfo) {
	c := newConn(s.host, nc, info)
	c.server = s
	s.mu.Lock()
	if s.closed || len(s.conns) >= s.host.MaxConns {
		closed, n := s.closed, len(s.conns)
		s.mu.Unlock()
		if !closed {
			c.refuse("too many connections (maxConnections)", int64(n)+1, int64(s.host.MaxConns))
		}
		_ = c.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.reading.Add(1)
	s.mu.Unlock()
	c.holdRate()
	if !c.spawn(c.run) { // somebody who walks over Conns has closed it already
		s.reading.Done()
		s.remove(c)
	}
}

func (s *Server) remove(c *Conn) {
	c.releaseRate()
	s.mu.Lock()
	if _, ok := s.conns[c]; ok && c.local != nil {
		s.locals--
	}
	delete(s.conns, c)
	s.mu.Unlock()
	s.host.moved()
}

// Conns are the connections open now.
func (s *Server) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range s.snapshot() {
			if !yield(c) {
				return
			}
		}
	}
}

func (s *Server) snapshot() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// Drain stops taking requests, on all connections, and returns when the last handler has returned. Connections stay open and
// answers still go out: the caller may now finish what it has accepted. Calling it again is harmless.
func (s *Server) Drain() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.host.draining.Store(true)
	for _, c := range s.snapshot() {
		if c.local != nil {
			c.local.drained()
			continue
		}
		_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
	s.reading.Wait()
}

// Shutdown drains, waits until every request is answered, every answer is written and every task is done, or ctx ends, then
// closes all connections and waits for their goroutines. It returns ctx's error if it had to cut something off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	err := s.settle(ctx)
	for _, c := range s.snapshot() {
		_ = c.Close()
	}
	s.host.wg.Wait()
	return err
}

func (s *Server) settle(ctx context.Context) error {
	for {
		unanswered, pending := int64(0), int64(0)
		for _, c := range s.snapshot() {
			unanswered += max(0, c.unanswered.Load())
			pending += c.PendingBytes()
		}
		tasks := s.host.tasks.Load()
		if unanswered == 0 && pending == 0 && tasks == 0 {
			return nil
		}
		select {
		case <-s.host.progress:
		case <-ctx.Done():
			return fmt.Errorf("remoting: closed with %d requests unanswered, %d bytes unsent, %d tasks running: %w",
				unanswered, pending, tasks, ctx.Err())
		}
	}
}
