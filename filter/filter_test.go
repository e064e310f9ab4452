package filter

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

func code(tag string) int64 { return message.TagsCode([]byte(tag)) }

func TestCompileTags(t *testing.T) {
	f := func(expression string, wantTags ...string) {
		t.Helper()
		got, err := Compile("TAG", expression)
		if err != nil {
			t.Fatalf("%q: %v", expression, err)
		}
		if diff := cmp.Diff(wantTags, got.Tags()); diff != "" {
			t.Errorf("%q: %s", expression, diff)
		}
		if got.MatchesAll() != (len(wantTags) == 0 && expression != " ") {
			t.Errorf("%q: matches all is %v", expression, got.MatchesAll())
		}
	}
	f("")
	f("*")
	f("a", "a")
	f(" a ", "a")
	f("a||b", "a", "b")
	f(" a || b||c", "a", "b", "c")
	f("a||||b", "a", "b")
	f("a|b", "a|b")
	f("a||a", "a")
	f("中文 || Ünï", "中文", "Ünï")
	f(" ")
}

// Of many tags each matches, and nothing else does; they keep the order in which they are named.
func TestManyTags(t *testing.T) {
	for _, n := range []int{1, fewTags, fewTags + 1, 1000} {
		var names []string
		for i := range n {
			names = append(names, "tag-"+strconv.Itoa(n-i))
		}
		expression := strings.Join(names, "||")
		c, err := Compile(Tag, expression+" || "+expression)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, c.Tags()); diff != "" {
			t.Errorf("%d tags: %s", n, diff)
		}
		for i, name := range names {
			if c.Codes()[i] != int32(code(name)) || !c.Match(code(name)) {
				t.Errorf("of %d tags %s does not match", n, name)
			}
			if other := "other-" + name; c.Match(code(other)) {
				t.Errorf("with %d tags %s matches", n, other)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	f := func(expression, tag string, want bool) {
		t.Helper()
		c, err := Compile("", expression)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Match(code(tag)); got != want {
			t.Errorf("%q on tag %q: got %v", expression, tag, got)
		}
	}
	f("*", "", true)
	f("*", "a", true)
	f("a", "", false)
	f("a||b", "b", true)
	f("a||b", "c", false)
	f("Aa", "BB", true) // both hash to 2112: the client tells them apart
	f(" ", "", false)
}

// The index keeps the hash sign-extended; only its low 32 bits are compared.
func TestMatchNegativeHash(t *testing.T) {
	tag := "negative-hash-tag-zzz"
	for i := 0; code(tag) >= 0; i++ {
		tag += string(rune('a' + i%26))
	}
	f, err := Compile("TAG", tag)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Match(code(tag)) || !f.Match(int64(uint32(code(tag)))) {
		t.Errorf("tag %q with code %d does not match itself", tag, code(tag))
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Compile("CLASS", "a > 5"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("CLASS: %v", err)
	}
	if _, err := Compile("", "||"); !errors.Is(err, ErrSyntax) {
		t.Errorf("separators alone: %v", err)
	}
	if _, err := Compile("", strings.Repeat("a", MaxLength)); err != nil {
		t.Errorf("the longest tag: %v", err)
	}
	_, err := Compile("", strings.Repeat("|", MaxLength+1))
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "65537 bytes, the limit is 65536") {
		t.Errorf("tags too long: %v", err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"*", "", "a||b", "||", " | || ", "a|| ||\x00", "a||b||c||d||e||f||g||h||i||AaBB||BBAa||a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		c, err := Compile("", expression)
		if err != nil {
			return
		}
		for _, tag := range c.Tags() {
			if !c.Match(code(tag)) {
				t.Fatalf("%q does not match its own tag %q", expression, tag)
			}
		}
	})
}
