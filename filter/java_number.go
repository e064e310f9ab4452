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
		return int64(-n), true //nolint:gosec // two's complement: n is at most 1<<63
	}
	return int64(n), true //nolint:gosec // n is at most 1<<63-1
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
	d, ok := readDecimal(body)
	switch {
	case !ok:
		return 0, false
	case d.zero:
		return signed(0, negative), true
	case d.cut && d.tiny:
		return signed(0, negative), true
	case d.cut:
		return signed(math.Inf(1), negative), true
	}
	return convert(body[:d.length], negative)
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

// decimal is the form of a decimal number without sign.
type decimal struct {
	length    int // without the suffix
	zero      bool
	cut, tiny bool // the exponent is beyond what Java computes with, and negative
}

// bigExponent is the exponent from which on, given as many more as there are digits, Java takes a number for zero or
// infinity at once: "0.<400 zeros>1e400" is infinite to it.
const bigExponent = 324

// readDecimal checks a decimal number without sign: digits with at most one point among them, perhaps an exponent,
// perhaps a suffix.
func readDecimal(s []byte) (d decimal, ok bool) {
	i, leadingZeros, digits := 0, 0, 0
	point := false
	for ; i < len(s) && (s[i] == '.' || isDigit(s[i])); i++ {
		switch {
		case s[i] == '.' && point:
			return d, false
		case s[i] == '.':
			point = true
		case s[i] == '0' && digits == 0:
			leadingZeros++
		default:
			digits++
		}
	}
	if digits+leadingZeros == 0 {
		return d, false
	}
	d.zero = digits == 0
	if i < len(s) && s[i]|0x20 == 'e' {
		from := i + 1
		if from < len(s) && (s[from] == '-' || s[from] == '+') {
			d.tiny = s[from] == '-'
			from++
		}
		exponent := 0
		for i = from; i < len(s) && isDigit(s[i]); i++ {
			exponent = min(exponent*10+int(s[i]-'0'), math.MaxInt32)
		}
		if i == from {
			return d, false
		}
		d.cut = exponent > bigExponent+digits
	}
	d.length = i
	return d, i == len(s) || i == len(s)-1 && isSuffix(s[i])
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
