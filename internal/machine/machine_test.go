package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func TestStamp(t *testing.T) {
	want := regexp.MustCompile(`^Measured \d{4}-\d\d-\d\d \d\d:\d\d UTC at (unknown|[0-9a-f]{10}( with changes)?)\. \d+ processors \(.+\), .+ memory, [a-z]+/\w+.*, load .+\. go1.+\.$`)
	if got := Stamp(); !want.MatchString(got) {
		t.Errorf("%q", got)
	}
}

func TestTexts(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(model("processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\nmodel name\t: other\n"), "AMD EPYC")
	f(model("Hardware\t: BCM2835\n"), "unknown model")
	f(memory("MemTotal:       24590112 kB\nMemFree: 1 kB\n"), "23 GiB of memory")
	f(memory(""), "unknown memory")
}

// TestCommit changes files of a tree of its own.
func TestCommit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(want string, except ...string) {
		t.Helper()
		if got := Commit(except...); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%q, want %s", got, want)
		}
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	f("^unknown$")
	git("init", "-q")
	write("page.md", "1")
	write("code.go", "1")
	git("add", ".")
	git("commit", "-q", "--no-verify", "-m", "first")
	f("^[0-9a-f]{10}$")
	write("page.md", "2")
	f("^[0-9a-f]{10} with changes$")
	f("^[0-9a-f]{10}$", "page.md")
	write("code.go", "2")
	f("^[0-9a-f]{10} with changes$", "page.md")
	if err := os.Mkdir("below", 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir("below")
	f("^[0-9a-f]{10} with changes$", "page.md")
	write("code.go", "1")
	f("^[0-9a-f]{10}$", "page.md")
}
