package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pairs(p Properties) []string {
	var out []string
	for name, value := range p.All() {
		out = append(out, string(name)+"="+string(value))
	}
	return out
}

func TestProperties(t *testing.T) {
	f := func(p string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, pairs(Properties(p))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", p, diff)
		}
	}
	f("")
	f("a\x01b\x02", "a=b")
	f("a\x01b", "a=b")
	f("a\x01b\x02c\x01\x02", "a=b", "c=")
	f("a\x02\x01x\x02b\x01c\x01d\x02", "b=c\x01d")

	p := Properties("a\x011\x02b\x012\x02a\x013")
	if v, ok := p.Get("a"); !ok || string(v) != "3" {
		t.Errorf("the last of two wins: %q %v", v, ok)
	}
	if _, ok := p.Get("c"); ok || p.GetString("c") != "" {
		t.Error("an absent property was found")
	}
	if diff := cmp.Diff([]string{"b=2", "a=9"}, pairs(p.With("a", "9"))); diff != "" {
		t.Error(diff)
	}
	if got := string(AppendProperty(Properties("x\x01y"), "k", "v")); got != "x\x01y\x02k\x01v\x02" {
		t.Errorf("%q", got)
	}
}

// FuzzProperties: Get and All agree, and a removed property is gone.
func FuzzProperties(f *testing.F) {
	f.Add("a\x01b\x02c\x01d", "c")
	f.Add("\x01\x02\x02", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		if name == "" || strings.ContainsAny(name, "\x01\x02") {
			return // no name that a caller may ask for
		}
		p := Properties(text)
		var want []byte
		found := false
		for n, v := range p.All() {
			if string(n) == name {
				want, found = v, true
			}
		}
		if got, ok := p.Get(name); ok != found || string(got) != string(want) {
			t.Fatalf("Get %q %v, All %q %v", got, ok, want, found)
		}
		if _, ok := p.Without(name).Get(name); ok {
			t.Fatal("removed, but found")
		}
	})
}

func TestHashCodeIsJavas(t *testing.T) {
	f := func(s string, want int32) {
		t.Helper()
		if got := HashCode([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f("TagA", 2598919) // ((84*31+97)*31+103)*31+65
	f("é", 233)
	f("😀", 31*0xD83D+0xDE00)
	f("polygenelubricants", -1<<31)
	if TagsCode(nil) != 0 || TagsCode([]byte("polygenelubricants")) != -1<<31 {
		t.Error("tags code")
	}
}
