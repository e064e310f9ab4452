package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// JSONStyle says how a body's maps with numbers as keys are written. Maps with objects as keys exist in one form only, which is
// not JSON either: {{"brokerName":"b","queueId":0,"topic":"t"}:{…}}. Java clients read no other.
type JSONStyle byte

// The styles of bodies.
const (
	FastJSON     JSONStyle = iota // {0:"10.0.0.1:10911"}: as Java's fastjson writes by default, not JSON
	StandardJSON                  // {"0":"10.0.0.1:10911"}, all but ASCII escaped: for clients that say that they need it
)

// maxJSONDepth bounds how deep objects and arrays of a body may nest.
const maxJSONDepth = 64

// UnmarshalBody decodes a JSON body into v, which is a pointer to one of this package's body types. It takes standard JSON
// and what fastjson writes: see [NormalizeJSON]. Unknown members are ignored.
func UnmarshalBody(b []byte, v any) error {
	text, err := NormalizeJSON(b)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("decode the JSON body of %d bytes: %w", len(b), err)
	}
	return nil
}

// MarshalBody encodes a body type that has no Append method of its own, as compact standard JSON.
func MarshalBody(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("BUG: body type %T cannot be encoded: %v", v, err))
	}
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'})
}

// NormalizeJSON turns fastjson's dialect into standard JSON: keys without quotes ({0:"a"}) get quotes, objects as keys
// ({{"topic":"t"}:1}) become strings that hold the object's text, single quotes become double, commas before a closing bracket
// go. Text that is standard already is returned as it is.
func NormalizeJSON(b []byte) ([]byte, error) {
	if json.Valid(b) {
		return b, nil
	}
	n := normalizer{in: b, out: make([]byte, 0, len(b)+len(b)/4+16)}
	if err := n.value(0); err != nil {
		return nil, err
	}
	if n.peek() != 0 {
		return nil, n.fail("text behind the value")
	}
	return n.out, nil
}

type normalizer struct {
	in, out []byte
	at      int
	inKey   bool // what is read is a key
}

func (n *normalizer) fail(what string) error { return fmt.Errorf("byte %d: %s", n.at, what) }

// peek skips white space and returns the next byte, 0 at the end.
func (n *normalizer) peek() byte {
	for ; n.at < len(n.in); n.at++ {
		switch c := n.in[n.at]; c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 0xFF
		default:
			return c
		}
	}
	return 0
}

func (n *normalizer) value(depth int) error {
	if depth > maxJSONDepth {
		return n.fail(fmt.Sprintf("nested deeper than %d", maxJSONDepth))
	}
	switch c := n.peek(); c {
	case '{':
		return n.list('}', func() error { return n.member(depth) })
	case '[':
		return n.list(']', func() error { return n.value(depth + 1) })
	case '"', '\'':
		return n.quoted(c)
	default:
		from := len(n.out)
		if !n.word() {
			return n.fail("no value")
		}
		if !json.Valid(n.out[from:]) {
			return n.fail("no number, true, false or null")
		}
		return nil
	}
}

// list copies an object or array: opening bracket, items between commas, closing bracket.
func (n *normalizer) list(end byte, item func() error) error {
	n.out = append(n.out, n.in[n.at])
	n.at++
	for first := true; ; first = false {
		if n.peek() == end {
			break
		}
		if !first {
			if n.peek() != ',' {
				return n.fail("a comma or the closing bracket is missing")
			}
			n.at++
			if n.peek() == end {
				break
			}
			n.out = append(n.out, ',')
		}
		if err := item(); err != nil {
			return err
		}
	}
	n.at++
	n.out = append(n.out, end)
	return nil
}

func (n *normalizer) member(depth int) error {
	switch c := n.peek(); c {
	case '"', '\'':
		if err := n.quoted(c); err != nil {
			return err
		}
	case '{', '[':
		if n.inKey { // written as texts, one in the other, each would double the backslashes of those inside
			return n.fail("an object or array is a key in a key that is one itself")
		}
		n.inKey = true
		from := len(n.out)
		if err := n.value(depth + 1); err != nil {
			return err
		}
		n.inKey = false
		text := string(n.out[from:])
		n.out = appendJSONText(n.out[:from], text, false)
	default:
		n.out = append(n.out, '"')
		if !n.word() {
			return n.fail("no key")
		}
		n.out = append(n.out, '"')
	}
	if n.peek() != ':' {
		return n.fail("the colon behind a key is missing")
	}
	n.at++
	n.out = append(n.out, ':')
	return n.value(depth + 1)
}

// word copies letters, digits and the signs of numbers.
func (n *normalizer) word() bool {
	from := n.at
	for n.at < len(n.in) {
		c := n.in[n.at]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == '_' || c == '$' {
			n.at++
			continue
		}
		break
	}
	n.out = append(n.out, n.in[from:n.at]...)
	return n.at > from
}

// quoted copies a text in either quotes into double ones.
func (n *normalizer) quoted(quote byte) error {
	n.at++
	n.out = append(n.out, '"')
	for n.at < len(n.in) {
		c := n.in[n.at]
		n.at++
		switch {
		case c == quote:
			n.out = append(n.out, '"')
			return nil
		case c == '\\' && n.at < len(n.in):
			if e := n.in[n.at]; e == '\'' {
				n.out = append(n.out, '\'')
			} else {
				n.out = append(n.out, '\\', e)
			}
			n.at++
		case c == '"':
			n.out = append(n.out, '\\', '"')
		case c < 0x20:
			n.out = append(n.out, `\u00`...)
			n.out = append(n.out, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			n.out = append(n.out, c)
		}
	}
	return errors.New("a text has no end")
}

// appendJSONText appends a text in double quotes. ascii escapes all that is not ASCII.
func appendJSONText(dst []byte, text string, ascii bool) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c < 0x20 || c == 0x7F:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			i += size
			dst = appendJSONRune(dst, r, ascii)
		}
	}
	return append(dst, '"')
}

func appendJSONRune(dst []byte, r rune, ascii bool) []byte {
	if !ascii {
		return utf8.AppendRune(dst, r)
	}
	if r >= 0x10000 {
		r -= 0x10000
		return fmt.Appendf(dst, `\u%04X\u%04X`, 0xD800+(r>>10), 0xDC00+(r&0x3FF))
	}
	return fmt.Appendf(dst, `\u%04X`, r)
}

// appendJSONIntKey appends a number as a key, with its colon.
func appendJSONIntKey(dst []byte, key int64, style JSONStyle) []byte {
	if style == FastJSON {
		return append(strconv.AppendInt(dst, key, 10), ':')
	}
	dst = append(dst, '"')
	return append(strconv.AppendInt(dst, key, 10), '"', ':')
}

// appendJSONFloat appends a Java double: at least one digit behind the point.
func appendJSONFloat(dst []byte, v float64) []byte {
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	if !bytes.ContainsRune(dst[from:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}
