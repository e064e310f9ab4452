package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind is a kind of token. Reserved words and signs are one kind each.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenInteger
	tokenFloat
	tokenText
	tokenName
	tokenNot
	tokenAnd
	tokenOr
	tokenBetween
	tokenIn
	tokenTrue
	tokenFalse
	tokenNull
	tokenIs
	tokenContains
	tokenStartsWith
	tokenEndsWith
	tokenEqual
	tokenNotEqual
	tokenGreater
	tokenGreaterEqual
	tokenLess
	tokenLessEqual
	tokenOpen
	tokenComma
	tokenClose
	tokenPlus
	tokenMinus
)

// token is one token and where it begins; its text lies in the expression.
type token struct {
	kind tokenKind
	at   int
	text string
}

// lexer cuts an expression into tokens: always the longest that fits. White space and comments stand anywhere between
// two. A line comment must end with its line: without one "--" is two minus signs, as in Apache.
type lexer struct {
	source   string
	at       int
	lastLine bool // no line ends behind at, so that no "--" begins a comment
}

// next returns the next token, of kind tokenEnd at the end.
func (l *lexer) next() (token, error) {
	l.skip()
	rest := l.source[l.at:]
	if rest == "" {
		return token{kind: tokenEnd, at: l.at}, nil
	}
	kind, n := tokenEnd, 0
	switch c := rest[0]; {
	case isNameStart(c):
		n = nameLength(rest)
		kind = word(rest[:n])
	case isDigit(c) || c == '.':
		kind, n = numberLength(rest)
	case c == '\'':
		kind, n = tokenText, textLength(rest)
	default:
		kind, n = sign(rest)
	}
	if n == 0 {
		r, _ := utf8.DecodeRuneInString(rest)
		if r == '\'' {
			return token{}, l.wrong(l.at, "the text that begins here has no end")
		}
		return token{}, l.wrong(l.at, "%q is not part of the language", r)
	}
	t := token{kind: kind, at: l.at, text: rest[:n]}
	l.at += n
	return t, nil
}

// skip goes on to where a token may begin.
func (l *lexer) skip() {
	for l.at < len(l.source) {
		rest := l.source[l.at:]
		switch {
		case strings.IndexByte(" \t\n\r\f", rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "--") && !l.lastLine:
			end := strings.IndexAny(rest, "\n\r")
			if end < 0 {
				l.lastLine = true
				return
			}
			l.at += end + 1
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return
			}
			l.at += end + 4
		default:
			return
		}
	}
}

// wrong makes the error for a place in the expression. Lines and columns count from 1, columns in characters.
func (l *lexer) wrong(at int, format string, args ...any) error {
	line, column := l.place(at)
	return fmt.Errorf("%w: line %d, column %d: %s", ErrSyntax, line, column, fmt.Sprintf(format, args...))
}

func (l *lexer) place(at int) (line, column int) {
	before := l.source[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

func isNameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$'
}

func nameLength(s string) int {
	n := 1
	for n < len(s) && (isNameStart(s[n]) || isDigit(s[n])) {
		n++
	}
	return n
}

// word is the kind of a reserved word in any case, or tokenName.
func word(s string) tokenKind {
	for kind := tokenNot; kind <= tokenEndsWith; kind++ {
		if strings.EqualFold(s, kind.String()) {
			return kind
		}
	}
	return tokenName
}

// String is how errors name a kind, and for a reserved word or a sign how it is written.
func (k tokenKind) String() string {
	return [...]string{
		"the end", "a number", "a number", "a text", "a property",
		"NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "FALSE", "NULL", "IS", "CONTAINS", "STARTSWITH", "ENDSWITH",
		"=", "<>", ">", ">=", "<", "<=", "(", ",", ")", "+", "-",
	}[k]
}

// sign finds the longest sign that s begins with.
func sign(s string) (kind tokenKind, n int) {
	for k := tokenEqual; k <= tokenMinus; k++ {
		if text := k.String(); len(text) > n && strings.HasPrefix(s, text) {
			kind, n = k, len(text)
		}
	}
	return kind, n
}

// numberLength finds the longest number that s begins with. A decimal one does not begin with 0 unless it is 0, so that 05
// is 0 and then 5, and may end with L.
func numberLength(s string) (tokenKind, int) {
	i := digits(s, 0)
	whole := i
	if i < len(s) && s[i] == '.' && (whole > 0 || digits(s, 1) > 1) {
		return tokenFloat, exponent(s, digits(s, i+1))
	}
	if end := exponent(s, i); whole > 0 && end > i {
		return tokenFloat, end
	}
	switch {
	case whole == 0:
		return tokenFloat, 0
	case s[0] == '0':
		return tokenInteger, 1
	case i < len(s) && s[i]|0x20 == 'l':
		return tokenInteger, i + 1
	}
	return tokenInteger, i
}

// digits is where the digits that stand at i end.
func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// exponent is where the exponent that stands at i ends, i if there is none.
func exponent(s string, i int) int {
	if i == len(s) || s[i]|0x20 != 'e' {
		return i
	}
	from := i + 1
	if from < len(s) && (s[from] == '+' || s[from] == '-') {
		from++
	}
	if end := digits(s, from); end > from {
		return end
	}
	return i
}

// textLength finds the longest text in quotes that s begins with; two quotes within stand for one. It is 0 without an end.
func textLength(s string) int {
	end := 0
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		end = i + 1
		if end == len(s) || s[end] != '\'' {
			return end
		}
		i = end
	}
	return end
}

// unquote is what a text in quotes says.
func unquote(s string) string { return strings.ReplaceAll(s[1:len(s)-1], "''", "'") }
