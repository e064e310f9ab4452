package protocol

import (
	"fmt"
	"math"
)

// fieldReader takes a header's values out of the fields and keeps the first error. Values are text on the wire: integers in
// decimal, booleans "true" or anything else, enums by name.
type fieldReader struct {
	fs  Fields
	err error
}

// text is an optional text, "" when absent.
func (r *fieldReader) text(name string) string {
	v, _ := r.fs.Get(name)
	return string(v)
}

// needText is a text that must be there; it may be empty.
func (r *fieldReader) needText(name string) string {
	v, ok := r.fs.Get(name)
	if !ok {
		r.missing(name)
	}
	return string(v)
}

// integer is an optional number, or its default.
func (r *fieldReader) integer(name string, absent int64, bits int) int64 {
	v, ok := r.fs.Get(name)
	if !ok || len(v) == 0 {
		return absent
	}
	return r.parse(name, v, bits)
}

func (r *fieldReader) int32(name string, absent int32) int32 {
	return int32(r.integer(name, int64(absent), 32))
}

func (r *fieldReader) int64(name string, absent int64) int64 { return r.integer(name, absent, 64) }

func (r *fieldReader) needInteger(name string, bits int) int64 {
	v, ok := r.fs.Get(name)
	if !ok {
		r.missing(name)
		return 0
	}
	return r.parse(name, v, bits)
}

func (r *fieldReader) needInt32(name string) int32 {
	return int32(r.needInteger(name, 32))
}

func (r *fieldReader) needInt64(name string) int64 { return r.needInteger(name, 64) }

// flag is an optional boolean, false when absent.
func (r *fieldReader) flag(name string) bool { return r.flagOr(name, false) }

func (r *fieldReader) flagOr(name string, absent bool) bool {
	v, ok := r.fs.Get(name)
	if !ok {
		return absent
	}
	return isTrue(v)
}

func (r *fieldReader) parse(name string, v []byte, bits int) int64 {
	n, ok := parseSized(v, bits)
	if !ok && r.err == nil {
		r.err = badInteger(name, v, bits)
	}
	return n
}

func (r *fieldReader) missing(name string) {
	if r.err == nil {
		r.err = missingField(name)
	}
}

// missingField is the error of a required header field that is not there, in the words that clients know.
func missingField(name string) error { return fmt.Errorf("the custom field <%s> is null", name) }

func badInteger(name string, v []byte, bits int) error {
	return fmt.Errorf("the custom field <%s> is not a %d-bit integer: %.40q", name, bits, v)
}

// parseSized reads a decimal integer of 32 or 64 bits without allocating.
func parseSized(v []byte, bits int) (int64, bool) {
	n, ok := parseInt(v)
	return n, ok && (bits == 64 || n >= math.MinInt32 && n <= math.MaxInt32)
}

// isTrue reads a boolean as Java does: "true" in any case, all else is false.
func isTrue(v []byte) bool {
	return len(v) == 4 && v[0]|0x20 == 't' && v[1]|0x20 == 'r' && v[2]|0x20 == 'u' && v[3]|0x20 == 'e'
}

// addOptional adds a text that is left out when empty.
func addOptional(fs *Fields, name, value string) {
	if value != "" {
		fs.Add(name, value)
	}
}
