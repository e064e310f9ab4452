package interop

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/differences"
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
	javaTransactions(t, javaNew)
}

// TestTransactionsOld has the 4.9 client do and see the same.
func TestTransactionsOld(t *testing.T) {
	t.Parallel()
	javaTransactions(t, javaOld)
}

func javaTransactions(t *testing.T, version string) {
	record := os.Getenv("AEROBEE_INTEROP_TRANSACTIONS_RECORD") != "" && version == javaNew
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, version)
			p.command = append(p.command, "transactions")
			var facts []string
			runSuiteWith(t, p, startServer(t, target, askingSoon(target)...), func(line string) {
				if fact, ok := strings.CutPrefix(line, "FACT "); ok {
					facts = append(facts, fact)
				}
			})
			slices.Sort(facts)
			if record && target == "apache" {
				if err := os.WriteFile(transactionFacts, []byte(strings.Join(facts, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			recorded, err := os.ReadFile(transactionFacts)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSuffix(string(recorded), "\n"), "\n")
			if target == "aerobee" {
				var faults []string
				want, faults = transactionsHere(want, differences.Of(t, "interop transactions"))
				for _, fault := range faults {
					t.Error(fault)
				}
			}
			if os.Getenv("AEROBEE_INTEROP_ONLY") != "" {
				t.Logf("some scenarios only, nothing is compared:\n%s", strings.Join(facts, "\n"))
			} else if diff := cmp.Diff(want, facts); diff != "" {
				t.Errorf("facts of %s differ from Apache's, but for what %s lists (-want +%s):\n%s", version, differences.File, target, diff)
			}
		})
	}
}

// transactionsHere is what is to be seen on Aerobee, sorted: RocketMQ's facts without the listed ones that begin with -, and with those that
// begin with +. What is listed and does not differ is a fault.
func transactionsHere(apache []string, listed []differences.Entry) (want, faults []string) {
	want = slices.Clone(apache)
	for _, e := range listed {
		for _, l := range e.Lines {
			fact := l.Text[1:]
			at := slices.Index(want, fact)
			switch {
			case l.Text[0] == '-' && at >= 0:
				want = slices.Delete(want, at, at+1)
			case l.Text[0] == '+' && at < 0:
				want = append(want, fact)
			default:
				faults = append(faults, fmt.Sprintf("%s:%d: %q does not differ from %s", differences.File, l.Number, l.Text, transactionFacts))
			}
		}
	}
	slices.Sort(want)
	return want, faults
}

func TestTransactionsHere(t *testing.T) {
	f := func(lines, want string, faults int) {
		t.Helper()
		var e differences.Entry
		for _, l := range strings.Fields(lines) {
			e.Lines = append(e.Lines, differences.Line{Text: l})
		}
		got, wrong := transactionsHere([]string{"a", "b", "d"}, []differences.Entry{e})
		if strings.Join(got, " ") != want || len(wrong) != faults {
			t.Errorf("%q: %q, %q", lines, got, wrong)
		}
	}
	f("", "a b d", 0)
	f("-b +c", "a c d", 0)
	f("-c", "a b d", 1)
	f("+b", "a b d", 1)
	f("b", "a b d", 1)
}
