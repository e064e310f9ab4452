package sqlgen_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/internal/sqlgen"
)

func TestSameSeedSameCases(t *testing.T) {
	a, b, other := sqlgen.New(7), sqlgen.New(7), sqlgen.New(8)
	differ := false
	for range 1000 {
		e := a.Expression()
		if got := b.Expression(); got != e {
			t.Fatalf("one seed gives %q and %q", e, got)
		}
		differ = differ || other.Expression() != e
		if p, q := a.Properties(), b.Properties(); string(p) != string(q) {
			t.Fatalf("one seed gives %q and %q", p, q)
		}
		other.Properties()
	}
	if !differ {
		t.Error("another seed gives the same expressions")
	}
}
