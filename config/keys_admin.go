package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func adminKeys() []Key {
	return []Key{
		own("adminFrom", "addresses, beside this machine's own, that may change and see the server's own state while no user has to sign in: 10.0.0.7 or 10.0.0.0/24",
			list(func(c *Config) *[]string { return &c.AdminFrom })),
	}
}

// AdminPrefixes is AdminFrom as prefixes. The error names what is none.
func (c *Config) AdminPrefixes() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range c.AdminFrom {
		p, err := netip.ParsePrefix(text)
		if !strings.Contains(text, "/") {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("adminFrom=%.100s is neither an address (10.0.0.7) nor a prefix (10.0.0.0/24)", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
