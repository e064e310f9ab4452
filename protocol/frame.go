package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Encoding says how a frame's header is written.
type Encoding byte

// The header encodings.
const (
	JSON   Encoding = 0
	Binary Encoding = 1
)

// Flag bits of a frame.
const (
	FlagResponse int32 = 1
	FlagOneway   int32 = 2
)

// maxFields bounds a header's extra fields: the longest request of any known client carries fewer than 40, and each
// costs more memory decoded than on the wire.
const maxFields = 4096

// ErrFrame is wrapped by every error of [DecodeFrame]: the sender does not speak the protocol, or not this version of it.
var ErrFrame = errors.New("malformed frame")

// Frame is one request or response. A decoded frame aliases the connection's read buffer: it is valid until the handler
// that got it returns; [Frame.Clone] makes one that lasts.
//
// On the wire, all integers big endian:
//
//	0  int32 total         bytes after this field
//	4  uint8 encoding      0 JSON, 1 binary
//	5  uint24 header length
//	8  header              JSON text, or the binary layout drawn in codec_binary.go
//	…  body                total - 4 - header length bytes, may be empty
type Frame struct {
	Encoding Encoding
	Code     int32
	Language Language
	Version  int32
	Opaque   int32
	Flag     int32
	Remark   string
	Fields   Fields
	Body     []byte

	// Not on the wire: when the request came, by the clock of who counts latencies, 0 if nobody does; the code of the request that an
	// answer is for; and whether that has waited for a message.
	Received uint32
	Asked    int32
	Held     bool
}

// IsResponse reports whether the frame answers a request. It must be asked first: both sides number their requests
// independently, so an opaque alone says nothing.
func (f *Frame) IsResponse() bool { return f.Flag&FlagResponse != 0 }

// IsOneway reports whether the sender wants no answer, not even an error.
func (f *Frame) IsOneway() bool { return f.Flag&FlagOneway != 0 }

// Reply begins the answer to f: same opaque and header encoding, our language and version. The one-way bit of the request
// is kept, so that a connection can drop the answer to a one-way request wherever it was made.
func (f *Frame) Reply(code int32, remark string) Frame {
	return Frame{
		Encoding: f.Encoding,
		Code:     code,
		Language: LanguageJava,
		Version:  CurrentVersion,
		Opaque:   f.Opaque,
		Flag:     FlagResponse | f.Flag&FlagOneway,
		Remark:   remark,
		Received: f.Received, Asked: f.Code, Held: f.Held,
	}
}

// Clone returns a deep copy that shares no bytes with f.
func (f *Frame) Clone() *Frame {
	c := *f
	size := len(f.Body)
	for i := range f.Fields {
		size += len(f.Fields[i].Key) + len(f.Fields[i].Value)
	}
	room := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		at := len(room)
		room = append(room, b...)
		return room[at:len(room):len(room)]
	}
	c.Fields = nil
	if f.Fields != nil {
		c.Fields = make(Fields, len(f.Fields))
	}
	for i := range f.Fields {
		c.Fields[i] = Field{Key: keep(f.Fields[i].Key), Value: keep(f.Fields[i].Value)}
	}
	c.Body = keep(f.Body)
	return &c
}

// DecodeFrame decodes b, a frame without its leading four length bytes, into f. It reuses the capacity of f.Fields, and f
// aliases b afterwards: JSON strings are unescaped in place, so b can be decoded only once. An absent or empty body is nil.
func DecodeFrame(b []byte, f *Frame) error {
	if len(b) < 4 {
		return fmt.Errorf("%w: %d bytes, a frame has at least 4 behind its length", ErrFrame, len(b))
	}
	word := binary.BigEndian.Uint32(b)
	headerLen := int(word & 0xFFFFFF)
	if headerLen > len(b)-4 {
		return fmt.Errorf("%w: header length %d exceeds the %d bytes of the frame", ErrFrame, headerLen, len(b)-4)
	}
	header := b[4 : 4+headerLen : 4+headerLen]
	*f = Frame{Encoding: Encoding(word >> 24), Language: LanguageOther, Fields: f.Fields[:0]}
	if len(b) > 4+headerLen {
		f.Body = b[4+headerLen:]
	}
	switch f.Encoding {
	case JSON:
		return decodeJSON(header, f)
	case Binary:
		return decodeBinary(header, f)
	default:
		return fmt.Errorf("%w: header encoding %d is neither 0 (JSON) nor 1 (binary)", ErrFrame, byte(f.Encoding))
	}
}

// AppendFrame appends the whole frame to dst: length, header, body.
func AppendFrame(dst []byte, f *Frame) []byte {
	return append(AppendHead(dst, f, len(f.Body)), f.Body...)
}

// AppendHead appends the frame's length and header to dst, announcing bodyLen bytes of body which the caller appends
// itself. f.Body is not looked at.
func AppendHead(dst []byte, f *Frame, bodyLen int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(f.Encoding), 0, 0, 0)
	if f.Encoding == Binary {
		dst = appendBinary(dst, f)
	} else {
		dst = appendJSON(dst, f)
	}
	headerLen := len(dst) - at - 8
	binary.BigEndian.PutUint32(dst[at:], uint32(4+headerLen+bodyLen))
	binary.BigEndian.PutUint32(dst[at+4:], uint32(f.Encoding)<<24|uint32(headerLen))
	return dst
}
