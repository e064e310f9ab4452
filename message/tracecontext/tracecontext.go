// Package tracecontext reads and writes the W3C Trace Context that producers put among a message's properties, so that whoever handles the message
// later can say of what it is a part. It is pure; everything in it is safe to call at once.
//
// The text of traceparent, version 00:
//
//	offset  size  field
//	     0     2  version, "00"
//	     2     1  '-'
//	     3    32  trace id, lower-case hex, not all 0
//	    35     1  '-'
//	    36    16  id of the span, lower-case hex, not all 0
//	    52     1  '-'
//	    53     2  flags, lower-case hex; bit 0: the producer records this trace
//
// A later version may have more behind another '-'. Source: https://www.w3.org/TR/trace-context-2/.
package tracecontext

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// Names of the properties. gRPC clients have a field of their own for the context of a message, which stands in PropField.
const (
	PropParent = "traceparent"
	PropState  = "tracestate"
	PropField  = "TRACE_CONTEXT"
)

const (
	parentSize = 55 // of version 00
	maxParent  = 256
	maxState   = 512
	maxMembers = 32
	maxKey     = 256
	maxValue   = 256
	sampled    = 1
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed trace context")

// TraceID names a trace, and is never all 0.
type TraceID [16]byte

// SpanID names a span within its trace, and is never all 0.
type SpanID [8]byte

// Context is a span by name: what others say of whom they belong to. The zero value is none.
type Context struct {
	Trace TraceID
	Span  SpanID
	Flags byte
	// State is what tracing systems pass on for themselves: the text of tracestate.
	State string
}

// Sampled reports whether whoever made the context records it.
func (c *Context) Sampled() bool { return c.Flags&sampled != 0 }

// Record makes the context one that is recorded.
func (c *Context) Record() { c.Flags |= sampled }

// Parent is the text of traceparent.
func (c *Context) Parent() string {
	b := make([]byte, 0, parentSize)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, c.Trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, c.Span[:])
	b = append(b, '-')
	return string(hex.AppendEncode(b, []byte{c.Flags}))
}

// Of is the context that a message brings, and whether it brings one. A state that cannot be read is left out, as the standard has it; a parent that
// cannot be read is no context, and an error. The field of gRPC clients may hold what it likes: it counts if it is a traceparent.
func Of(p message.Properties) (c Context, ok bool, err error) {
	var parent, state, field []byte
	for pair := range p.Pairs() {
		if len(pair) == 0 || pair[0] != PropParent[0] && pair[0] != PropField[0] {
			continue
		}
		if v, is := message.ValueOf(pair, PropParent); is {
			parent = v
		} else if v, is := message.ValueOf(pair, PropState); is {
			state = v
		} else if v, is := message.ValueOf(pair, PropField); is {
			field = v
		}
	}
	switch {
	case parent != nil:
		c, err = Parse(parent)
	case field != nil:
		if c, err = Parse(field); err != nil {
			return Context{}, false, nil
		}
	default:
		return Context{}, false, nil
	}
	if err != nil {
		return Context{}, false, err
	}
	if CheckState(state) == nil {
		c.State = string(state)
	}
	return c, true, nil
}

// Parse reads a traceparent. Errors wrap [ErrMalformed] and say at which offset what was expected.
func Parse(b []byte) (Context, error) {
	var c Context
	if len(b) < parentSize || len(b) > maxParent {
		return c, fmt.Errorf("%w: traceparent has %d bytes, it must have %d (up to %d in later versions)", ErrMalformed, len(b), parentSize, maxParent)
	}
	var version [1]byte
	if err := field(version[:], b, 0, "the version"); err != nil {
		return c, err
	}
	switch {
	case version[0] == 0xff:
		return c, fmt.Errorf("%w: traceparent has version ff, which is none", ErrMalformed)
	case version[0] == 0 && len(b) != parentSize:
		return c, fmt.Errorf("%w: traceparent has version 00 and %d bytes, it must have %d", ErrMalformed, len(b), parentSize)
	}
	for _, at := range [...]int{2, 35, 52, parentSize} {
		if at < len(b) && b[at] != '-' {
			return c, fmt.Errorf("%w: traceparent has %q at offset %d, it must be '-'", ErrMalformed, b[at], at)
		}
	}
	var flags [1]byte
	if err := field(c.Trace[:], b, 3, "the trace id"); err != nil {
		return Context{}, err
	}
	if err := field(c.Span[:], b, 36, "the span id"); err != nil {
		return Context{}, err
	}
	if err := field(flags[:], b, 53, "the flags"); err != nil {
		return Context{}, err
	}
	if c.Trace == (TraceID{}) || c.Span == (SpanID{}) {
		return Context{}, fmt.Errorf("%w: the trace id (%x) or the span id (%x) of traceparent is all 0", ErrMalformed, c.Trace, c.Span)
	}
	c.Flags = flags[0] & sampled // what the other bits mean is not for us to pass on
	return c, nil
}

// field reads lower-case hex digits.
func field(dst, b []byte, at int, what string) error {
	text := b[at : at+2*len(dst)]
	for i, d := range text {
		if (d < '0' || d > '9') && (d < 'a' || d > 'f') {
			return fmt.Errorf("%w: traceparent has %q at offset %d, in %s: only 0-9 and a-f may stand there", ErrMalformed, d, at+i, what)
		}
	}
	_, err := hex.Decode(dst, text)
	return err
}

// CheckState refuses a tracestate that does not follow the standard's grammar, names a system twice, or is longer than everybody must pass on
// (512 bytes, 32 members). Errors wrap [ErrMalformed].
func CheckState(b []byte) error {
	if len(b) > maxState {
		return fmt.Errorf("%w: tracestate has %d bytes, the limit is %d", ErrMalformed, len(b), maxState)
	}
	var seen [maxMembers][]byte
	n := 0
	for at := 0; at < len(b); {
		member, rest, more := bytes.Cut(b[at:], []byte{','})
		from := at
		at = len(b) - len(rest)
		if !more {
			at = len(b)
		}
		member = bytes.Trim(member, " \t")
		if len(member) == 0 {
			continue
		}
		if n == maxMembers {
			return fmt.Errorf("%w: tracestate has more than %d members", ErrMalformed, maxMembers)
		}
		key, value, ok := bytes.Cut(member, []byte{'='})
		if !ok || !keyOK(key) || !valueOK(value) {
			return fmt.Errorf("%w: tracestate has no key=value at offset %d", ErrMalformed, from)
		}
		for _, k := range seen[:n] {
			if bytes.Equal(k, key) {
				return fmt.Errorf("%w: tracestate has the key %s twice, again at offset %d", ErrMalformed, key, from)
			}
		}
		seen[n] = key
		n++
	}
	return nil
}

func keyOK(key []byte) bool {
	if len(key) == 0 || len(key) > maxKey {
		return false
	}
	for i, c := range key {
		lower := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !lower && (i == 0 || bytes.IndexByte([]byte("_-*/@"), c) < 0) {
			return false
		}
	}
	return true
}

func valueOK(value []byte) bool {
	if len(value) == 0 || len(value) > maxValue || value[len(value)-1] == ' ' {
		return false
	}
	for _, c := range value {
		if c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
