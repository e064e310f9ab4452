package message

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Unit is one message of a batch's body (request 320):
//
//	size  field
//	   4  total size, this field included
//	   4  magic, 0
//	   4  body CRC, 0
//	   4  user flag
//	 4+n  body length and body
//	 2+n  properties length and properties
//
// Topic, queue, born host and born time come from the request's header. The slices alias the batch's body.
type Unit struct {
	Flag       int32
	Body       []byte
	Properties Properties
}

// NextUnit decodes the unit at the beginning of b and returns what follows it. Like Apache's broker it goes by the
// fields' own lengths and does not look at total size, magic and CRC. Errors wrap [ErrShort].
func NextUnit(b []byte) (u Unit, rest []byte, err error) {
	c := cursor{b: b, at: 12}
	if len(b) < c.at {
		return u, nil, fmt.Errorf("%w: batch unit of %d bytes", ErrShort, len(b))
	}
	u.Flag = int32(c.u32())
	u.Body = c.take(int(int32(c.u32())))
	u.Properties = Properties(c.take(int(int16(c.u16()))))
	if c.bad {
		return Unit{}, nil, fmt.Errorf("%w: batch unit passes the end of its batch, which has %d bytes left", ErrShort, len(b))
	}
	return u, b[c.at:], nil
}

// Units yields a batch's units, and last an error if the body does not end with a whole unit.
func Units(body []byte) iter.Seq2[Unit, error] {
	return func(yield func(Unit, error) bool) {
		for len(body) > 0 {
			u, rest, err := NextUnit(body)
			if !yield(u, err) || err != nil {
				return
			}
			body = rest
		}
	}
}

// AppendUnit appends one unit to a batch's body.
func AppendUnit(dst []byte, u Unit) []byte {
	be := binary.BigEndian
	dst = be.AppendUint32(dst, uint32(22+len(u.Body)+len(u.Properties)))
	dst = be.AppendUint64(dst, 0)
	dst = be.AppendUint32(dst, uint32(u.Flag))
	dst = be.AppendUint32(dst, uint32(len(u.Body)))
	dst = append(dst, u.Body...)
	dst = be.AppendUint16(dst, uint16(len(u.Properties)))
	return append(dst, u.Properties...)
}
