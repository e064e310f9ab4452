package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/internal/transcript"
)

// panelsLimit ends the calls if one hangs; they wait a minute for each thing that has to happen.
const panelsLimit = 4 * time.Minute

// TestPanels makes the calls of RocketMQ's dashboard and of its exporter for Prometheus with the tools that are inside of them, 5.5.0 and 4.9.8, and compares what
// comes, field by field, with what is recorded of a RocketMQ 5.5.0 in testdata/panels. What may differ, and why, stands in the list of
// package differences; what stands there and does not differ fails. AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_REWRITE=1 records anew.
func TestPanels(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			var may *permits // Apache's server has to do what is recorded
			if target != "apache" {
				may = readPermits(t, differences.Of(t, "interop panels"), target)
			}
			rewrite := target == "apache" && os.Getenv("AEROBEE_INTEROP_REWRITE") == "1"
			for _, version := range []string{javaNew, javaOld} {
				t.Run(version, func(t *testing.T) { comparePanels(t, panelsAnswers(t, target, version), version, rewrite, may) })
			}
			if !t.Failed() { // a program that ended early has not shown everything
				may.checkUsed(t)
			}
		})
	}
}

// panelsAnswers runs the program of one version against a fresh server and returns what it printed, as a recording.
func panelsAnswers(t *testing.T, target, version string) string {
	t.Helper()
	settings := []string{"brokerName=broker-a"} // as Apache's is called here
	if target == "apache" {
		settings = mqadminApacheSettings
	}
	command := panelsProgram(t, version)
	s := startServer(t, target, settings...)
	ctx, cancel := context.WithTimeout(t.Context(), panelsLimit)
	defer cancel()
	start := time.Now()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], s.namesrv, s.broker)...)
	cmd.Env = serverEnvironment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	t.Logf("tools of %s on %s: %d calls in %v", version, target, strings.Count(stdout.String(), "$ "), time.Since(start).Round(100*time.Millisecond))
	if err != nil {
		t.Fatalf("%v, after\n%s\n%s", err, lastOf(stdout.String(), 1000), lastOf(stderr.String(), 4000))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("standard error of the calls: %s", lastOf(stderr.String(), 4000))
		}
	})
	return normalisePanels(strings.NewReplacer(s.namesrv, "<server>", s.broker, "<server>").Replace(stdout.String()))
}

func lastOf(text string, size int) string { return text[max(0, len(text)-size):] }

// panelsProgram compiles the calls against one version of the tools and returns how they are run, up to the two addresses.
func panelsProgram(t *testing.T, version string) []string {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "client", version)
	var sources []string
	for _, pattern := range []string{"java/src/panels/*.java", "java/src/panels/v" + version[:1] + "/*.java"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, files...)
	}
	classes := cacheDir(t, "classes-panels-"+version)
	fetched(t, classes, "classes of panels "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	return append(javaCommand(t.TempDir()), "-cp", classes+string(os.PathListSeparator)+jars, "Panels")
}

// normalisePanels takes out what differs from run to run, or from one machine to another.
func normalisePanels(text string) string { return normaliseMqadmin("", text) + "\n" }

// comparePanels compares the steps of an answer with those of the recording, or records it.
func comparePanels(t *testing.T, answers, version string, rewrite bool, may *permits) {
	t.Helper()
	file := filepath.Join("testdata", "panels", version+".txt")
	if rewrite {
		head := fmt.Sprintf("What the administrative tools of RocketMQ %s get from a RocketMQ 5.5.0 when they make the calls of the dashboard and the exporter.\n\n", version)
		if err := os.WriteFile(file, []byte(head+answers), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, got := transcript.Parse(string(text)), transcript.Parse(answers)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i].Command != got[i].Command {
			t.Fatalf("%s has %d steps, the program made %d; they part at step %d: AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_REWRITE=1 records it anew", file, len(want), len(got), i)
		}
		apache, ours := may.leave(version+" "+want[i].Command, want[i].Want, got[i].Want)
		if diff := cmp.Diff(apache, ours); diff != "" {
			t.Errorf("%s:%d: %s\n(-Apache +here)\n%s", file, want[i].Line, want[i].Command, diff)
		}
	}
}
