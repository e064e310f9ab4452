// Package javatext writes values as Java's toString and fastjson do, for tools whose output people compare with Java's. It is pure and safe to call
// at once.
package javatext

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Float is a double as Double.toString writes those of middling size.
func Float(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e7 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// Map is a map as toString writes it, sorted.
func Map[V any](m map[string]V) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, m[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Text is a text, null for none.
func Text(text string) string {
	if text == "" {
		return "null"
	}
	return text
}

// Bytes are bytes as Arrays.toString writes them: signed.
func Bytes(b []byte) string {
	out := make([]byte, 0, 5*len(b)+2)
	out = append(out, '[')
	for i, c := range b {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendInt(out, int64(int8(c)), 10) //nolint:gosec // Java's bytes are signed
	}
	return string(append(out, ']'))
}

// Front is the beginning of a text, as long as a column.
func Front(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most])
	}
	return text
}

// Pretty indents the text of a JSON body, fastjson's dialect too, with tabs.
func Pretty(text []byte) string {
	var out strings.Builder
	depth, quoted := 0, false
	line := func() {
		out.WriteByte('\n')
		for range depth {
			out.WriteByte('\t')
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quoted {
			out.WriteByte(c)
			if c == '\\' && i+1 < len(text) {
				i++
				out.WriteByte(text[i])
			}
			quoted = c != '"'
			continue
		}
		switch c {
		case '{', '[':
			out.WriteByte(c)
			if i+1 < len(text) && (text[i+1] == '}' || text[i+1] == ']') {
				i++
				out.WriteByte(text[i])
				continue
			}
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out.WriteByte(c)
		case ',':
			out.WriteByte(c)
			line()
		default:
			out.WriteByte(c)
			quoted = c == '"'
		}
	}
	return out.String()
}

// List is a list as toString writes it, null for nil.
func List(items []string) string {
	if items == nil {
		return "null"
	}
	return "[" + strings.Join(items, ", ") + "]"
}
