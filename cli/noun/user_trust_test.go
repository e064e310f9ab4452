package noun

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// TestPasswordsStayAmongTrustedBrokers: this machine's, the NameServer's and those that the operator names.
func TestPasswordsStayAmongTrustedBrokers(t *testing.T) {
	h := hosts{names: []string{"localhost", "mq.example"}, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	f := func(refused string, named []string, addrs ...string) {
		t.Helper()
		var err error
		for _, addr := range addrs {
			err = errors.Join(err, h.mayTell(addr, named))
		}
		if (err == nil) != (refused == "") || err != nil && !strings.Contains(err.Error(), "add --broker \""+refused) {
			t.Errorf("%q, named are %q: %v; want %q refused", addrs, named, err, refused)
		}
	}
	f("", nil, "127.0.0.1:10911", "[::1]:10911", "192.0.2.1:10911", "[::ffff:192.0.2.1]:1", "MQ.example:10911")
	f("192.0.2.2:10911", nil, "127.0.0.1:10911", "192.0.2.2:10911")
	f("", []string{"192.0.2.2:10911"}, "127.0.0.1:10911", "192.0.2.2:10911")
	f("192.0.2.2:10912", []string{"192.0.2.2:10911"}, "192.0.2.2:10912")
	f("other.example:10911", nil, "other.example:10911")
	f("127.0.0.1", nil, "127.0.0.1")
	got := trustedHosts(t.Context(), []string{"198.51.100.7:9876", "[2001:db8::7]:9876"})
	if !got.has("198.51.100.7:10911") || !got.has("[2001:db8::7]:10911") || got.has("198.51.100.8:10911") {
		t.Errorf("%+v", got)
	}
}
