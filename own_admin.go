package aerobee

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/listen"
)

// ownAdmin asks the brokers of the node's cluster on behalf of who uses the node's HTTP interface. It begins with the first request.
type ownAdmin struct {
	mu     sync.Mutex
	admin  *admin.Admin // guarded by mu, as closed
	closed bool
	life   context.Context // ends with the node
	end    context.CancelFunc
}

func (o *ownAdmin) init() { o.life, o.end = context.WithCancel(context.Background()) }

var errStopping = errors.New("the node is stopping")

// askBrokers returns the node's own Admin.
func (s *Server) askBrokers() (*admin.Admin, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if s.own.closed {
		return nil, errStopping
	}
	var err error
	if s.own.admin == nil { // questions go to its own NameServer, which answers at once; changes go to all
		s.own.admin, err = admin.New(admin.Options{NameServers: s.nameServers(), Dial: s.dialOwn, Sign: s.signer(), SignTo: s.signsTo, Logger: s.log})
	}
	return s.own.admin, err
}

// nameServers are those that know the node's cluster, its own first.
func (s *Server) nameServers() []string {
	var out []string
	if s.nameserver != nil {
		out = append(out, s.Addr())
	}
	if s.broker == nil && s.nameserver == nil {
		return append(out, s.cfg.Namesrv...)
	}
	return append(out, s.others...)
}

// dialOwn connects to this node without a socket, whatever its listeners ask of strangers, and to others as the node does for its clients.
func (s *Server) dialOwn(ctx context.Context, addr string) (net.Conn, error) {
	to, own := s.leadsHere(addr)
	if !own {
		return s.dialOther(ctx, addr)
	}
	here, there := net.Pipe()
	s.gate.pass(there, listen.ConnInfo{Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0), Local: to, Own: true})
	return here, nil
}

// dialOther connects to another node: in the clear, unless the settings say that connections to the cluster are encrypted.
func (s *Server) dialOther(ctx context.Context, addr string) (net.Conn, error) {
	if s.outward != nil {
		return s.outward(ctx, addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// signsTo is the [cluster.SignTo] of what the node asks brokers: it signs towards itself, its NameServers and the addresses of --admin-from alone. Whoever reaches a
// NameServer can register a broker there, and a signature may be said again with another request.
func (s *Server) signsTo(addr string, to net.Addr) error {
	if s.isNode(addr) || slices.Contains(s.nameServers(), addr) {
		return nil
	}
	led, _ := netip.ParseAddrPort(to.String()) // of what is no address nothing is
	ip := led.Addr().Unmap().WithZone("")
	from, _ := s.cfg.AdminPrefixes() // which Validate has refused where it cannot be read
	if slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return fmt.Errorf("the request was not signed, since %.255s, which leads to %s, is not trusted: it is neither this node, nor one of its NameServers, nor at an address of --admin-from; "+
		"if it is yours, start this node with --admin-from %[2]s", addr, ip)
}

// leadsHere reports whether "host:port" leads to this node, and to which of its addresses. A name that it does not advertise is another's.
func (s *Server) leadsHere(addr string) (netip.AddrPort, bool) {
	for _, r := range s.addr.rules {
		if r.Name != "" && addr == r.Told(s.addr.canonical.Port()) {
			return s.addr.canonical, true
		}
	}
	to, err := netip.ParseAddrPort(addr)
	return to, err == nil && s.isOwn(to)
}

// isNode reports whether "host:port" leads to this node.
func (s *Server) isNode(addr string) bool {
	_, own := s.leadsHere(addr)
	return own
}

// isOwn reports whether an address is one by which this node is known, or at which it listens.
func (s *Server) isOwn(to netip.AddrPort) bool {
	if to == s.addr.canonical {
		return true
	}
	for _, r := range s.addr.rules {
		if r.Addr == to.Addr() && (r.Port == to.Port() || r.Port == 0 && to.Port() == s.addr.canonical.Port()) {
			return true
		}
	}
	for _, l := range s.listeners.Addrs() {
		if l.Port() == to.Port() && (l.Addr() == to.Addr() || l.Addr().IsUnspecified() && to.Addr().IsLoopback()) {
			return true
		}
	}
	return false
}

// close ends what the Admin has under way.
func (o *ownAdmin) close() error {
	o.mu.Lock()
	a := o.admin
	o.admin, o.closed = nil, true
	o.mu.Unlock()
	o.end()
	if a == nil {
		return nil
	}
	return a.Close()
}
