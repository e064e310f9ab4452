package cli

import (
	"strings"
	"testing"
)

// TestReceiveBySQL chooses by properties, as a bystander and as a member.
func TestReceiveBySQL(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee send T cheap --property price=3")
	s.run(t, "aerobee send T dear --property price=30 --tag a")
	s.run(t, "aerobee send T free")
	f := func(command, want string) {
		t.Helper()
		if got := s.run(t, command); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
	f(`aerobee receive T --body --sql 'price > 5'`, "dear\n")
	f(`aerobee receive T --body --sql 'price IS NULL OR price = 3'`, "cheap\nfree\n")
	f(`aerobee receive T --body --count 2 --group g --sql 'price IS NOT NULL'`, "cheap\ndear\n")
	for command, want := range map[string]string{
		`aerobee receive T --sql 'price >'`:         "--sql: expression cannot be read: line 1, column 8: the expression ends where",
		`aerobee receive T --sql 'a = 1' --tag 'a'`: "--sql and --tag exclude each other",
	} {
		if got := s.run(t, command); !strings.Contains(got, want) {
			t.Errorf("%s: %s", command, got)
		}
	}
}
