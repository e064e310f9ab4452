package protocol

import (
	"fmt"
	"strconv"
	"unsafe"
)

// Field is one extra header field. Values always travel as text. A nil value is not sent.
type Field struct{ Key, Value []byte }

// Fields are a frame's extra header fields in wire order. Their bytes are read-only: they alias a read buffer, or the
// string that was added.
type Fields []Field

// Get returns the value of the first field of that name. The value aliases the frame.
func (fs Fields) Get(name string) ([]byte, bool) {
	for i := range fs {
		if string(fs[i].Key) == name && fs[i].Value != nil {
			return fs[i].Value, true
		}
	}
	return nil, false
}

// String returns a copy of a field's value, "" if it is absent.
func (fs Fields) String(name string) string {
	v, _ := fs.Get(name)
	return string(v)
}

// Int64 returns a field as a number. ok says whether it is there; err is for a value that is not a decimal 64-bit integer.
func (fs Fields) Int64(name string) (v int64, ok bool, err error) {
	text, ok := fs.Get(name)
	if !ok {
		return 0, false, nil
	}
	v, good := parseInt(text)
	if !good {
		return 0, true, fmt.Errorf("the custom field <%s> is not a 64-bit integer: %.40q", name, text)
	}
	return v, true, nil
}

// Int32 is [Fields.Int64] for 32-bit fields.
func (fs Fields) Int32(name string) (v int32, ok bool, err error) {
	text, ok := fs.Get(name)
	if !ok {
		return 0, false, nil
	}
	wide, good := parseInt(text)
	if !good || wide != int64(int32(wide)) {
		return 0, true, fmt.Errorf("the custom field <%s> is not a 32-bit integer: %.40q", name, text)
	}
	return int32(wide), true, nil
}

// Bool returns a field as Java's Boolean.parseBoolean reads it: "true" in any letter case, else false.
func (fs Fields) Bool(name string) (v, ok bool) {
	text, ok := fs.Get(name)
	return ok && isTrue(text), ok
}

// Add appends a field without copying it.
func (fs *Fields) Add(name, value string) {
	*fs = append(*fs, Field{Key: bytesOf(name), Value: bytesOf(value)})
}

// AddBytes appends a field whose value aliases value.
func (fs *Fields) AddBytes(name string, value []byte) {
	*fs = append(*fs, Field{Key: bytesOf(name), Value: value})
}

// AddInt appends a number. Small ones cost no allocation; see [Fields.AddIntIn] for the others.
func (fs *Fields) AddInt(name string, v int64) {
	*fs = append(*fs, Field{Key: bytesOf(name), Value: bytesOf(strconv.FormatInt(v, 10))})
}

// AddIntIn appends a number whose digits are written behind scratch, and returns the longer scratch: with 20 bytes of
// room for each number nothing is allocated. The field lives as long as scratch is left alone.
func (fs *Fields) AddIntIn(scratch []byte, name string, v int64) []byte {
	at := len(scratch)
	scratch = strconv.AppendInt(scratch, v, 10)
	*fs = append(*fs, Field{Key: bytesOf(name), Value: scratch[at:len(scratch):len(scratch)]})
	return scratch
}

// AddBool appends "true" or "false".
func (fs *Fields) AddBool(name string, v bool) {
	if v {
		fs.Add(name, "true")
	} else {
		fs.Add(name, "false")
	}
}

// bytesOf is the string's bytes without a copy. Fields are read-only, so nothing ever writes to them.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s)) // #nosec G103 -- read-only view, see above
}

// parseInt reads a decimal integer with an optional sign, as Java's Long.parseLong does, without allocating.
func parseInt(b []byte) (int64, bool) {
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 40 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := uint64(c) - '0'
		if d > 9 || n > (1<<63)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	switch {
	case neg && n <= 1<<63:
		return -int64(n), true
	case !neg && n < 1<<63:
		return int64(n), true
	}
	return 0, false
}
