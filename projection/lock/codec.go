package lock

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// reader takes a change apart field by field and remembers whether any field was missing or malformed.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int32() int32 {
	v := r.int()
	r.bad = r.bad || v != int64(int32(v))
	return int32(v)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// text returns a slice of the change; it must be copied to be kept.
func (r *reader) text() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

// end reports what is wrong with the change, once all its fields are read. Left over bytes are an error: a change that
// gains a field gets a new kind.
func (r *reader) end(kind byte, at message.LogOffset) error {
	if r.bad {
		return fmt.Errorf("lock change of kind %d at log offset %d is cut short or malformed", kind, at)
	}
	if len(r.b) > 0 {
		return fmt.Errorf("lock change of kind %d at log offset %d has %d bytes too many", kind, at, len(r.b))
	}
	return nil
}

func unknownKind(kind byte, at message.LogOffset) error {
	return fmt.Errorf("lock change at log offset %d has the unknown kind %d: written by a newer version?", at, kind)
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
