package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildFaulty builds the command with the tag faults and returns its path.
func buildFaulty(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "aerobee-faults")
	cmd := exec.Command("go", "build", "-tags", "faults", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build -tags faults: %v\n%s", err, out)
	}
	return bin
}

// TestFaultsAreNotInTheNormalBinary looks for what makes disk and clock fail: in the packages, in the bytes, in the help and
// over HTTP. The build with the tag shows that the search finds it.
func TestFaultsAreNotInTheNormalBinary(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "faults": true} {
		bin := ""
		if want {
			bin = buildFaulty(t)
		} else {
			bin = buildBinary(t)
		}
		deps, err := exec.Command("go", "list", "-deps", "-tags", tags, ".").Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(deps), "internal/faultfs"); got != want {
			t.Errorf("tags %q: it is built from internal/faultfs: %v", tags, got)
		}
		b, err := os.ReadFile(bin)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(b, []byte("AEROBEE_FAULTS")); got != want {
			t.Errorf("tags %q: the binary names AEROBEE_FAULTS: %v", tags, got)
		}
		help, err := exec.Command(bin, "serve", "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(help), "FAILS ON REQUEST"); got != want {
			t.Errorf("tags %q: the help names faults: %v", tags, got)
		}
		n := startNode(t, bin, "--memory")
		if got := n.get(t, "/faults") == http.StatusOK; got != want {
			t.Errorf("tags %q: /faults is served: %v", tags, got)
		}
	}
}

// faults puts a script in force in a running node.
func (n *node) faults(t *testing.T, script string) {
	t.Helper()
	resp, err := http.Post("http://"+n.addr+"/faults", "text/plain", strings.NewReader(script))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("faults %q: %s %s, %v", script, resp.Status, text, err)
	}
}

// TestFaultyBinary runs the real binary with faults and a real client: a start that fails by name, writes that fail for a
// while, a sync that fails for good, and everything that was acknowledged after a restart.
func TestFaultyBinary(t *testing.T) {
	bin, dir := buildFaulty(t), t.TempDir()
	cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	cmd.Env = append(os.Environ(), "AEROBEE_FAULTS=create format.tmp erofs")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "read-only file system (injected)") || !strings.Contains(string(out), dir) {
		t.Errorf("a start on a failing disk: %v\n%s", err, out)
	}
	n := startNode(t, bin, "--data", dir)
	acked := 0
	send := func(want bool) {
		t.Helper()
		out, err := exec.Command(bin, "send", "T", "m", "--namesrv", n.addr, "--timeout", "2s").CombinedOutput()
		if (err == nil) != want {
			t.Errorf("message %d is taken: %v, want %v\n%s", acked, err == nil, want, out)
		}
		if err == nil {
			acked++
		}
	}
	wantAll := func(when string) {
		t.Helper()
		out, err := exec.Command(bin, "receive", "T", "--body", "--namesrv", n.addr).Output()
		if got := strings.Count(string(out), "m\n"); err != nil || got < acked {
			t.Errorf("%s: %d of %d messages are read, %v", when, got, acked, err)
		}
	}
	send(true)
	send(true)
	wantAll("before")
	n.faults(t, "write commitlog/* enospc")
	send(false)
	n.faults(t, "clock -5h")
	send(true)
	n.faults(t, "sync commitlog/* eio times=1")
	send(false)
	n.faults(t, "")
	send(false)
	if code := n.get(t, "/ready"); code != http.StatusServiceUnavailable {
		t.Errorf("/ready answers %d after a failed sync", code)
	}
	wantAll("after a failed sync")
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
	n = startNode(t, bin, "--data", dir)
	send(true)
	wantAll("after a restart")
}
