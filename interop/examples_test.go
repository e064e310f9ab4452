package interop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exampleLimit is generous for one example: starting a JVM and compiling are the larger part.
const exampleLimit = 2 * time.Minute

// TestJavaExamples runs the Java programs of examples/ against every chosen server, and one of them a second time: they print
// what their output.txt says, in any order where things go on at once.
func TestJavaExamples(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			need(t, "java", "javac", "mvn")
			s := startServer(t, target)
			programs, err := filepath.Glob("../examples/*/java/Main.java")
			if err != nil || len(programs) == 0 {
				t.Fatalf("no examples: %v", err)
			}
			for _, program := range append(programs, "../examples/decoupling/java/Main.java") {
				dir := filepath.Dir(filepath.Dir(program))
				t.Run(filepath.Base(dir), func(t *testing.T) { wantStory(t, dir, runJava(t, program, s.namesrv)) })
			}
		})
	}
}

// TestGoExamples runs the Go programs of examples/ against every chosen server instead of the broker that they have inside.
func TestGoExamples(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			bin := cacheDir(t, "bin", "examples")
			if err := os.MkdirAll(bin, 0o755); err != nil {
				t.Fatal(err)
			}
			build(t, bin, "..", "./examples/...")
			s := startServer(t, target)
			programs, err := filepath.Glob("../examples/*/main.go")
			if err != nil || len(programs) == 0 {
				t.Fatalf("no examples: %v", err)
			}
			for _, program := range programs {
				dir := filepath.Dir(program)
				name := filepath.Base(dir)
				t.Run(name, func(t *testing.T) { wantStory(t, dir, stdout(t, filepath.Join(bin, name), s.namesrv)) })
			}
		})
	}
}

// runJava compiles and runs a program of one file with the official client and returns what it prints.
func runJava(t *testing.T, file, argument string) string {
	t.Helper()
	return stdout(t, "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Duser.home="+t.TempDir(),
		"-cp", javaJars(t, "client", javaNew), absolute(t, file), argument)
}

// stdout runs a program to its end and returns what it prints.
func stdout(t *testing.T, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), exampleLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = t.TempDir()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\nstdout:\n%s\nstderr:\n%s", err, out, &stderr)
	}
	return string(out)
}

// wantStory compares what an example printed with its output.txt, line by line in any order.
func wantStory(t *testing.T, dir, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(dir, "output.txt"))
	if err != nil {
		t.Fatal(err)
	}
	sorted := func(text string) []string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		slices.Sort(lines)
		return lines
	}
	if diff := cmp.Diff(sorted(string(want)), sorted(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", dir, diff)
	}
}
