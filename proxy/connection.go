package proxy

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// maxConnClients bounds the clients that one connection carries: SDKs have one or a few, a gateway has more.
const maxConnClients = 100

// ends are a connection's remote and local address, by which requests know theirs.
type ends [2]netip.AddrPort

// connection is what one HTTP/2 connection carries. Guarded by the mutex of the clients.
type connection struct {
	open    int // sockets of these addresses
	clients []*client
}

// carriesLocked counts a client in with the connection of its request.
func (t *clients) carriesLocked(c *client, who backend.Client) error {
	n := t.conns[ends{who.Remote, who.Local}]
	if n == nil || slices.Contains(n.clients, c) {
		return nil
	}
	// What is forgotten under this id has no place any more.
	if i := slices.IndexFunc(n.clients, func(old *client) bool { return old.who.ID == who.ID }); i >= 0 {
		n.clients = slices.Delete(n.clients, i, i+1)
	}
	if len(n.clients) >= maxConnClients {
		n.clients = slices.DeleteFunc(n.clients, func(old *client) bool { return t.byID[old.who.ID] != old })
	}
	if len(n.clients) >= maxConnClients {
		return status.New(pb.Code_TOO_MANY_REQUESTS, "the connection carries %d client ids, the limit is %d", len(n.clients), maxConnClients)
	}
	n.clients = append(n.clients, c)
	c.carriers++
	return nil
}

// watched is a connection whose end is noticed.
type watched struct {
	net.Conn
	s    *Server
	at   ends
	once sync.Once
}

// watch makes a connection known until it is closed.
func (s *Server) watch(nc net.Conn) net.Conn {
	w := &watched{Conn: nc, s: s, at: ends{addrPort(nc.RemoteAddr()), addrPort(nc.LocalAddr())}}
	t := &s.clients
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.conns[w.at]
	if n == nil {
		n = &connection{}
		t.conns[w.at] = n
	}
	n.open++
	return w
}

// Via is described at [viaOf].
func (w *watched) Via() netip.Addr { return viaOf(w.Conn) }

// Peer is described at [peerOf].
func (w *watched) Peer() (secure bool, subject, user string) { return peerOf(w.Conn) }

// Socket is where it may be read past it, nil where it may not.
func (w *watched) Socket() syscall.Conn { return socketOf(w.Conn) }

// Close closes the connection. Clients that came by it and have no settings are forgotten with the next sweep, unless they come again.
func (w *watched) Close() error {
	w.once.Do(func() {
		t := &w.s.clients
		t.mu.Lock()
		defer t.mu.Unlock()
		n := t.conns[w.at]
		if n.open--; n.open > 0 {
			return
		}
		delete(t.conns, w.at)
		for _, c := range n.clients {
			c.carriers--
			c.adrift = c.carriers == 0
		}
	})
	return w.Conn.Close()
}
