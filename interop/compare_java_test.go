//go:build numbers

package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// javaGenerator is the load generator with the official Java clients: one JVM that stays over rounds and rows, so that its JIT is warm. The one
// with the Go client (startGoGenerator) speaks the same. It reads a command a line and answers with lines of JSON: {"event":"begin"} and {"event":"end"} at the ends of the measured span,
// a {"event":"note","message":…} if some messages failed, then {"event":"result","numbers":…} or {"event":"error","message":…}.
type javaGenerator struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan javaLine
	stderr string
}

type javaLine struct {
	Event   string             `json:"event"`
	Message string             `json:"message"`
	Numbers map[string]float64 `json:"numbers"`
}

// javaLimit is for one command.
const javaLimit = 5 * time.Minute

// javaLoad runs one command at the contender and returns its numbers with the contender's CPU time per million messages. command is a verb and
// settings: "senders topic=t threads=64 warm=2 seconds=10".
func (a *arena) javaLoad(on *standing, command string, args ...any) map[string]float64 {
	a.t.Helper()
	return a.generate(&a.java, startJavaGenerator, on, fmt.Sprintf(command, args...)+" namesrv="+on.namesrv)
}

// generate has a load generator run a command; it is started when it is needed first.
func (a *arena) generate(by **javaGenerator, start func(t, whole *testing.T) *javaGenerator, on *standing, command string) map[string]float64 {
	a.t.Helper()
	if *by == nil {
		*by = start(a.t, a.whole)
	}
	if _, err := io.WriteString((*by).stdin, command+"\n"); err != nil {
		a.t.Fatalf("%s: %v\n%s", command, err, tail((*by).stderr, 2000))
	}
	var cost span
	limit := time.After(javaLimit)
	for {
		select {
		case line, ok := <-(*by).lines:
			switch {
			case !ok:
				ended := *by
				*by = nil
				ended.end(a.t)
				a.t.Fatalf("%s: the load generator has ended\n%s", command, tail(ended.stderr, 2000))
			case line.Event == "begin":
				cost.begin = on.cpu()
			case line.Event == "end":
				cost.end = on.cpu()
			case line.Event == "note":
				a.t.Logf("%s: some messages failed: %s", command, line.Message)
			case line.Event == "result":
				line.Numbers["serverCPU"] = cost.perMillion(line.Numbers["messages"])
				return line.Numbers
			default:
				a.t.Fatalf("%s: %s %s", command, line.Event, line.Message)
			}
		case <-limit:
			late := *by
			*by = nil // its answer may still come, and must not be the next command's
			late.end(a.t)
			a.t.Fatalf("%s: no answer within %v\n%s", command, javaLimit, tail(late.stderr, 2000))
		}
	}
}

// startJavaGenerator compiles the generator against the official clients and starts it; whole outlives t.
func startJavaGenerator(t, whole *testing.T) *javaGenerator {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "grpc", javaGrpc) + string(os.PathListSeparator) + javaJars(t, "client", javaNew) // in this order they get on with each other
	sources, err := filepath.Glob("compare/java/compare/*.java")
	if err != nil {
		t.Fatal(err)
	}
	classes := cacheDir(t, "classes-compare")
	fetched(t, classes, "compare "+digest(t, sources), exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	home := whole.TempDir()
	return startGenerator(t, home, exec.Command("java", "-Xms1g", "-Xmx1g", "-Duser.home="+home, "-Drocketmq.client.logRoot="+home,
		"-Drocketmq.log.root="+home, "-Drocketmq.log.level=WARN", "-cp", classes+string(os.PathListSeparator)+jars, "compare.Main"))
}

// startGenerator starts a load generator in its home.
func startGenerator(t *testing.T, home string, cmd *exec.Cmd) *javaGenerator {
	t.Helper()
	g := &javaGenerator{cmd: cmd, lines: make(chan javaLine, 4), stderr: filepath.Join(home, "stderr.log")}
	stderr, err := os.Create(g.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	g.cmd.Dir, g.cmd.Stderr = home, stderr
	if g.stdin, err = g.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go g.read(stdout)
	return g
}

// read hands on lines of JSON; whatever else a library prints is dropped. It closes lines at the program's end.
func (g *javaGenerator) read(stdout io.Reader) {
	defer close(g.lines)
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		var line javaLine
		if strings.HasPrefix(scanner.Text(), `{"event"`) && json.Unmarshal(scanner.Bytes(), &line) == nil {
			g.lines <- line
		}
	}
}

func (g *javaGenerator) cpu() time.Duration {
	u, err := readUsage(g.cmd.Process.Pid)
	if err != nil {
		return 0
	}
	return u.own
}

// end closes the generator's input, which ends it, and waits.
func (g *javaGenerator) end(t *testing.T) {
	g.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { g.cmd.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	for range g.lines {
	}
	if err := g.cmd.Wait(); err != nil {
		t.Logf("load generator: %v\n%s", err, tail(g.stderr, 1000))
	}
}
