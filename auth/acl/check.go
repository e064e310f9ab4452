package acl

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Problem is what is wrong with a list. Its text goes to clients as it is: the Java broker's words, full stops included.
type Problem string

// Error is the text.
func (p Problem) Error() string { return string(p) }

// Check says what is wrong with policies that are to be stored, nil if nothing is. The error is a [Problem].
func Check(policies []Policy) error {
	if len(policies) == 0 {
		return Problem("The policies is empty.")
	}
	for _, p := range policies {
		if len(p.Entries) == 0 {
			return Problem("The policy entries is empty.")
		}
		for i := range p.Entries {
			if err := p.Entries[i].check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Entry) check() error {
	switch {
	case e.Resource == Resource{}:
		return Problem("The resource is null.")
	case len(e.Actions) == 0:
		return Problem("The actions is empty.")
	case slices.Contains(e.Actions, ActionAny):
		return Problem("The actions can not be Any.")
	}
	for _, ip := range e.SourceIPs {
		if strings.TrimSpace(ip) == "" {
			return Problem("The source ip is empty.")
		}
		if !validSource(ip) {
			return Problem("The source ip is invalid.")
		}
	}
	if e.Decision == "" {
		return Problem("The decision is null or illegal.")
	}
	return nil
}

// validSource reports whether a text is an address without a zone, or a prefix, whose address may have bits behind its length.
func validSource(text string) bool {
	address, bits, isPrefix := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Zone() != "" {
		return false
	}
	if !isPrefix {
		return true
	}
	n, err := strconv.Atoi(bits)
	return err == nil && n >= 0 && n <= ip.BitLen()
}
