package interop

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kindFacts is what the Java client sees of kinds of topics on Apache 5.5.0: the FACT lines of Kinds.java, sorted.
const kindFacts = "testdata/kinds.txt"

// TestTopicKinds runs the Java client's scenarios of message types and light queues, and compares what it saw with what it sees on Apache.
// AEROBEE_INTEROP_KINDS_RECORD=1 keeps what Apache shows.
func TestTopicKinds(t *testing.T) {
	t.Parallel()
	record := os.Getenv("AEROBEE_INTEROP_KINDS_RECORD") != ""
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, javaNew)
			p.command = append(p.command, "kinds")
			var facts []string
			runSuiteWith(t, p, startServer(t, target, "enableLmq=true", "enableMultiDispatch=true"), func(line string) {
				if fact, ok := strings.CutPrefix(line, "FACT "); ok {
					facts = append(facts, fact)
				}
			})
			slices.Sort(facts)
			got := strings.Join(facts, "\n") + "\n"
			if record && target == "apache" {
				if err := os.WriteFile(kindFacts, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(kindFacts)
			if err != nil {
				t.Fatal(err)
			}
			if os.Getenv("AEROBEE_INTEROP_ONLY") != "" {
				t.Logf("some scenarios only, nothing is compared:\n%s", got)
			} else if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("facts differ from Apache's (-Apache +%s):\n%s", target, diff)
			}
		})
	}
}
