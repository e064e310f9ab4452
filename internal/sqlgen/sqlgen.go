// Package sqlgen makes SQL92 expressions and properties of messages at random, for tests that compare our evaluator with
// Apache's. Most expressions are well formed; some join kinds that do not fit, and some are cut, stirred or
// sprinkled with odd characters, so that refusals are compared as well. The same seed gives the same cases.
//
// Tests of package filter and of interop call it. A Generator is for one goroutine.
package sqlgen

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Generator makes cases.
type Generator struct{ r *rand.Rand }

// New returns a generator for a seed.
func New(seed uint64) *Generator { return &Generator{rand.New(rand.NewPCG(seed, 92))} } // #nosec G404 -- tests want the same cases again

func (g *Generator) pick(from []string) string { return from[g.r.IntN(len(from))] }

// one reports true once in n times.
func (g *Generator) one(n int) bool { return g.r.IntN(n) == 0 }

func names() []string {
	return []string{"a", "a", "b", "b", "c", "price", "region", "TAGS", "A", "$x", "_y9", "nulls", "missing"}
}

// values are property values around everything that Java reads as a number in one way or refuses in another.
func values() []string {
	return []string{
		"0", "1", "2", "3", "5", "7", "10", "42", "100", "-1", "-5", "+5", "005", "-0", "+", "-", "1.5", "5.0", "5.", ".5", ".", "1e3", "1E-2", "1e", "1e400",
		"1e-400", "-1e400", "0.0", "-0.0", "NaN", "-NaN", "nan", "Infinity", "-Infinity", "+Infinity", "inf", "1f", "5F", "5d", "5D", "5L", "1.5ff", " 1 ", "5 ", "\t5",
		"5\u00a0", "0x10", "0x1p3", "0X.8P4f", "0x1p", "0x1.p1d", "1_000", "1,5", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967301",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "123456789012345678901234567890",
		"0.1000000000000000055511151231257827021181583404541015625", "9007199254740993", "٣", "５", "1५", "𝟓", "true", "TRUE", "tRuE", "false", "null", "NULL",
		"", "x", "xy", "xyz", "abc", "ab", "bc", "it's", "a b", "Ünï", "中文", "hangzhou", "shanghai", "a'b", "--", "%", "\x01", "v\x01w",
		"0." + strings.Repeat("0", 330) + "1e331", strings.Repeat("9", 40), "17976931348623157" + strings.Repeat("0", 292), "4.9e-324", "2.4703282292062328e-324",
	}
}

// Properties makes the property text of a record: names and values, rarely with one name twice or badly cut.
func (g *Generator) Properties() []byte {
	var out strings.Builder
	for _, name := range names() {
		if name == "missing" || g.one(3) {
			continue
		}
		fmt.Fprintf(&out, "%s\x01%s\x02", name, g.value())
		if g.one(40) {
			out.WriteString("\x02cut\x02\x01nameless\x02")
		}
	}
	if g.one(2) {
		out.WriteString("UNIQ_KEY\x017F00000100002A9F4E9E1B2C3D4E0001\x02WAIT\x01true")
	}
	return []byte(out.String())
}

func (g *Generator) value() string {
	if g.one(3) {
		return fmt.Sprint(g.r.IntN(12))
	}
	return g.pick(values())
}

// Expression makes an expression.
func (g *Generator) Expression() string {
	tokens := g.condition(g.r.IntN(4), g.one(4))
	if g.one(6) {
		tokens = g.spoil(tokens)
	}
	text := g.join(tokens)
	if g.one(12) {
		return g.sprinkle(text)
	}
	return text
}

// condition makes what should be a condition; loose ones join what does not fit.
func (g *Generator) condition(depth int, loose bool) []string {
	if depth == 0 {
		return g.comparison(loose)
	}
	switch g.r.IntN(7) {
	case 0, 1, 2:
		out := g.condition(depth-1, loose)
		sign := g.pick([]string{"AND", "OR"})
		for range 1 + g.r.IntN(2) {
			out = append(append(out, sign), g.condition(depth-1, loose)...)
		}
		return out
	case 3:
		return append([]string{"NOT"}, parenthesised(g.condition(depth-1, loose))...)
	case 4:
		return append(parenthesised(g.condition(depth-1, loose)), g.pick([]string{"=", "<>"}), g.pick([]string{"TRUE", "FALSE", "a", "b"}))
	case 5:
		return append(parenthesised(g.condition(depth-1, loose)), g.nullTest()...)
	}
	return parenthesised(g.condition(depth-1, loose))
}

func parenthesised(tokens []string) []string {
	return append(append([]string{"("}, tokens...), ")")
}

func (g *Generator) nullTest() []string {
	if g.one(2) {
		return []string{"IS", "NULL"}
	}
	return []string{"IS", "NOT", "NULL"}
}

func (g *Generator) comparison(loose bool) []string {
	left := g.operand(loose, true)
	switch g.r.IntN(9) {
	case 0:
		return append(append(left, g.pick([]string{"=", "<>"})), g.operand(loose, false)...)
	case 1:
		return append(append(left, g.pick([]string{"=", "<>"})), g.text())
	case 2, 3:
		return append(append(left, g.pick([]string{">", ">=", "<", "<="})), g.number(loose)...)
	case 4:
		out := append(append(left, g.not()...), "BETWEEN")
		return append(append(append(out, g.number(loose)...), "AND"), g.number(loose)...)
	case 5:
		out := append(append(left, g.not()...), "IN", "(", g.text())
		for range g.r.IntN(7) {
			out = append(out, ",", g.text())
		}
		return append(out, ")")
	case 6:
		return append(left, g.nullTest()...)
	case 7:
		return append(append(left, g.not()...), g.pick([]string{"CONTAINS", "STARTSWITH", "ENDSWITH"}), g.text())
	}
	if loose {
		return left
	}
	return []string{g.pick([]string{"TRUE", "FALSE", "NULL", "a", "b", "missing"})}
}

func (g *Generator) not() []string {
	if g.one(2) {
		return []string{"NOT"}
	}
	return nil
}

func (g *Generator) operand(loose, property bool) []string {
	switch n := g.r.IntN(10); {
	case n < 6 || property && !loose && n < 9:
		return []string{g.pick(names())}
	case n < 7:
		return []string{g.text()}
	case n < 8 && loose:
		return []string{g.pick([]string{"TRUE", "FALSE", "NULL"})}
	case n < 9 && loose:
		return parenthesised(g.comparison(false))
	}
	return g.number(loose)
}

func (g *Generator) text() string {
	return "'" + strings.ReplaceAll(g.pick(values()), "'", "''") + "'"
}

func (g *Generator) number(loose bool) []string {
	if loose && g.one(4) {
		return g.operand(false, false)
	}
	number := g.pick([]string{
		"0", "1", "2", "5", "7", "10", "42", "100", "5L", "10l", "1.5", "5.0", "5.", ".5", "1e3", "1E-2", "2147483647", "2147483648", "4294967301", "9223372036854775807",
		"9007199254740993", "123456789012345678901234567890.0", "0.1",
	})
	switch {
	case loose && g.one(3):
		number = g.pick([]string{"05", "0L", "0.0", "1e400", "1e-400", "9223372036854775808", "1e", "1.5f", "4.9e-324", "."})
	case g.one(3):
		number = fmt.Sprint(g.r.IntN(12))
	}
	out := []string{number}
	for g.one(5) {
		out = append([]string{g.pick([]string{"-", "-", "+"})}, out...)
	}
	return out
}

// spoil drops, repeats or exchanges tokens.
func (g *Generator) spoil(tokens []string) []string {
	for range 1 + g.r.IntN(2) {
		if len(tokens) < 2 {
			return tokens
		}
		i, j := g.r.IntN(len(tokens)), g.r.IntN(len(tokens))
		switch g.r.IntN(4) {
		case 0:
			tokens = append(tokens[:i:i], tokens[i+1:]...)
		case 1:
			tokens[i], tokens[j] = tokens[j], tokens[i]
		case 2:
			tokens = append(tokens[:i:i], append([]string{tokens[j]}, tokens[i:]...)...)
		default:
			extra := []string{"NOT", "AND", "IS", "LIKE", "(", ")", "NULL", "TRUE", ",", "BETWEEN", "IN", "CONTAINS", "now", "x y", "'", "#", "=", "-", "+", ";"}
			tokens = append(tokens[:i:i], append([]string{g.pick(extra)}, tokens[i:]...)...)
		}
	}
	return tokens
}

// join writes tokens with white space, comments, and reserved words in any case.
func (g *Generator) join(tokens []string) string {
	spaces := []string{" ", " ", " ", " ", " ", " ", "  ", "\t", "\n", "\r\n", "\f", "/**/", " /* it's */ ", "/***/", "/* * / **/", "--\n", " -- b = 1\r", "-- x\r\n"}
	var out strings.Builder
	odd := g.one(4)
	for i, t := range tokens {
		if odd && g.one(2) && t[0] != '\'' && !isName(t) {
			t = strings.ToLower(t)
		}
		if i > 0 {
			switch {
			case !odd:
				out.WriteByte(' ')
			case !g.one(6):
				out.WriteString(g.pick(spaces))
			}
		}
		out.WriteString(t)
	}
	if odd && g.one(3) {
		out.WriteString(g.pick([]string{" ", "\n", "-- the end", "--\n", "/* open", "/* closed */", " x", ")", "\u00a0"}))
	}
	return out.String()
}

func isName(t string) bool {
	for _, n := range names() {
		if t == n {
			return true
		}
	}
	return false
}

// sprinkle changes one character of the text.
func (g *Generator) sprinkle(text string) string {
	runes := []rune(text)
	if len(runes) == 0 {
		return text
	}
	i := g.r.IntN(len(runes))
	odd := []rune("''\"#;&|!=<>()-+*/.,0eEL$_ \x00\u00e9中😀\u212a")
	switch g.r.IntN(3) {
	case 0:
		runes[i] = odd[g.r.IntN(len(odd))]
	case 1:
		runes = append(runes[:i:i], runes[i+1:]...)
	default:
		runes = append(runes[:i:i], append([]rune{odd[g.r.IntN(len(odd))]}, runes[i:]...)...)
	}
	return string(runes)
}
