package noun

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// hosts are the machines whose brokers may be sent a password: this one, and those of the NameServers that the operator named. Whoever reaches a
// NameServer can register a broker with it, so that it is registered does not tell whose a broker is.
type hosts struct {
	names []string // of NameServers, as given
	addrs []netip.Addr
}

// trustedHosts looks the machines up. A name that cannot be resolved leaves its addresses out.
func trustedHosts(ctx context.Context, nameServers []string) hosts {
	h := hosts{names: []string{"localhost"}}
	cards, _ := net.InterfaceAddrs() // without them there are loopback addresses yet
	for _, card := range cards {
		if p, err := netip.ParsePrefix(card.String()); err == nil {
			h.addrs = append(h.addrs, p.Addr().Unmap())
		}
	}
	for _, server := range nameServers {
		name, _, err := net.SplitHostPort(server)
		if err != nil {
			continue
		}
		h.names = append(h.names, name)
		found, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", name) // of an address it is that address
		for _, a := range found {
			h.addrs = append(h.addrs, a.Unmap().WithZone(""))
		}
	}
	return h
}

// has tells whether a "host:port" is on one of the machines. A broker's own name counts only where the operator has given the same: it may lead anywhere.
func (h *hosts) has(addr string) bool {
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if slices.ContainsFunc(h.names, func(n string) bool { return strings.EqualFold(n, name) }) {
		return true
	}
	a, err := netip.ParseAddr(name)
	a = a.Unmap().WithZone("")
	return err == nil && (a.IsLoopback() || slices.Contains(h.addrs, a))
}

// mayTell refuses to send a password to a broker that may be anybody's. named are those that --broker names.
func (h *hosts) mayTell(addr string, named []string) error {
	if slices.Contains(named, addr) || h.has(addr) {
		return nil
	}
	return fmt.Errorf("no password is sent to the broker at %.255q, the others have been asked: anybody may have registered it, as it is neither on this machine nor on that of --namesrv; if it is yours, add --broker %.255[1]q", addr)
}
