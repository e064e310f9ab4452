package message

import (
	"strings"
	"unicode"
)

// LegalName reports whether a topic's or group's name has allowed characters only: ASCII letters and digits, %, |, _ and -.
func LegalName(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '%', c == '|', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// BlankName reports whether there is nothing but white space as Java understands it.
func BlankName(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool {
		switch r {
		case 0xA0, 0x2007, 0x202F, 0x85:
			return false
		case 0x1C, 0x1D, 0x1E, 0x1F:
			return true
		}
		return unicode.IsSpace(r)
	}) == ""
}
