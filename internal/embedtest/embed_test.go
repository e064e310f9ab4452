package embedtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAnotherModule copies the module out of this one's tree, as its author would have it, and runs its program and its
// tests. It needs no network: what this module requires is in the module cache, or this test would not run.
func TestAnotherModule(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.CopyFS(dir, os.DirFS("shop")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum")) // what else `go get` would write, from the network
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		if want != "" && string(out) != want {
			t.Errorf("go %v prints %q, want %q", args, out, want)
		}
	}
	f("", "mod", "edit", "-replace=github.com/aerobee-mq/aerobee="+root)
	f("", "vet", ".")
	f("", "test", "-count=1", ".")
	f("order 0 is SEND_OK\norder 1 is SEND_OK\n", "run", ".")
}
