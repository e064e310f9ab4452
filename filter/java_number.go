package filter

import (
	"bytes"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Numbers in properties are read as Java reads them: Integer.valueOf, Long.valueOf and Double.valueOf of OpenJDK 17.

// parseInt reads digits with an optional sign, nothing else, that fit into so many bits. Digits are all decimal digits of
// Unicode's basic plane.
func parseInt(s []byte, bits uint) (int64, bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	limit := uint64(1)<<(bits-1) - 1
	if negative {
		limit++
	}
	n := uint64(0)
	for len(s) > 0 {
		d := uint64(s[0] - '0')
		size := 1
		if s[0] >= utf8.RuneSelf {
			d, size = digit(s)
		}
		if d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
		s = s[size:]
	}
	if negative {
		return int64(-n), true // two's complement: n is at most 1<<63
	}
	return int64(n), true
}

// digit is the value of the digit that s begins with, above 9 if it is none, and its length.
func digit(s []byte) (uint64, int) {
	r, size := utf8.DecodeRune(s)
	for _, block := range unicode.Nd.R16 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return uint64(r-rune(block.Lo)) % 10, size
		}
	}
	return 10, size
}

// parseDouble reads a decimal or hexadecimal floating point number, NaN or Infinity. White space and control characters
// around it do not count, nor does a last f, F, d or D.
func parseDouble(s []byte) (float64, bool) {
	s = bytes.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	body := s
	negative := false
	if len(body) > 0 && (body[0] == '-' || body[0] == '+') {
		negative, body = body[0] == '-', body[1:]
	}
	switch {
	case string(body) == "NaN":
		return math.NaN(), true
	case string(body) == "Infinity":
		return signed(math.Inf(1), negative), true
	case len(body) > 1 && body[0] == '0' && body[1]|0x20 == 'x':
		n := hexLength(body)
		if n == 0 {
			return 0, false
		}
		return convert(body[:n], negative)
	}
	n, ok := decimalLength(body)
	if !ok {
		return 0, false
	}
	return convert(body[:n], negative)
}

func signed(v float64, negative bool) float64 {
	if negative {
		return -v
	}
	return v
}

// convert rounds a number whose form has been checked; one that is too large is infinite.
func convert(s []byte, negative bool) (float64, bool) {
	// ParseFloat keeps nothing of its argument, so the bytes may go on being the caller's.
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(s), len(s)), 64) // #nosec G103
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return signed(v, negative), true
}

// decimalLength is the length without its suffix of the decimal number without sign that s is: digits with at most one point
// among them, perhaps an exponent, perhaps a suffix.
func decimalLength(s []byte) (n int, ok bool) {
	digits, point := 0, false
	for ; n < len(s) && (s[n] == '.' && !point || isDigit(s[n])); n++ {
		if s[n] == '.' {
			point = true
		} else {
			digits++
		}
	}
	if digits == 0 {
		return 0, false
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		from := n + 1
		if from < len(s) && (s[from] == '-' || s[from] == '+') {
			from++
		}
		for n = from; n < len(s) && isDigit(s[n]); {
			n++
		}
		if n == from {
			return 0, false
		}
	}
	return n, n == len(s) || n == len(s)-1 && isSuffix(s[n])
}

// hexLength is the length of the hexadecimal floating point number that s is, without its suffix: 0x, digits with at
// most one point, and an exponent of two, which may not be left out. It is 0 for anything else.
func hexLength(s []byte) int {
	i, digits := 2, 0
	point := false
	for ; i < len(s) && (s[i] == '.' && !point || isHexDigit(s[i])); i++ {
		if s[i] == '.' {
			point = true
		} else {
			digits++
		}
	}
	if digits == 0 || i == len(s) || s[i]|0x20 != 'p' {
		return 0
	}
	i++
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	from := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == from || i < len(s)-1 || i == len(s)-1 && !isSuffix(s[i]) {
		return 0
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isSuffix(c byte) bool { return c|0x20 == 'f' || c|0x20 == 'd' }
