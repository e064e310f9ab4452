package route

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Rule is one advertised address: what clients of a network are told to dial.
type Rule struct {
	Addr netip.Addr   // where
	Name string       // the host name that clients are told in the place of Addr, so that it may move; "" to tell Addr
	Port uint16       // 0 is the broker's own port
	From netip.Prefix // which clients; invalid is all
}

// Told is the rule's address as clients get it, "host:port"; port is the broker's own.
func (r Rule) Told(port uint16) string {
	if r.Port != 0 {
		port = r.Port
	}
	host := r.Name
	if host == "" {
		host = r.Addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Client is what is known of the connection that asks. Invalid addresses are not known.
type Client struct {
	Remote netip.AddrPort // the client
	Dialed netip.AddrPort // what a client says that it dialled
	Proxy  netip.AddrPort // the destination in a PROXY header
	Local  netip.AddrPort // this side of the connection
}

// ParseRule reads HOST[:PORT][@CIDR]. HOST is an IPv4 or IPv6 address; an IPv6 address with a port stands in brackets.
func ParseRule(text string) (Rule, error) {
	var r Rule
	host, cidr, limited := strings.Cut(text, "@")
	if limited {
		from, err := netip.ParsePrefix(cidr)
		if err != nil {
			return r, fmt.Errorf("advertise %q: %w", text, err)
		}
		r.From = from.Masked()
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		r.Addr = addr.Unmap()
		return r, nil
	}
	at := strings.LastIndexByte(host, ':')
	if at < 0 {
		return r, fmt.Errorf("advertise %q: %q is not an IP address; wanted HOST[:PORT][@CIDR]", text, host)
	}
	addr, err := netip.ParseAddr(strings.Trim(host[:at], "[]"))
	if err != nil {
		return r, fmt.Errorf("advertise %q: %q is not an IP address; wanted HOST[:PORT][@CIDR]", text, host[:at])
	}
	port, err := strconv.ParseUint(host[at+1:], 10, 16)
	if err != nil || port == 0 {
		return r, fmt.Errorf("advertise %q: port %q is not between 1 and 65535", text, host[at+1:])
	}
	r.Addr, r.Port = addr.Unmap(), uint16(port)
	return r, nil
}

// ChooseAddress is the address of this process's broker that a client is told, "host:port". In this order: the rule that fits the client, the one
// for the smallest network first, then in the order given; what the client says that it dialled; the PROXY header's destination; this
// side of its connection; the canonical address, which is also that of message ids. A client that reached us by an address
// can reach it again, which no configuration can promise.
func ChooseAddress(rules []Rule, c Client, canonical netip.AddrPort) string {
	if r, ok := fitting(rules, c.Remote.Addr().Unmap()); ok {
		return r.Told(canonical.Port())
	}
	for _, a := range []netip.AddrPort{c.Dialed, c.Proxy, c.Local} {
		if a.IsValid() && !a.Addr().IsUnspecified() && a.Port() != 0 {
			return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()).String()
		}
	}
	return canonical.String()
}

func fitting(rules []Rule, client netip.Addr) (best Rule, found bool) {
	for _, r := range rules {
		if r.From.IsValid() && !r.From.Contains(client.WithZone("")) {
			continue
		}
		if !found || bits(r.From) > bits(best.From) {
			best, found = r, true
		}
	}
	return best, found
}

// bits is how narrow a network is: -1 for no network at all.
func bits(p netip.Prefix) int {
	if !p.IsValid() {
		return -1
	}
	return p.Bits()
}
