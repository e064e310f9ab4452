package aerobee

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/config"
)

func addrPorts(texts ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, t := range texts {
		out = append(out, netip.MustParseAddrPort(t))
	}
	return out
}

func hosts(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

// names is a name service of three hosts.
func names(host string) []netip.Addr {
	return map[string][]netip.Addr{
		"localhost":  hosts("::1", "127.0.0.1"),
		"rmqnamesrv": hosts("10.0.0.5"),
		"elsewhere":  hosts("2001:db8::7", "192.0.2.7"),
	}[host]
}

func TestOtherNameServers(t *testing.T) {
	all, cards := addrPorts("[::]:9876", "[::]:10911"), hosts("127.0.0.1", "10.0.0.5", "fe80::1")
	f := func(list string, listeners []netip.AddrPort, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, otherNameServers(strings.Fields(list), listeners, cards, names)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", list, diff)
		}
	}
	f("127.0.0.1:9876 localhost:9876 10.0.0.5:9876 rmqnamesrv:9876 [::1]:9876", all)
	f("127.0.0.1:19876 elsewhere:9876 unknown:9876 192.0.2.1:9876", all, "127.0.0.1:19876", "elsewhere:9876", "unknown:9876", "192.0.2.1:9876")
	f("rmqnamesrv elsewhere", all, "elsewhere:9876")
	f("127.0.0.1:9876 10.0.0.5:9876", addrPorts("127.0.0.1:9876"), "10.0.0.5:9876")
}

func TestOwnAddress(t *testing.T) {
	f := func(listener string, cards []netip.Addr, want string) {
		t.Helper()
		if got := ownAddress(addrPorts(listener), cards); got.String() != want {
			t.Errorf("%s with %v: %s, want %s", listener, cards, got, want)
		}
	}
	f("127.0.0.1:1", hosts("10.0.0.5"), "127.0.0.1")
	f("[::]:1", hosts("127.0.0.1", "2001:db8::1", "10.0.0.5", "10.0.0.6"), "10.0.0.5")
	f("[::]:1", hosts("127.0.0.1", "fe80::1", "2001:db8::1"), "2001:db8::1")
	f("0.0.0.0:1", hosts("127.0.0.1"), "127.0.0.1")
}

func TestAdvertisedNamesAreResolved(t *testing.T) {
	f := func(text, want, wantName string) {
		t.Helper()
		got, name, err := resolveHost(text, names)
		if err != nil {
			got = err.Error()
		}
		if got != want || name != wantName {
			t.Errorf("%s: %s, name %q, want %s, %q", text, got, name, want, wantName)
		}
	}
	f("192.0.2.1", "192.0.2.1", "")
	f("192.0.2.1:10911@10.0.0.0/8", "192.0.2.1:10911@10.0.0.0/8", "")
	f("[2001:db8::1]:10911", "[2001:db8::1]:10911", "")
	f("elsewhere", "192.0.2.7", "elsewhere")
	f("elsewhere:20911@10.0.0.0/8", "192.0.2.7:20911@10.0.0.0/8", "elsewhere")
	f("nobody:1", `advertise "nobody:1": the host name nobody cannot be resolved`, "")
}

func TestResolveAddresses(t *testing.T) {
	f := func(advertise, ip1, listeners, want string, guessed bool) {
		t.Helper()
		cfg := config.Config{Advertise: strings.Fields(advertise), BrokerIP1: ip1}
		a, err := resolveAddresses(&cfg, addrPorts(strings.Fields(listeners)...))
		if err != nil || a.canonical.String() != want || a.guessed != guessed {
			t.Errorf("advertise %q, brokerIP1 %q: %s (guessed %v), %v; want %s", advertise, ip1, a.canonical, a.guessed, err, want)
		}
	}
	f("", "", "127.0.0.1:9876 127.0.0.1:10911", "127.0.0.1:10911", true)
	f("", "", "127.0.0.1:7000", "127.0.0.1:7000", true)
	f("", "192.0.2.8", "127.0.0.1:9876 127.0.0.1:10911", "192.0.2.8:10911", false)
	f("192.0.2.9:1234 192.0.2.8", "", "127.0.0.1:9876", "192.0.2.9:1234", false)
	f("192.0.2.9@10.0.0.0/8 192.0.2.8", "", "127.0.0.1:9876", "192.0.2.8:9876", false)
}
