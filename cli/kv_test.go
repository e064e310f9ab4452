package cli

import (
	"strings"
	"testing"
)

// TestKV sets, lists, reads and deletes key-value configuration.
func TestKV(t *testing.T) {
	s := session{startNode(t)}
	f := func(command string, want ...string) {
		t.Helper()
		got := s.run(t, "aerobee cluster kv "+command)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("aerobee cluster kv %s printed %s; want %q", command, got, part)
			}
		}
	}
	f("list NS", "NS", "[exit 1]")
	f("set NS b two", "set b in NS\n")
	f("set NS a 'one; uno' --json", `{"key":"a","namespace":"NS","value":"one; uno"}`)
	f("list NS", "KEY  VALUE\na    one; uno\nb    two\n")
	f("list NS --json", `{"a":"one; uno","b":"two"}`)
	f("get NS a", "one; uno\n")
	f("delete NS a", "deleted a in NS\n")
	f("get NS a", "NS", "[exit 1]")
	f("delete NS a", "[exit 1]")
	f("set NS a", "VALUE is missing: aerobee cluster kv set NAMESPACE KEY VALUE", "[exit 2]")
}
