package message

import "testing"

func TestNames(t *testing.T) {
	f := func(name string, legal, blank bool) {
		t.Helper()
		if LegalName(name) != legal || BlankName(name) != blank {
			t.Errorf("%q: legal %v, blank %v", name, LegalName(name), BlankName(name))
		}
	}
	f("", true, true)
	f("%RETRY%a|b_c-9", true, false)
	f("a b", false, false)
	f("ä", false, false)
	f("a/../b", false, false)
	f(" \t\x1f", false, true)
	f("\u00a0", false, false)
}
