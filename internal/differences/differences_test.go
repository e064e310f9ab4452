package differences

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEverySectionIsRead finds sections that no test of their folder asks for: what stands there would never be compared.
func TestEverySectionIsRead(t *testing.T) {
	all, err := Parse(list)
	if err != nil {
		t.Fatalf("%s:%v", File, err)
	}
	for _, s := range all {
		folder, what, _ := strings.Cut(s.Name, " ")
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		whole, part, names := false, false, false // the section asked for as it is, or by the name of the file that is compared
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole = whole || strings.Contains(string(text), `differences.Of(t, "`+s.Name+`")`)
			part = part || strings.Contains(string(text), `differences.Of(t, "`+folder+` "+`)
			names = names || strings.Contains(string(text), `"testdata/`+what+`"`)
		}
		if !whole && (!part || !names) {
			t.Errorf("%s: no test of %s reads the section %q", File, folder, s.Name)
		}
	}
}

// TestNoOtherLists keeps the list the only one of its kind.
func TestNoOtherLists(t *testing.T) {
	for _, in := range []string{"testdata", "*/testdata", "*/*/testdata", "*/testdata/*", "*/*/testdata/*"} {
		found, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(in), "*differences*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			t.Errorf("%s: what differs from RocketMQ on purpose stands in %s", file, File)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse("# about\n\n== a b\n\nwhy first\nwhy   and last\n1 x\n# between\n2 y  \n\nwhy z\n1 x\n== c/d e\nwhy w\nv")
	if err != nil {
		t.Fatal(err)
	}
	want := []Section{
		{Name: "a b", Entries: []Entry{
			{Why: "first and last", Lines: []Line{{7, "1 x"}, {9, "2 y"}}}, {Why: "z", Lines: []Line{{12, "1 x"}}}}},
		{Name: "c/d e", Entries: []Entry{{Why: "w", Lines: []Line{{15, "v"}}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	f := func(text, line string) {
		t.Helper()
		if _, err := Parse(text); err == nil || !strings.HasPrefix(err.Error(), line+": ") {
			t.Errorf("%q: error %v, want one about line %s", text, err, line)
		}
	}
	f("a", "1")
	f("== a b\nx", "2")
	f("== a b\n\nx\n\nwhy y\nz", "3")
	f("== a b\nwhy y\n\nwhy z\nx", "2")
	f("== a b\nwhy y\n== c d\nwhy z\nx", "2")
	f("== a b\nwhy y\nx\nx", "4")
	f("== a b\nwhy y\nx\n\n== a b\nwhy y\nx", "5")
	f("== a\nwhy y\nx", "1")
	f("== a b\n", "1")
}
