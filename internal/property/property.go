// Package property checks rules over many drawn cases. `make test` draws the same cases each time, so that it says the same
// of the same tree; `make properties` draws new ones, many more of them. [Finds] shows that a rule can fail. Tests alone call it; it is safe to use at once.
package property

import (
	"flag"
	"os"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// DrawsEnv names the environment variable with the number of cases to draw for each rule, from a new seed each time. Without it
// it is 100 from a seed that is always the same, unless rapid's own flags say otherwise.
const DrawsEnv = "AEROBEE_PROPERTY_DRAWS"

// seed is any number but 0, which is rapid's word for a new one each time.
const seed = 1

// configure sets rapid's flags once a process: it reads them at every check, and checks may run side by side.
var configure = sync.OnceValue(func() error {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	set := func(name, value string) error {
		if given[name] {
			return nil
		}
		return flag.Set(name, value)
	}
	if draws := os.Getenv(DrawsEnv); draws != "" {
		return set("rapid.checks", draws)
	}
	return set("rapid.seed", strconv.Itoa(seed))
})

// Check fails the test at the smallest case it finds for which the rule fails. What it prints has the seed that repeats it.
func Check(t *testing.T, rule func(*rapid.T)) {
	t.Helper()
	if err := configure(); err != nil {
		t.Fatalf("%s: %v", DrawsEnv, err)
	}
	rapid.Check(t, rule)
}

// Finds fails the test unless the rule, in which a bug is planted, fails in one of a thousand cases: the same ones each time.
func Finds(t *testing.T, bug string, rule func(*rapid.T)) {
	t.Helper()
	const cases = 1000
	broken := rapid.Custom(func(r *rapid.T) (broken bool) {
		defer func() {
			if reason := recover(); reason != nil && !r.Failed() {
				panic(reason) // rapid's own word, or a mistake in the rule
			}
			broken = r.Failed()
		}()
		rule(r)
		return false
	})
	for n := range cases {
		if broken.Example(n + seed) {
			t.Logf("%s: found in case %d", bug, n+1)
			return
		}
	}
	t.Errorf("%s: not found in %d cases", bug, cases)
}
