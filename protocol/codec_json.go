package protocol

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The JSON header is parsed by hand: it is the most frequent text that a broker reads, and a send header costs a third of
// a microsecond and no allocation this way. It is the object
//
//	{"code":310,"extFields":{"a":"group",…},"flag":0,"language":"JAVA","opaque":7,"remark":"…",
//	 "serializeTypeCurrentRPC":"JSON","version":513}
//
// in any order, with any white space. Clients differ: numbers may be quoted, members may be null, extFields' values may be
// numbers or booleans, control characters may stand in strings unescaped. Unknown members are skipped.

// maxDepth bounds the nesting of values that are skipped or kept as raw text.
const maxDepth = 64

type jsonReader struct {
	b []byte
	i int
}

func decodeJSON(h []byte, f *Frame) error {
	r := jsonReader{b: h}
	if !r.header(f) {
		if len(f.Fields) == maxFields {
			return fmt.Errorf("%w: more than %d extra fields", ErrFrame, maxFields)
		}
		at := min(r.i, len(h))
		return fmt.Errorf("%w: JSON header of %d bytes is wrong at byte %d, near %.20q", ErrFrame, len(h), at, h[at:])
	}
	return nil
}

func (r *jsonReader) header(f *Frame) bool {
	more, ok := r.open()
	for ok && more {
		var key []byte
		if key, ok = r.key(); !ok {
			return false
		}
		switch string(key) {
		case "code":
			ok = r.int32(&f.Code)
		case "flag":
			ok = r.int32(&f.Flag)
		case "opaque":
			ok = r.int32(&f.Opaque)
		case "version":
			ok = r.int32(&f.Version)
		case "language":
			ok = r.language(&f.Language)
		case "remark":
			ok = r.remark(&f.Remark)
		case "extFields":
			ok = r.extFields(f)
		default:
			ok = r.skip()
		}
		if ok {
			more, ok = r.next()
		}
	}
	if !ok {
		return false
	}
	r.space()
	return r.i == len(r.b)
}

func (r *jsonReader) extFields(f *Frame) bool {
	if r.peek() == 'n' {
		return r.word("null")
	}
	more, ok := r.open()
	for ok && more {
		var key, value []byte
		if key, ok = r.key(); !ok {
			return false
		}
		if value, ok = r.text(); !ok {
			return false
		}
		if value != nil {
			if len(f.Fields) == maxFields {
				return false
			}
			f.Fields = append(f.Fields, Field{Key: key, Value: value})
		}
		more, ok = r.next()
	}
	return ok
}

func (r *jsonReader) space() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// peek is the first byte that is not white space, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.i < len(r.b) && r.b[r.i] > ' ' {
		return r.b[r.i]
	}
	r.space()
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

// open begins an object; more says whether a member follows.
func (r *jsonReader) open() (more, ok bool) {
	if r.peek() != '{' {
		return false, false
	}
	r.i++
	if r.peek() == '}' {
		r.i++
		return false, true
	}
	return true, true
}

// next goes behind a member; more says whether another one follows.
func (r *jsonReader) next() (more, ok bool) {
	switch r.peek() {
	case ',':
		r.i++
		return true, true
	case '}':
		r.i++
		return false, true
	}
	return false, false
}

func (r *jsonReader) key() ([]byte, bool) {
	if r.peek() != '"' {
		return nil, false
	}
	key, ok := r.str()
	if !ok || r.peek() != ':' {
		return nil, false
	}
	r.i++
	return key, true
}

func (r *jsonReader) word(w string) bool {
	if len(r.b)-r.i < len(w) || string(r.b[r.i:r.i+len(w)]) != w {
		return false
	}
	r.i += len(w)
	return true
}

// text reads any value as text: a string unescaped, null as nil, everything else as it stands.
func (r *jsonReader) text() ([]byte, bool) {
	switch r.peek() {
	case '"':
		return r.str()
	case 'n':
		return nil, r.word("null")
	}
	at := r.i
	ok := r.skip()
	return r.b[at:r.i:r.i], ok
}

func (r *jsonReader) int32(to *int32) bool {
	at := r.i
	text, ok := r.text()
	if !ok || text == nil {
		return ok
	}
	v, ok := parseInt(text)
	if !ok || v != int64(int32(v)) {
		r.i = at
		return false
	}
	*to = int32(v)
	return true
}

func (r *jsonReader) language(to *Language) bool {
	text, ok := r.text()
	if !ok || text == nil {
		return ok
	}
	if n, isNumber := parseInt(text); isNumber {
		*to = languageOfNumber(n)
	} else {
		*to = LanguageOf(text)
	}
	return true
}

func (r *jsonReader) remark(to *string) bool {
	text, ok := r.text()
	*to = string(text)
	return ok
}

// skip goes behind a value of any kind. Nested values are only followed, not checked in every detail.
func (r *jsonReader) skip() bool {
	depth := 0
	for {
		switch c := r.peek(); {
		case c == '"':
			if _, ok := r.raw(); !ok {
				return false
			}
		case c == '{' || c == '[':
			depth++
			if depth > maxDepth {
				return false
			}
			r.i++
			continue
		case (c == '}' || c == ']' || c == ',' || c == ':') && depth > 0:
			if c == '}' || c == ']' {
				depth--
			}
			r.i++
			if c == ',' || c == ':' {
				continue
			}
		default:
			if !r.scalar() {
				return false
			}
		}
		if depth == 0 {
			return true
		}
	}
}

// scalar goes behind a number, true, false or null.
func (r *jsonReader) scalar() bool {
	at := r.i
	for r.i < len(r.b) {
		c := r.b[r.i]
		if c-'0' > 9 && c|0x20-'a' > 25 && c != '-' && c != '+' && c != '.' {
			break
		}
		r.i++
	}
	return r.i > at
}

// raw goes behind a string and leaves it as it stands; escaped says whether it holds an escape.
func (r *jsonReader) raw() (escaped, ok bool) {
	i := r.i + 1
	for {
		i = stringEnd(r.b, i)
		if i >= len(r.b) {
			return false, false
		}
		if r.b[i] == '"' {
			r.i = i + 1
			return escaped, true
		}
		escaped = true
		i += 2
	}
}

// stringEnd is the first place from i on that holds a quote or a backslash, len(b) if there is none. Eight bytes are
// looked at together.
func stringEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		q, s := x^(ones*'"'), x^(ones*'\\')
		if hit := ((q-ones)&^q | (s-ones)&^s) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '"' || b[i] == '\\' {
			return i
		}
	}
	return len(b)
}

// str reads a string and unescapes it in place.
func (r *jsonReader) str() ([]byte, bool) {
	b := r.b
	from := r.i + 1
	i := stringEnd(b, from)
	if i < len(b) && b[i] == '"' {
		r.i = i + 1
		return b[from:i:i], true
	}
	to := i // where the next unescaped byte goes
	for i < len(b) {
		if b[i] == '"' {
			r.i = i + 1
			return b[from:to:to], true
		}
		var ok bool
		if to, i, ok = unescape(b, to, i); !ok {
			r.i = i
			return nil, false
		}
		end := i
		if i < len(b) && b[i] != '"' && b[i] != '\\' {
			end = stringEnd(b, i)
		}
		to += copy(b[to:], b[i:end])
		i = end
	}
	r.i = i
	return nil, false
}

// unescape resolves the escape at b[i] to b[to:] and returns the places behind both. What it writes is never longer than
// what it read.
func unescape(b []byte, to, i int) (newTo, newI int, ok bool) {
	if i+1 >= len(b) {
		return to, i, false
	}
	c := b[i+1]
	switch c {
	case 'u':
		return unescapeUnit(b, to, i)
	case '"', '\\', '/', '\'':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	default:
		return to, i, false
	}
	b[to] = c
	return to + 1, i + 2, true
}

func unescapeUnit(b []byte, to, i int) (newTo, newI int, ok bool) {
	u, ok := hex4(b, i+2)
	if !ok {
		return to, i, false
	}
	i += 6
	if u < 0x80 {
		b[to] = byte(u)
		return to + 1, i, true
	}
	if utf16.IsSurrogate(u) {
		low := rune(-1)
		if i+1 < len(b) && b[i] == '\\' && b[i+1] == 'u' {
			if v, isHex := hex4(b, i+2); isHex {
				low = v
			}
		}
		u = utf16.DecodeRune(u, low)
		if u != utf8.RuneError {
			i += 6
		}
	}
	return to + utf8.EncodeRune(b[to:i], u), i, true
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var u rune
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		u = u<<4 | rune(c)
	}
	return u, true
}

// appendJSON writes the members in the order in which Java's encoder does: by name.
func appendJSON(dst []byte, f *Frame) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(f.Code), 10)
	if len(f.Fields) > 0 {
		dst = append(dst, `,"extFields":{`...)
		sep := false
		for i := range f.Fields {
			if f.Fields[i].Value == nil {
				continue
			}
			if sep {
				dst = append(dst, ',')
			}
			sep = true
			dst = append(appendString(dst, f.Fields[i].Key), ':')
			dst = appendString(dst, f.Fields[i].Value)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, `,"flag":`...)
	dst = strconv.AppendInt(dst, int64(f.Flag), 10)
	dst = append(append(append(dst, `,"language":"`...), f.Language.String()...), `","opaque":`...)
	dst = strconv.AppendInt(dst, int64(f.Opaque), 10)
	if f.Remark != "" {
		dst = append(dst, `,"remark":`...)
		dst = appendString(dst, bytesOf(f.Remark))
	}
	dst = append(dst, `,"serializeTypeCurrentRPC":"JSON","version":`...)
	dst = strconv.AppendInt(dst, int64(f.Version), 10)
	return append(dst, '}')
}

// appendString writes s as a JSON string. Bytes that are no UTF-8 become U+FFFD, as in every JSON encoder.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
