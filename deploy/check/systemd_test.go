package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnit has systemd verify the unit, with this tree's binary where it says, and rate how far the service is confined: 10 is not at all.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	text, err := os.ReadFile("../systemd/aerobee.service")
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/usr/local/bin/aerobee"
	if strings.Count(string(text), "\nExecStart="+installed+" ") != 1 {
		t.Fatalf("the unit does not start %s", installed)
	}
	unit := filepath.Join(t.TempDir(), "aerobee.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "="+installed+" ", "="+binary(t)+" ")), 0o600); err != nil {
		t.Fatal(err)
	}
	// The units that it comes after need not be on this machine; a fault of the unit itself is told by its name.
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "aerobee.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", unit).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}
