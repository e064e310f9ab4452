package message

import (
	"encoding/hex"
	"fmt"
	"net/netip"
)

const upperHex = "0123456789ABCDEF"

// AppendID appends the offset message id: the store host's address and port and the record's log offset in upper case
// hex, 32 characters for IPv4 and 56 for IPv6.
func AppendID(dst []byte, storeHost netip.AddrPort, at LogOffset) []byte {
	var raw [28]byte
	b := appendHost(raw[:0], storeHost)
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(uint64(at)>>shift))
	}
	return appendHex(dst, b)
}

// ParseID takes an offset message id apart.
func ParseID(id string) (storeHost netip.AddrPort, at LogOffset, err error) {
	if len(id) != 32 && len(id) != 56 {
		return storeHost, 0, fmt.Errorf("message id %.60q has %d characters, an offset message id has 32 (IPv4) or 56 (IPv6)", id, len(id))
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return storeHost, 0, fmt.Errorf("message id %q is not hexadecimal: %w", id, err)
	}
	c := cursor{b: raw}
	storeHost = c.host(len(id) == 56)
	return storeHost, LogOffset(c.u64()), nil
}
