package interop

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/transcript"
)

// TestTools plays the command line's recordings with every target: what the tools do with Aerobee, they do with Apache RocketMQ
// too, word by word.
func TestTools(t *testing.T) {
	t.Setenv("AEROBEE_BROKER_NAME", "broker-a") // as Apache's is called here
	binary := aerobeeBinary(t)
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			s := startServer(t, target)
			for _, file := range []string{"tools.txt", "messages.txt", "admin.txt"} {
				playTools(t, s, binary, "../cli/testdata/"+file)
			}
		})
	}
}

func playTools(t *testing.T, s *server, binary, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, step := range transcript.Parse(string(text)) {
		got := runTool(t, s, binary, strings.ReplaceAll(step.Command, "$LAST", last))
		if id := transcript.Last(got); id != "" {
			last = id
		}
		if diff := cmp.Diff(transcript.Normalize(step.Want), transcript.Normalize(got)); diff != "" {
			t.Errorf("%s:%d: %s\n%s", file, step.Line, step.Command, diff)
		}
	}
}

// runTool runs one command of a recording with the binary and returns what it printed.
func runTool(t *testing.T, s *server, binary, command string) string {
	t.Helper()
	words, stdin, err := transcript.Words(command)
	if err != nil || len(words) == 0 || words[0] != "aerobee" {
		t.Fatalf("%q is no command of ours: %v", command, err)
	}
	cmd := exec.Command(binary, words[1:]...)
	cmd.Env = append(serverEnvironment(), "AEROBEE_NAMESRV="+s.namesrv)
	cmd.Stdin = bytes.NewReader([]byte(stdin))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return transcript.Output(string(out), cmd.ProcessState.ExitCode())
}
