package api

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/admin"
)

// TestPasswordsStayAmongTrustedBrokers: that a broker has registered does not make it one of ours.
func TestPasswordsStayAmongTrustedBrokers(t *testing.T) {
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	g := newGuard(Guarding{
		Allows: func(from, _ netip.Addr) bool { return from.IsLoopback() || trusted.Contains(from) },
		Own:    func(addr string) bool { return addr == "node.example:10911" },
	})
	f := func(want string, addrs ...string) {
		t.Helper()
		got := ""
		for _, addr := range addrs {
			if !g.keeps(addr) {
				got += strange("b", addr).Error()
			}
		}
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", addrs, got, want)
		}
	}
	f("", "127.0.0.1:10911", "10.1.2.3:10911", "[::1]:1", "node.example:10911")
	f("broker b at 192.0.2.1:10911", "127.0.0.1:10911", "192.0.2.1:10911")
	f("broker b at other.example:10911", "other.example:10911")
	f("broker b at localhost.evil.example:1", "localhost.evil.example:1")
	f("broker b at ", "10.1.2.3")
}

// TestStrangersComeLast: what is asked of brokers in turn is asked of ours first, whatever the others are called.
func TestStrangersComeLast(t *testing.T) {
	c := &call{g: newGuard(Guarding{Own: func(addr string) bool { return addr == "node.example:10911" }})}
	f := func(addr string, want int) {
		t.Helper()
		if got := c.rank(&admin.Broker{Name: "b", Addrs: map[int64]string{0: addr}}); got != want {
			t.Errorf("%s has rank %d, want %d", addr, got, want)
		}
	}
	f("node.example:10911", 0)
	f("127.0.0.1:10911", 0)
	f("192.0.2.1:10911", 1)
	f("other.example:10911", 1)
}
