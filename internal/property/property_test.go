package property_test

import (
	"os"
	"os/exec"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
)

// Two processes draw the same cases unless they are told how many new ones to draw.
func TestSameCasesEachTime(t *testing.T) {
	drawn := func(env ...string) string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPrintCases$")
		cmd.Env = append(append(os.Environ(), "AEROBEE_PRINT_CASES=1", property.DrawsEnv+"="), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("print cases: %v\n%s", err, out)
		}
		return string(out)
	}
	cases := func(out string) string { return out[:len(out)/2] } // what follows has times
	if a, b := cases(drawn()), cases(drawn()); a != b {
		t.Errorf("drew\n%s\nthen\n%s", a, b)
	}
	if a, b := cases(drawn(property.DrawsEnv+"=50")), cases(drawn(property.DrawsEnv+"=50")); a == b {
		t.Errorf("drew the same cases twice:\n%s", a)
	}
}

func TestPrintCases(t *testing.T) {
	if os.Getenv("AEROBEE_PRINT_CASES") == "" {
		return
	}
	property.Check(t, func(r *rapid.T) {
		os.Stdout.WriteString(rapid.StringMatching(`[a-z]{8}`).Draw(r, "text") + "\n")
	})
}
