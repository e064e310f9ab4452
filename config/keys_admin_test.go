package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestAdminFrom(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		c, _, err := Load(Source{Name: "test", Pairs: []Property{{Key: "adminfrom", Value: value}}})
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", value, err, want)
			}
			return
		}
		got, err := c.AdminPrefixes()
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", value, got, err, want)
		}
	}
	f("", "[]")
	f("10.0.0.7", "[10.0.0.7/32]")
	f("10.0.0.7/24; fd00::1/64;::ffff:1.2.3.4", "[10.0.0.0/24 fd00::/64 1.2.3.4/32]")
	f("broker.example", "adminFrom=broker.example is neither an address")
	f("10.0.0.0/33", "adminFrom=10.0.0.0/33 is neither an address")
}
