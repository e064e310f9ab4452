package listen

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
)

// origins counts the connections of each address. Memory is bounded by the connections that are open.
type origins struct {
	mu   sync.Mutex // guards open, and at and gone of all origins
	open map[netip.Prefix]int
}

// origin is whom one connection is counted for: the other side of its socket, until a PROXY header says who it is. So a load balancer's
// connections count for those behind it. Whoever can reach a port can write such a header, and be counted as whom he likes, up to the limit of
// all connections.
type origin struct {
	all  *origins
	at   netip.Prefix // invalid before the first comes, and when it has left
	gone bool
}

// tooManyError refuses a connection beyond the limit of its address.
type tooManyError struct {
	from       netip.Prefix
	have, most int
}

func (e *tooManyError) Error() string {
	return fmt.Sprintf("too many connections of %s (maxConnectionsPerAddress): %d, the limit is %d", e.from, e.have, e.most)
}

// comes counts the connection for an address, and no more for the one before. Beyond most it returns a [*tooManyError], and the connection counts for
// nobody.
func (o *origin) comes(addr netip.Addr, most int) error {
	to := ratelimit.Network(addr)
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	if o.gone {
		return net.ErrClosed
	}
	o.dropLocked()
	if have := o.all.open[to]; have >= most {
		return &tooManyError{from: to, have: have + 1, most: most}
	}
	if o.all.open == nil {
		o.all.open = map[netip.Prefix]int{}
	}
	o.at = to
	o.all.open[to]++
	return nil
}

// leave stops counting the connection. It may be called on nil.
func (o *origin) leave() {
	if o == nil {
		return
	}
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	o.gone = true
	o.dropLocked()
}

func (o *origin) dropLocked() {
	if n := o.all.open[o.at]; n > 1 {
		o.all.open[o.at] = n - 1
	} else {
		delete(o.all.open, o.at)
	}
	o.at = netip.Prefix{}
}

// refuseOrigin closes a connection beyond the limit of its address.
func (s *Server) refuseOrigin(c net.Conn, err error, peer string) {
	s.log.Warn("listen: connection refused: "+err.Error(), "peer", peer)
	_ = c.Close()
}
