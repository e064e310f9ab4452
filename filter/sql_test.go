package filter

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/aerobee-mq/aerobee/internal/sqlgen"
	"github.com/aerobee-mq/aerobee/message"
)

// props makes property text of names and values in turn.
func props(pairs ...string) message.Properties {
	var p message.Properties
	for i := 0; i < len(pairs); i += 2 {
		p = message.AppendProperty(p, pairs[i], pairs[i+1])
	}
	return p
}

func compiled(t testing.TB, expression string) *Filter {
	t.Helper()
	f, err := Compile(SQL92, expression)
	if err != nil {
		t.Fatalf("%q: %v", expression, err)
	}
	return f
}

func TestSQL(t *testing.T) {
	order := props("price", "42", "region", "hangzhou", "TAGS", "vip", "empty", "", "half", "4.5", "flag", "true")
	f := func(expression string, want bool) {
		t.Helper()
		if got := compiled(t, expression).MatchProperties(order); got != want {
			t.Errorf("%s: got %v", expression, got)
		}
	}
	f("price > 41 AND region = 'hangzhou'", true)
	f("price > 41 and (region = 'x' or TAGS in ('a', 'vip'))", true)
	f("price BETWEEN 42 AND 43", true)
	f("price NOT BETWEEN 1 AND 41", true)
	f("half > 4", false) // 4.5 is no Integer, which the constant asks for
	f("half > 4.0", true)
	f("half > 4 OR price = 42", false) // and what fails does so for all
	f("price = 42 OR half > 4", true)  // unless it is not reached
	f("flag", false)
	f("NOT flag", true)
	f("flag = TRUE", true)
	f("none IS NULL AND empty IS NULL", true)
	f("none <> 'x'", false)
	f("NOT (none = 'x')", false)
	f("'x' <> none", true)
	f("region CONTAINS 'zh' AND region STARTSWITH 'hang' AND region NOT ENDSWITH 'g'", true)
	f("region CONTAINS ''", false)
	f("region = 'hangzhou' -- and that is all", true)
	f("price -- the first\n = 42 -- and \r AND -- - 5 = 5 --", false)
	f("price -- the first\n = 42 -- and \r AND -- 5 = 5 --", true)
	f("region = 'it''s'", false)
}

func TestSQLRefusals(t *testing.T) {
	f := func(expression, want string, kind error) {
		t.Helper()
		_, err := Compile(SQL92, expression)
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v", expression, err)
		}
	}
	f("", "line 1, column 1: the expression ends where a property, a constant or a condition is expected", ErrSyntax)
	f("a >", "column 4: the expression ends", ErrSyntax)
	f("a = 1 AND\n b ? 2", `line 2, column 4: '?'`, ErrSyntax)
	f("a = 'x", "column 5: the text that begins here has no end", ErrSyntax)
	f("a > 'x'", "only numbers have an order", ErrSyntax)
	f("(a = 1) > 2", "a condition cannot be compared", ErrSyntax)
	f("a = NULL", "write IS NULL", ErrSyntax)
	f("a BETWEEN 5 AND 4", "smaller value first", ErrSyntax)
	f("a IN (1)", `"1" stands where a text is expected`, ErrSyntax)
	f("5 IN ('a')", "IN needs a property", ErrSyntax)
	f("a NOT LIKE 'x'", "BETWEEN, IN, CONTAINS", ErrSyntax)
	f("5", "no condition", ErrSyntax)
	f("a > 9223372036854775808", "above 9223372036854775807", ErrSyntax)
	f("a > 0.0", "zero is written 0", ErrSyntax)
	f(strings.Repeat(" ", MaxLength)+"a", "65537 bytes, the limit is 65536", ErrLimit)
	f(strings.Repeat("(", MaxDepth+1), "more than 256 levels", ErrLimit)
	f("a"+strings.Repeat(" = a", MaxDepth+1), "more than 256 levels", ErrLimit)
	f("a"+strings.Repeat(" or a", MaxTerms), "more than 2048 operators", ErrLimit)
	compiled(t, "a"+strings.Repeat(" or a", 1000))
	compiled(t, strings.Repeat("(", MaxDepth-1)+"a"+strings.Repeat(")", MaxDepth-1))
	compiled(t, "a in ('0'"+strings.Repeat(", 'x'", 10000)+")")
}

// nestedBetween has a BETWEEN before a BETWEEN, so many times: each evaluates twice what stands before it.
func nestedBetween(levels int) string {
	return strings.Repeat("-(", levels) + "a" + strings.Repeat(" BETWEEN 0 AND 1)", levels) + " IS NULL"
}

func TestVisits(t *testing.T) {
	f := func(expression string, want int) {
		t.Helper()
		if got := compiled(t, expression).Cost(0); got != want*16 {
			t.Errorf("%s: costs %d, not %d", expression, got, want*16)
		}
	}
	f("a = 1", 3)
	f("a BETWEEN 0 AND 1", 7)
	f("-(a BETWEEN 0 AND 1) BETWEEN b AND c", 21)
	f("a = '"+strings.Repeat("x", 10*longConstant)+"'", 13)
	f(nestedBetween(9), 3579) // each level makes of w nodes 2w+6
	for _, levels := range []int{10, 40, 84} {
		_, err := Compile(SQL92, nestedBetween(levels))
		if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "more than 4096 steps") {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
	// As many BETWEENs as there may be side by side are no trouble.
	compiled(t, "a BETWEEN 0 AND 1"+strings.Repeat(" AND a BETWEEN 0 AND 1", MaxTerms/6-1))
}

// However many names an expression has, one pass over the properties finds them; the last of two with one name counts, and one without
// value does not.
func TestManyNames(t *testing.T) {
	for _, n := range []int{1, slots, slots + 1, 500} {
		var parts, pairs []string
		for i := range n {
			name := "name" + strconv.Itoa(i)
			parts, pairs = append(parts, name+" = '"+name+"'"), append(pairs, name, "before", name, name, name, "")
		}
		f := compiled(t, strings.Join(parts, " AND "))
		if !f.MatchProperties(props(pairs...)) {
			t.Errorf("%d names do not match", n)
		}
		if f.MatchProperties(props(pairs[6:]...)) {
			t.Errorf("%d names match without the first", n)
		}
		if f.MatchProperties(props(append(pairs, "name0", "after")...)) {
			t.Errorf("%d names match with another last value", n)
		}
	}
}

func TestIgnored(t *testing.T) {
	f := func(expression, want string) {
		t.Helper()
		if got := compiled(t, expression).Ignored(); got != want {
			t.Errorf("%q: ignored %q", expression, got)
		}
	}
	f("a = 1 b = 2 ", "b = 2")
	f("a = 1)", ")")
	f("a LIKE 'x'", "LIKE 'x'")
	f("a = 1 -- said\n", "")
	f("a = 1 /* said */", "")
}

// Java's own digits: Character.digit of OpenJDK 17 knows 370 of the basic plane, in blocks of ten.
func TestDigits(t *testing.T) {
	count := 0
	for r := rune(0); r <= 0xffff; r++ {
		n, ok := parseInt([]byte(string(r)), 32)
		if ok != unicode.IsDigit(r) || ok && int(n) != count%10 {
			t.Errorf("%U: %d, %v", r, n, ok)
		}
		if ok {
			count++
		}
	}
	if count != 370 {
		t.Errorf("%d digits", count)
	}
}

func TestParseDouble(t *testing.T) {
	f := func(text string, want float64, wantOK bool) {
		t.Helper()
		got, ok := parseDouble([]byte(text))
		if ok != wantOK || ok && compareDoubles(got, want) != 0 {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	f(" 1.5f\n", 1.5, true)
	f("-0", math.Copysign(0, -1), true)
	f("0x1.8p1d", 3, true)
	f("0x1", 0, false)
	f("0x1p", 0, false)
	f("1e400", math.Inf(1), true)
	f("-1e-400", math.Copysign(0, -1), true)
	f("NaN", math.NaN(), true)
	f("-Infinity", math.Inf(-1), true)
	f("NaNd", 0, false)
	f("1_0", 0, false)
	f("", 0, false)
	f(".", 0, false)
	f("1.0.0", 0, false)
	f("0."+strings.Repeat("0", 400)+"1e401", 1, true)
}

func TestEvaluationAllocatesNothing(t *testing.T) {
	properties := props("price", "42.00000000000000000000000000000000000000001", "region", strings.Repeat("hangzhou", 100), "a", "1", "b", "2", "c", "3",
		"d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9")
	for _, e := range []string{
		"price > 41.5 AND region CONTAINS 'zhouh' AND a = 1 AND b <> 3 AND c IN ('1','2','3','4','5','6','7','8','9','10') AND d BETWEEN 1 AND 9",
		"a = 1 AND b = 2 AND c = 3 AND d = 4 AND e = 5 AND f = 6 AND g = 7 AND h = 8 AND i = 9 AND price > 1.0",
		"region > 5 OR a = 1",
		"missing IS NULL AND NOT region",
	} {
		f := compiled(t, e)
		if n := testing.AllocsPerRun(100, func() { f.MatchProperties(properties) }); n != 0 {
			t.Errorf("%s: %v allocations", e, n)
		}
	}
}

func TestCache(t *testing.T) {
	c := NewCache(2)
	get := func(kind, expression string) *Filter {
		t.Helper()
		f, err := c.Compile(kind, expression)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a := get(SQL92, "a = 1")
	if get(SQL92, "a = 1") != a || get(Tag, "a = 1") == a {
		t.Error("the cache mixes expressions up")
	}
	get(SQL92, "b = 1")
	if get(SQL92, "a = 1") == a {
		t.Error("the cache keeps more than 2 expressions")
	}
	if _, err := c.Compile(SQL92, "a >"); !errors.Is(err, ErrSyntax) {
		t.Error(err)
	}
	if _, err := c.Compile(SQL92, "a >"); !errors.Is(err, ErrSyntax) {
		t.Errorf("from the cache: %v", err)
	}
}

// However many expressions clients make up, the cache keeps no more text than its bound.
func TestCacheIsBounded(t *testing.T) {
	c := NewCache(1 << 20)
	for i := range 100 {
		_, _ = c.Compile(SQL92, strings.Repeat(" ", 40000)+"a = "+strconv.Itoa(i))
		_, _ = c.Compile(strings.Repeat("k", 1<<20)+strconv.Itoa(i), "a")
	}
	if c.text > cacheText || len(c.order) != len(c.entries) || len(c.order) != cacheText/40000 {
		t.Errorf("%d bytes of text, %d entries, %d in order", c.text, len(c.entries), len(c.order))
	}
}

// FuzzCompileSQL reads anything as an expression, and judges any properties with it. What can be said without a second evaluator
// must hold: parentheses change nothing, AND and OR with itself neither, and an expression and its negation are
// never both true.
func FuzzCompileSQL(f *testing.F) {
	g := sqlgen.New(1)
	for range 40 {
		f.Add(g.Expression(), g.Properties())
	}
	for _, e := range []string{"a = 'it''s' -- x\n", "((a))", "NOT NOT a IS NOT NULL", "a BETWEEN -5 AND 1e3", "- - - 5 = a", nestedBetween(3), nestedBetween(84)} {
		f.Add(e, []byte(props("a", "5")))
	}
	f.Fuzz(func(t *testing.T, expression string, properties []byte) {
		p, err := compileSQL(expression)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrLimit) {
				t.Fatalf("%q: %v", expression, err)
			}
			return
		}
		if len(p.nodes) > MaxTerms || p.nodes[p.root].depth > MaxDepth {
			t.Fatalf("%q: %d nodes, %d levels", expression, len(p.nodes), p.nodes[p.root].depth)
		}
		if p.weight > MaxVisits {
			t.Fatalf("%q: %d visits", expression, p.weight)
		}
		want := verdict(p, properties)
		whole := strings.TrimSuffix(strings.TrimSpace(expression), p.ignored)
		if strings.Contains(whole, "--") {
			return // what follows may make these signs a comment
		}
		derived := func(form string) byte {
			d, err := compileSQL(strings.ReplaceAll(form, "e", whole))
			if errors.Is(err, ErrLimit) {
				return 0
			}
			if err != nil {
				t.Fatalf("%q is an expression, but in %q: %v", whole, form, err)
			}
			return verdict(d, properties)
		}
		for _, form := range []string{"(e)", "(e) AND (e)", "(e) OR (e)", "NOT NOT (e)"} {
			if got := derived(form); got != 0 && got != want {
				t.Fatalf("%q is %c, but %q is %c", whole, want, form, got)
			}
		}
		negated := map[byte]byte{'T': 'F', 'F': 'T', 'N': 'N', 'X': 'X'}
		if got := derived("NOT (e)"); got != 0 && got != negated[want] {
			t.Fatalf("%q is %c, and NOT of it %c", whole, want, got)
		}
	})
}

func BenchmarkMatchProperties(b *testing.B) {
	properties := props("KEYS", "order-20260101-4711", "UNIQ_KEY", "7F00000100002A9F4E9E1B2C3D4E0001", "WAIT", "true", "region", "hangzhou",
		"price", "42.5", "TAGS", "vip", "MSG_REGION", "DefaultRegion", "TRACE_ON", "true", "CLUSTER", "DefaultCluster")
	for _, c := range []struct{ name, expression string }{
		{"typical", "price > 40.0 AND region IN ('hangzhou', 'shanghai') AND TAGS IS NOT NULL"},
		{"one", "region = 'hangzhou'"},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := compiled(b, c.expression)
			b.ReportAllocs()
			for b.Loop() {
				if !f.MatchProperties(properties) {
					b.Fatal("no match")
				}
			}
		})
	}
}
