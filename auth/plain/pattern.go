package plain

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// pattern is a set of addresses: everybody, one address, a prefix of version 6, or for each of four bytes the span in which it is.
type pattern struct {
	all    bool
	one    netip.Addr
	prefix netip.Prefix
	spans  [4][2]byte
}

func within(all []pattern, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p pattern) bool { return p.holds(a) })
}

func (p *pattern) holds(a netip.Addr) bool {
	switch {
	case p.all:
		return true
	case !a.IsValid():
		return false
	case p.one.IsValid():
		return p.one == a
	case p.prefix.IsValid():
		return p.prefix.Contains(a)
	case !a.Is4():
		return false
	}
	for i, b := range a.As4() {
		if b < p.spans[i][0] || b > p.spans[i][1] {
			return false
		}
	}
	return true
}

// patterns reads "*", "10.0.0.*", "10.0.1-9.*", "10.0.0.{1,2}", "10.0.0.1,10.0.0.2" and "fe80:0:0:1:*".
func patterns(texts []string) (out []pattern, err error) {
	for _, text := range texts {
		head, list, several := strings.Cut(text, "{")
		if several {
			list, _, _ = strings.Cut(list, "}")
			for last := range strings.SplitSeq(list, ",") {
				if out, err = appendPattern(out, head+strings.TrimSpace(last)); err != nil {
					return nil, err
				}
			}
			continue
		}
		for one := range strings.SplitSeq(text, ",") {
			if out, err = appendPattern(out, strings.TrimSpace(one)); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func appendPattern(to []pattern, text string) ([]pattern, error) {
	if text == "" {
		return to, nil
	}
	if text == "*" || text == "*.*.*.*" {
		return append(to, pattern{all: true}), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return append(to, pattern{one: a.Unmap().WithZone("")}), nil
	}
	wrong := fmt.Errorf("%q is no address, and none of the forms 10.0.0.*, 10.0.1-9.*, 10.0.0.{1,2} and fe80:0:0:1:*", text)
	if groups, ok := strings.CutSuffix(text, ":*"); ok {
		n := strings.Count(groups, ":") + 1
		a, err := netip.ParseAddr(groups + "::")
		if err != nil || strings.Contains(groups, "::") || n > 7 {
			return nil, wrong
		}
		return append(to, pattern{prefix: netip.PrefixFrom(a, 16*n)}), nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return nil, wrong
	}
	var p pattern
	for i, part := range parts {
		low, high, isSpan := strings.Cut(part, "-")
		switch {
		case part == "*":
			low, high = "0", "255"
		case !isSpan:
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 8)
		to, err2 := strconv.ParseUint(high, 10, 8)
		if err1 != nil || err2 != nil || from > to {
			return nil, wrong
		}
		p.spans[i] = [2]byte{byte(from), byte(to)}
	}
	return append(to, p), nil
}
