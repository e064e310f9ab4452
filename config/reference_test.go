package config

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

// TestReferenceIsUpToDate wants docs/configuration.md to say what the table of keys says.
func TestReferenceIsUpToDate(t *testing.T) {
	const file = "../docs/configuration.md"
	if *update {
		if err := os.WriteFile(file, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(text)); diff != "" {
		t.Errorf("make generate writes it anew (-table +file):\n%s", diff)
	}
}

func TestEverySettingHasAUnit(t *testing.T) {
	for _, k := range Keys() {
		if k.Effective != (k.Unit != "") {
			t.Errorf("%s has the unit %q", k.Name, k.Unit)
		}
	}
}
