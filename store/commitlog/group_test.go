package commitlog

import "testing"

// TestGroupLeavesLittle uses a group for as many records as one batch may have, and for as many as groups usually have.
func TestGroupLeavesLittle(t *testing.T) {
	f := func(records int, kept bool) {
		t.Helper()
		g := &group{}
		for i := range records {
			g.items = append(g.items, item{first: i, n: 1})
			g.recs = append(g.recs, Appended{})
		}
		g.reset(&pool{})
		if got := cap(g.recs) > 0; got != kept || len(g.recs) != 0 || len(g.items) != 0 || (cap(g.items) > 0) != kept {
			t.Errorf("%d records leave room for %d and %d items behind, kept is to be %v", records, cap(g.recs), cap(g.items), kept)
		}
	}
	f(1000, true)
	f(100_000, false)
}
