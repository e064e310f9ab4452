package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProperties(t *testing.T) {
	f := func(text string, want ...Property) {
		t.Helper()
		got, err := ParseProperties(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	f("")
	f("# comment\n! comment\n\n  \t\n")
	f("a=1", Property{"a", "1", 1})
	f("a = 1 \r\nb:2\rc 3", Property{"a", "1", 1}, Property{"b", "2", 2}, Property{"c", "3", 3})
	f("flushDiskType=\\\n   SYNC_FLUSH\nx=y", Property{"flushDiskType", "SYNC_FLUSH", 1}, Property{"x", "y", 3})
	f(`path=C:\\data\tx`, Property{"path", "C:\\data\tx", 1})
	f(`k\ ey\=x=v`, Property{"k ey=x", "v", 1})
	f(`u=\u00e9\u4E2D`, Property{"u", "é中", 1})
	f("a=b=c", Property{"a", "b=c", 1})
	f("lonely", Property{"lonely", "", 1})
	f("last=x\\", Property{"last", "x", 1})
}

func TestParsePropertiesNamesTheLine(t *testing.T) {
	_, err := ParseProperties("a=1\nb=\\u12")
	if err == nil || err.Error() != `properties line 2: \u needs four hexadecimal digits, "\\u12" has 2 characters` {
		t.Errorf("got %v", err)
	}
}

func FuzzParseProperties(f *testing.F) {
	f.Add("a=1\nb:\\\n 2")
	f.Add("\\u00")
	f.Add("#x\r\n!y\\")
	f.Fuzz(func(t *testing.T, text string) {
		pairs, err := ParseProperties(text)
		if err != nil {
			return
		}
		for _, p := range pairs {
			if p.Line < 1 {
				t.Errorf("%q: line %d", text, p.Line)
			}
		}
	})
}
