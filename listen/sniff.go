package listen

import (
	"errors"
	"fmt"
	"net"
)

// kind is what a client speaks.
type kind int

const (
	remoting kind = iota
	http1
	http2
	secure // TLS: what is spoken inside is known after its handshake
	proxy
	undecided // more bytes are needed
	plain     // any of them without TLS where TLS is demanded
)

// recognise tells what a client speaks by its first bytes. A remoting frame begins with its length, at most 16 MiB, so its
// first byte is 0 or 1 and can be none of the others'.
func recognise(b []byte) kind {
	if len(b) == 0 {
		return undecided
	}
	if b[0] == 0x16 {
		return secure
	}
	for _, k := range [...]struct {
		prefix string
		kind   kind
	}{
		{"PROXY ", proxy}, {proxyV2Signature, proxy}, {"PRI * HTTP/2", http2},
		{"GET ", http1}, {"HEAD ", http1}, {"POST ", http1}, {"PUT ", http1}, {"DELETE ", http1},
		{"OPTIONS ", http1}, {"PATCH ", http1}, {"CONNECT ", http1}, {"TRACE ", http1},
	} {
		if !hasPrefix(b, k.prefix) {
			continue
		}
		if len(b) < len(k.prefix) {
			return undecided
		}
		return k.kind
	}
	return remoting
}

// sniff reads from nc, behind its first bytes, until it is known what the client speaks. It fills in info, with every byte
// behind a PROXY header as its prefix. Inside TLS there is to be no such header: it would come from the client itself.
func sniff(nc net.Conn, first []byte, info *ConnInfo) (kind, error) {
	buf := append(make([]byte, 0, 64), first...)
	proxied := info.Secure
	for {
		k := recognise(buf)
		if k == proxy {
			if proxied {
				if info.Secure {
					return k, errors.New("a PROXY header inside TLS: it belongs in front of it")
				}
				return k, errors.New("a second PROXY header")
			}
			h, size, err := parseProxy(buf)
			switch {
			case err == nil:
				proxied = true
				if h.source.IsValid() {
					info.Remote, info.Local = h.source, h.destination
				}
				info.TLVs = h.tlvs
				buf = buf[size:]
				continue
			case !errors.Is(err, errShort):
				return k, err
			}
			k = undecided
		}
		if k != undecided {
			info.Prefix = buf
			return k, nil
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 2*cap(buf)+64), buf...)
		}
		n, err := nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n == 0 && err != nil {
			return undecided, &incomplete{got: len(buf), err: err}
		}
	}
}

// incomplete is the error of a client that went away, or said too little in time.
type incomplete struct {
	got int
	err error
}

func (e *incomplete) Error() string {
	return fmt.Sprintf("the first %d bytes do not tell the protocol: %v", e.got, e.err)
}

func (e *incomplete) Unwrap() error { return e.err }
