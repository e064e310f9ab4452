package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/audit"
)

// TestClusterAudit shows what was done before, to people and to programs.
func TestClusterAudit(t *testing.T) {
	s := session{startNode(t)}
	for _, command := range []string{"aerobee topic create Orders --queues 1", "aerobee topic delete Orders"} {
		if out := s.run(t, command); !strings.Contains(out, "Orders") {
			t.Errorf("%s: %s", command, out)
		}
	}
	var list []audit.Record
	if out, code := s.main(t, strings.NewReader(""), "cluster", "audit", "--json"); code != 0 || json.Unmarshal([]byte(out), &list) != nil {
		t.Fatalf("%d: %s", code, out)
	}
	var acts []string
	for _, r := range list {
		acts = append(acts, r.What+" "+r.About+" "+r.Outcome)
	}
	got := strings.Join(acts, "\n")
	for _, want := range []string{"UPDATE_AND_CREATE_TOPIC topic=Orders done", "DELETE_TOPIC_IN_BROKER topic=Orders done"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not among\n%s", want, got)
		}
	}
	if out := s.run(t, "aerobee cluster audit --count 1"); !strings.Contains(out, "OUTCOME") || strings.Count(out, "\n") != 2 {
		t.Errorf("%s", out)
	}
	if out := s.run(t, "aerobee cluster audit --match delete_topic_in_broker"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "DELETE_TOPIC_IN_BROKER") {
		t.Errorf("%s", out)
	}
	if out := s.run(t, "aerobee cluster audit --count 0"); !strings.Contains(out, "it must be a whole number, 1 to 1000") {
		t.Errorf("%s", out)
	}
}
