// Package varint takes the changes of the projections apart and puts them together: a leading kind byte, then fields. It
// owns the three shapes of a field: the unsigned varint, the zigzag varint (both as in encoding/binary) and the text,
// which is its length as an unsigned varint and that many bytes.
//
// Each projection owns its kinds and the order of its fields; it appends numbers with encoding/binary and texts with
// [AppendText], and reads them back with a [Reader]. Nothing here is shared between calls: separate Readers may be used
// at once, one Reader may not.
package varint

import (
	"encoding/binary"
	"fmt"
)

// Reader takes a change apart field by field and remembers whether any field was missing or malformed. Such a field, and
// every one behind it, reads as zero or empty; [Reader.End] reports it, so fields need no check of their own.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader returns a Reader of the change's bytes, which must not be changed while it is in use.
func NewReader(change []byte) Reader { return Reader{b: change} }

// OK reports whether every field so far was there. A loop over a count that was read must ask for it, since a damaged
// count may be huge.
func (r *Reader) OK() bool { return !r.bad }

func (r *Reader) fail() { r.b, r.bad = nil, true }

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads a zigzag varint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Uint32 reads an unsigned varint; one beyond 32 bits is malformed.
func (r *Reader) Uint32() uint32 {
	v := r.Uint()
	if v > 1<<32-1 {
		r.fail()
		return 0
	}
	return uint32(v)
}

// Int32 reads a zigzag varint; one beyond 32 bits is malformed.
func (r *Reader) Int32() int32 {
	v := r.Int()
	if v != int64(int32(v)) {
		r.fail()
		return 0
	}
	return int32(v)
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// Text reads a text as a slice of the change; it must be copied to be kept.
func (r *Reader) Text() []byte {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// End reports what is wrong with the change, once all its fields are read. Left over bytes are an error: a change that
// gains a field gets a new kind. The error names what it is a change of, its kind and the log offset where it was found.
func (r *Reader) End(what string, kind byte, at int64) error {
	if r.bad {
		return fmt.Errorf("%s change of kind %d at log offset %d is cut short or malformed", what, kind, at)
	}
	if len(r.b) > 0 {
		return fmt.Errorf("%s change of kind %d at log offset %d has %d bytes too many", what, kind, at, len(r.b))
	}
	return nil
}

// UnknownKind is the error about a change whose kind the projection does not know.
func UnknownKind(what string, kind byte, at int64) error {
	return fmt.Errorf("%s change at log offset %d has the unknown kind %d: written by a newer version?", what, at, kind)
}

// AppendText appends a text field.
func AppendText[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
