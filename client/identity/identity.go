// Package identity is how a client tells itself from all others: the host's address and a name for the process. Package client, which alone
// calls it, makes ids of them. Its functions are safe to call at once.
package identity

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// InstanceName tells this client apart from all others on the host, in the form of Java's: process id, #, a number.
func InstanceName() string {
	return strconv.Itoa(os.Getpid()) + "#" + strconv.FormatInt(rand.Int64N(1<<50), 10) // #nosec G404 -- tells clients apart, keeps no secret
}

// IP is the host's address in ids: the first one that is not a loopback's, IPv4 before IPv6.
func IP() netip.Addr {
	best := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return best
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok || !ip.IsValid() || !ip.Unmap().IsGlobalUnicast() {
			continue
		}
		if ip = ip.Unmap(); ip.Is4() {
			return ip
		}
		if best.Is4() {
			best = ip
		}
	}
	return best
}

// OffsetOwner is the directory of a client's offsets: the host's address and, if the user gave it one, the instance's name.
func OffsetOwner(ip netip.Addr, instance string) string {
	if strings.Contains(instance, "#") { // made by us, another one at each start
		instance = "DEFAULT"
	}
	return ip.String() + "@" + instance
}
