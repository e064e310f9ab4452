package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A PROXY header tells the addresses that a load balancer hides. Version 1 is a line of at most 107 bytes:
//
//	PROXY TCP4|TCP6 source destination source-port destination-port CR LF
//	PROXY UNKNOWN … CR LF
//
// Version 2 is binary, big endian:
//
//	0   12 bytes signature
//	12  uint8 version (high half, 2) and command (low half: 0 LOCAL, 1 PROXY)
//	13  uint8 family (high half: 1 IPv4, 2 IPv6, 3 UNIX) and transport
//	14  uint16 length of what follows
//	16  source address, destination address, source port, destination port
//	…   extensions: uint8 type, uint16 length, value
const (
	proxyV1Max  = 107
	proxyV2Head = 16
	proxyV2Max  = 4096 // load balancers send some hundred bytes
	tlvNoop     = 0x04
)

const proxyV2Signature = "\r\n\r\n\x00\r\nQUIT\n"

// errShort says that the header goes on behind the bytes at hand.
var errShort = errors.New("PROXY header is not complete")

// proxyHeader is what a PROXY header said. Addresses are invalid when it said nothing about them.
type proxyHeader struct {
	source, destination netip.AddrPort
	tlvs                map[byte][]byte
}

// parseProxy parses the PROXY header at the beginning of b and returns its length, which is 0 if b begins with none.
// errShort asks for more bytes.
func parseProxy(b []byte) (h proxyHeader, size int, err error) {
	switch {
	case hasPrefix(b, "PROXY "):
		return parseProxyV1(b)
	case hasPrefix(b, proxyV2Signature):
		return parseProxyV2(b)
	}
	return proxyHeader{}, 0, nil
}

// hasPrefix says whether b begins with prefix, or is a beginning of it.
func hasPrefix(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

func parseProxyV1(b []byte) (h proxyHeader, size int, err error) {
	end := bytes.Index(b[:min(len(b), proxyV1Max)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= proxyV1Max {
			return h, 0, fmt.Errorf("PROXY v1 header is longer than %d bytes", proxyV1Max)
		}
		return h, 0, errShort
	}
	size = end + 2
	words := strings.Split(string(b[:end]), " ")
	if len(words) >= 2 && words[1] == "UNKNOWN" {
		return h, size, nil
	}
	if len(words) != 6 || (words[1] != "TCP4" && words[1] != "TCP6") {
		return h, 0, fmt.Errorf("PROXY v1 header %.60q is not \"PROXY TCP4|TCP6 source destination port port\"", b[:end])
	}
	is4 := words[1] == "TCP4"
	if h.source, err = proxyAddr(words[2], words[4], is4); err != nil {
		return h, 0, err
	}
	if h.destination, err = proxyAddr(words[3], words[5], is4); err != nil {
		return h, 0, err
	}
	return h, size, nil
}

func proxyAddr(host, port string, is4 bool) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Is4() != is4 || addr.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("PROXY v1 header: %.50q is no address of its family", host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("PROXY v1 header: %.20q is no port", port)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}

func parseProxyV2(b []byte) (h proxyHeader, size int, err error) {
	if len(b) < proxyV2Head {
		return h, 0, errShort
	}
	version, command := b[12]>>4, b[12]&15
	if version != 2 || command > 1 {
		return h, 0, fmt.Errorf("PROXY v2 header: version and command are %#02x, want 0x20 or 0x21", b[12])
	}
	size = proxyV2Head + int(binary.BigEndian.Uint16(b[14:]))
	if size > proxyV2Max {
		return h, 0, fmt.Errorf("PROXY v2 header of %d bytes exceeds the limit of %d", size, proxyV2Max)
	}
	if len(b) < size {
		return h, 0, errShort
	}
	rest := b[proxyV2Head:size]
	var width int
	switch b[13] >> 4 {
	case 1:
		width = 4
	case 2:
		width = 16
	case 3:
		width = 108
	}
	if width > 0 && command == 1 {
		if len(rest) < 2*width+4 && width < 108 || len(rest) < 2*width {
			return h, 0, fmt.Errorf("PROXY v2 header: %d bytes of addresses, family %d needs %d", len(rest), b[13]>>4, 2*width+4)
		}
		if width < 108 {
			h.source = addrAt(rest, 0, width, 2*width)
			h.destination = addrAt(rest, width, width, 2*width+2)
			rest = rest[2*width+4:]
		} else {
			rest = rest[2*width:]
		}
	} else if width > 0 {
		return h, size, nil // LOCAL: the balancer speaks for itself, what it says is to be ignored
	}
	h.tlvs, err = parseTLVs(rest)
	return h, size, err
}

func addrAt(b []byte, at, width, portAt int) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(b[at : at+width])
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(b[portAt:]))
}

func parseTLVs(b []byte) (map[byte][]byte, error) {
	var tlvs map[byte][]byte
	for len(b) > 0 {
		if len(b) < 3 {
			return nil, fmt.Errorf("PROXY v2 header: %d bytes behind the last extension", len(b))
		}
		kind, n := b[0], int(binary.BigEndian.Uint16(b[1:]))
		if n > len(b)-3 {
			return nil, fmt.Errorf("PROXY v2 header: extension %#02x of %d bytes, %d are left", kind, n, len(b)-3)
		}
		if kind != tlvNoop {
			if tlvs == nil {
				tlvs = map[byte][]byte{}
			}
			tlvs[kind] = bytes.Clone(b[3 : 3+n])
		}
		b = b[3+n:]
	}
	return tlvs, nil
}
