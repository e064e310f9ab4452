package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/transcript"
)

var rewrite = flag.Bool("rewrite", false, "write what the commands print into the README")

const readme = "../../README.md"

// recording is a block of commands in a Markdown text.
var recording = regexp.MustCompile("(?s)(```console\n)(.*?)(```\n)")

// TestReadme runs every command of the README's first five minutes in a shell, against the node that the first one starts, and
// compares what they print with what the README says that they print.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	blocks := recording.FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 1 {
		t.Fatalf("%d recordings in the README, want one", len(blocks))
	}
	shell := &shell{t: t, bin: filepath.Dir(buildBinary(t)), dir: t.TempDir(), addr: freeAddr(t)}
	played := ""
	for _, step := range transcript.Parse(blocks[0][2]) {
		got := shell.run(step.Command)
		diff := gocmp.Diff(comparable(step.Want), comparable(got))
		if diff == "" {
			got = step.Want
		} else if !*rewrite {
			t.Errorf("line %d of the recording: %s\n%s", step.Line, step.Command, diff)
		}
		played += "$ " + step.Command + "\n" + got
	}
	if *rewrite {
		replaced := recording.ReplaceAllLiteralString(string(text), blocks[0][1]+played+blocks[0][3])
		if err := os.WriteFile(readme, []byte(replaced), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// comparable takes out what depends on the build and the machine as well.
func comparable(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`aerobee \S+ serves as`, "aerobee <version> serves as"},
		{`(?m)^version .*$`, "version <version>"},
		{`(?m)^running .*$`, "running <long>"},
		{`(?m)^log .*$`, "log <bytes>"},
		{`(?m)^connections .*$`, "connections <number>"},
		{`(?m)^brokerName .*$`, "brokerName <host's name>"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return transcript.Normalize(text)
}

// usualAddr is the address of the README's node. Here it gets a free one of the same length, which commands find by the
// environment.
const usualAddr = "127.0.0.1:9876"

// shell runs commands as somebody would in a terminal, with the binary in the PATH.
type shell struct {
	t              *testing.T
	bin, dir, addr string
}

// freeAddr is an address below the range from which the system takes ports for connections.
func freeAddr(t *testing.T) string {
	t.Helper()
	for i := range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 7000+(os.Getpid()+i)%1000)
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port of 7000 to 7999 is free")
	return ""
}

func (s *shell) run(command string) string {
	s.t.Helper()
	if server, ok := strings.CutSuffix(command, " &"); ok {
		return s.serve(server)
	}
	out, err := s.command(command).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return transcript.Output(s.usual(string(out)), 0) // a terminal does not show exit codes
}

func (s *shell) command(text string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(text, usualAddr, s.addr))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "AEROBEE_NAMESRV="+s.addr)
	return cmd
}

// usual puts the README's address where the node's own is.
func (s *shell) usual(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, " --namesrv "+s.addr, ""), s.addr, usualAddr)
}

// serve starts the node and returns what it prints until it serves.
func (s *shell) serve(command string) string {
	s.t.Helper()
	cmd := s.command("exec " + command)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	printed := ""
	for buf := make([]byte, 4096); !strings.Contains(printed, "\nTry: "); {
		n, err := pipe.Read(buf)
		printed += string(buf[:n])
		if err != nil {
			s.t.Fatalf("%s ended: %v\n%s%s", command, err, printed, &stderr)
		}
	}
	return s.usual(printed)
}
