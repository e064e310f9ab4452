package aerobee

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/route"
)

// addresses is what a node knows about how clients reach it.
type addresses struct {
	rules     []route.Rule
	canonical netip.AddrPort // in message ids
	announced string         // the same for other NameServers, with the host name if one is advertised
	guessed   bool           // nobody said it: it was taken from the network cards
}

// resolveAddresses works the advertised addresses out. listeners are the addresses that the node listens on; the
// broker's own port is brokerPort's listener if there is one, else the first.
func resolveAddresses(cfg *config.Config, listeners []netip.AddrPort) (addresses, error) {
	var a addresses
	port := brokerPort(listeners)
	texts := cfg.Advertise
	if cfg.BrokerIP1 != "" {
		texts = append(texts[:len(texts):len(texts)], cfg.BrokerIP1)
	}
	for _, text := range texts {
		resolved, name, err := resolveHost(text, lookupHost)
		if err != nil {
			return a, err
		}
		rule, err := route.ParseRule(resolved)
		if err != nil {
			return a, err
		}
		rule.Name = name
		a.rules = append(a.rules, rule)
	}
	for _, r := range a.rules {
		if !r.From.IsValid() {
			if r.Port != 0 {
				port = r.Port
			}
			a.canonical, a.announced = netip.AddrPortFrom(r.Addr, port), r.Told(port)
			return a, nil
		}
	}
	a.guessed = true
	a.canonical = netip.AddrPortFrom(ownAddress(listeners, cardAddresses()), port)
	a.announced = a.canonical.String()
	return a, nil
}

func brokerPort(listeners []netip.AddrPort) uint16 {
	for _, l := range listeners {
		if l.Port() == 10911 {
			return 10911
		}
	}
	return listeners[0].Port()
}

// resolveHost turns a host name in HOST[:PORT][@CIDR] into its address, and returns the name: clients are told the name, which stays
// when the address changes, while message ids need an address. An address stays as it is.
func resolveHost(text string, lookup func(host string) []netip.Addr) (resolved, name string, err error) {
	rest, cidr, limited := strings.Cut(text, "@")
	host, port := rest, ""
	if _, err := netip.ParseAddr(strings.Trim(rest, "[]")); err == nil {
		return text, "", nil
	}
	if h, p, err := net.SplitHostPort(rest); err == nil {
		host, port = h, p
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return text, "", nil
	}
	found := lookup(host)
	if len(found) == 0 {
		return "", "", fmt.Errorf("advertise %q: the host name %s cannot be resolved", text, host)
	}
	best := found[0]
	for _, f := range found {
		if f.Unmap().Is4() {
			best = f
			break
		}
	}
	out := best.Unmap().String()
	if port != "" {
		out = net.JoinHostPort(out, port)
	}
	if limited {
		out += "@" + cidr
	}
	return out, host, nil
}

// ownAddress is the address that a single listener was bound to, else that of the first network card that is up and not
// the loopback, IPv4 before IPv6, else the loopback's.
func ownAddress(listeners []netip.AddrPort, cards []netip.Addr) netip.Addr {
	if a := listeners[0].Addr(); a.IsValid() && !a.IsUnspecified() {
		return a.Unmap()
	}
	var v6 netip.Addr
	for _, card := range cards {
		if !card.IsGlobalUnicast() {
			continue
		}
		if card.Is4() {
			return card
		}
		if !v6.IsValid() {
			v6 = card
		}
	}
	if v6.IsValid() {
		return v6
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// otherNameServers leaves this node's own addresses out of a list of NameServers: a broker.conf names the NameServer that
// it was written for, and often that is this very process now. lookup resolves host names; one that it does not know is
// somebody else's.
func otherNameServers(list []string, listeners []netip.AddrPort, own []netip.Addr, lookup func(host string) []netip.Addr) []string {
	var out []string
	for _, ns := range list {
		host, port, err := net.SplitHostPort(ns)
		if err != nil {
			host, port = ns, "9876"
		}
		var addrs []netip.Addr
		if a, err := netip.ParseAddr(host); err == nil {
			addrs = append(addrs, a)
		} else {
			addrs = lookup(host)
		}
		if !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return listensOn(a.Unmap(), port, listeners, own) }) {
			out = append(out, net.JoinHostPort(host, port))
		}
	}
	return out
}

// listensOn reports whether a listener takes what is dialled to the address and port; own are the addresses of this
// machine's network cards.
func listensOn(a netip.Addr, port string, listeners []netip.AddrPort, own []netip.Addr) bool {
	return slices.ContainsFunc(listeners, func(l netip.AddrPort) bool {
		if strconv.Itoa(int(l.Port())) != port {
			return false
		}
		return a == l.Addr().Unmap() || l.Addr().IsUnspecified() && (a.IsLoopback() || slices.Contains(own, a))
	})
}

// cardAddresses are the addresses of this machine's network cards.
func cardAddresses() []netip.Addr {
	cards, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, card := range cards {
		if prefix, err := netip.ParsePrefix(card.String()); err == nil {
			out = append(out, prefix.Addr())
		}
	}
	return out
}

// lookupTimeout bounds one question to the name service.
const lookupTimeout = 5 * time.Second

func lookupHost(host string) []netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // whoever registers there will say so
	}
	return found
}
