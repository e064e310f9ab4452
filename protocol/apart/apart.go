// Package apart is what requests have in common whose headers and bodies lie in packages below protocol, and that are served
// in packages below broker: how a header is read, what is answered, and how one is refused.
//
// A [Header] has one owner; all else is safe to use at once.
package apart

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Answer is a success: a body, and a remark; both may be empty.
type Answer struct {
	Body   []byte
	Remark string
}

// Refusal is an answer other than success, as an error.
type Refusal struct {
	Code   int32
	Remark string
}

// Error names both.
func (r *Refusal) Error() string { return fmt.Sprintf("refused with code %d: %s", r.Code, r.Remark) }

// Refuse makes a refusal.
func Refuse(code int32, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Remark: fmt.Sprintf(format, args...)}
}

// Header reads the fields of a request's header and keeps the first error, so that it is asked for once.
type Header struct {
	fields protocol.Fields
	err    error
}

// Read begins to read the fields of a request.
func Read(f *protocol.Frame) *Header { return &Header{fields: f.Fields} }

// Err is what was wrong first, in words that clients know; the code for it is 1.
func (h *Header) Err() error {
	if h.err == nil {
		return nil
	}
	return Refuse(protocol.ResSystemError, "%v", h.err)
}

// Text is an optional text, "" when absent.
func (h *Header) Text(name string) string {
	v, _ := h.fields.Get(name)
	return string(v)
}

// Need is a text that must be there; it may be empty.
func (h *Header) Need(name string) string {
	v, ok := h.fields.Get(name)
	if !ok {
		h.missing(name)
	}
	return string(v)
}

// Int is an optional number, or its default.
func (h *Header) Int(name string, absent int64) int64 {
	v, ok := h.fields.Get(name)
	if !ok || len(v) == 0 {
		return absent
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("the custom field <%s> is not a 64-bit integer: %.40q", name, v)
	}
	return n
}

// NeedInt is a number that must be there.
func (h *Header) NeedInt(name string) int64 {
	if v, ok := h.fields.Get(name); !ok || len(v) == 0 {
		h.missing(name)
	}
	return h.Int(name, 0)
}

// Flag is an optional boolean, and whether it is there; anything but "true" is false.
func (h *Header) Flag(name string) (value, there bool) {
	v, ok := h.fields.Get(name)
	return strings.EqualFold(string(v), "true"), ok
}

func (h *Header) missing(name string) {
	if h.err == nil {
		h.err = fmt.Errorf("the custom field <%s> is null", name)
	}
}

// MaxBody bounds the bodies that [Body] reads, in bytes: what is made of one may take forty times as much memory.
const MaxBody = 1 << 20

// Body decodes the JSON body of a request, see [protocol.UnmarshalBody].
func Body(f *protocol.Frame, v any) error {
	if n := len(f.Body); n > MaxBody {
		return fmt.Errorf("the request's body has %d bytes, the limit is %d", n, MaxBody)
	}
	return protocol.UnmarshalBody(f.Body, v)
}

// MaxListBody bounds the bodies that [ListBody] reads, in bytes: room for the settings of some ten thousand topics or groups.
const MaxListBody = 4 << 20

// ListBody is [Body] for requests that name many topics or groups at once.
func ListBody(f *protocol.Frame, v any) error {
	if n := len(f.Body); n > MaxListBody {
		return fmt.Errorf("the request's body has %d bytes, the limit is %d", n, MaxListBody)
	}
	return protocol.UnmarshalBody(f.Body, v)
}
