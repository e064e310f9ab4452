package identity_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/client/identity"
)

func TestIdentity(t *testing.T) {
	if ip := identity.IP(); !ip.IsValid() || ip.IsUnspecified() {
		t.Errorf("the host's address is %v", ip)
	}
	a, b := identity.InstanceName(), identity.InstanceName()
	if a == b || !strings.Contains(a, "#") {
		t.Errorf("instances %s and %s", a, b)
	}
	ip := netip.MustParseAddr("10.0.0.1")
	for name, want := range map[string]string{a: "10.0.0.1@DEFAULT", "mine": "10.0.0.1@mine"} {
		if got := identity.OffsetOwner(ip, name); got != want {
			t.Errorf("owner %s, want %s", got, want)
		}
	}
}
