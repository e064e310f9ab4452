package interop

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// transactionFacts is what the Java client sees of transactions on Apache 5.5.0: the FACT lines of Transacting.java, sorted.
const transactionFacts = "testdata/transactions.txt"

// askingSoon are the settings of a server that asks producers soon. Apache asks about what has ended unless that is written soon, too.
func askingSoon(target string) []string {
	settings := []string{"transactionTimeOut=3000", "transactionCheckInterval=1500", "transactionCheckMax=5"}
	if target == "apache" {
		settings = append(settings, "transactionOpBatchInterval=200")
	}
	return settings
}

// TestTransactionsGo runs the Go client's transactions against such servers.
func TestTransactionsGo(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := goProgram(t)
			p.command = append(p.command, "transactions")
			runSuite(t, p, startServer(t, target, askingSoon(target)...))
		})
	}
}

// TestTransactions runs the Java client's transactions against servers that check back soon, and compares what it saw with what it
// sees on Apache. AEROBEE_INTEROP_TRANSACTIONS_RECORD=1 keeps what Apache shows.
func TestTransactions(t *testing.T) {
	t.Parallel()
	record := os.Getenv("AEROBEE_INTEROP_TRANSACTIONS_RECORD") != ""
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, javaNew)
			p.command = append(p.command, "transactions")
			var facts []string
			runSuiteWith(t, p, startServer(t, target, askingSoon(target)...), func(line string) {
				if fact, ok := strings.CutPrefix(line, "FACT "); ok {
					facts = append(facts, fact)
				}
			})
			slices.Sort(facts)
			got := strings.Join(facts, "\n") + "\n"
			if record && target == "apache" {
				if err := os.WriteFile(transactionFacts, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(transactionFacts)
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
