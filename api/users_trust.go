package api

import (
	"fmt"
	"net/netip"
)

// strange refuses to tell a password to a broker that may be anybody's: whoever reaches the NameServer can register one of this cluster, and what it
// registers is all that is known of it. The others are told, or a stranger could keep users from being made.
func strange(name, addr string) error {
	return &problem{"refused", fmt.Sprintf("no password is sent to broker %.255s at %.255s, the others have been asked: it is neither this node nor at an address of --admin-from; "+
		"if it is yours, start this node with --admin-from and its IP address, or use `aerobee user` with --broker %[2]s", name, addr)}
}

// keeps tells whether the broker at "host:port" may know passwords. A name that is not the node's own is not looked up: whoever gave it may have it
// lead elsewhere a moment later.
func (g *guard) keeps(addr string) bool {
	if g.Own != nil && g.Own(addr) {
		return true
	}
	to, err := netip.ParseAddrPort(addr)
	return err == nil && g.Allows(to.Addr(), netip.Addr{})
}
