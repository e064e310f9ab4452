package interop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// javaLoad is the running Java half of the torture test.
type javaLoad struct {
	stdin   io.WriteCloser
	said    chan string // STARTED and STOPPED
	ended   chan error
	stderr  string
	process *os.Process
}

// startJava begins the Java program, which writes its events into the recorder, and returns when it sends and consumes.
func startJava(t *testing.T, on *server, seed uint64, rec *recorder) *javaLoad {
	t.Helper()
	return startJavaAs(t, "interop.Torture", on, seed, rec)
}

// startJavaAs is startJava with another program, and variables "KEY=VALUE" for it.
func startJavaAs(t *testing.T, class string, on *server, seed uint64, rec *recorder, variables ...string) *javaLoad {
	t.Helper()
	p := javaProgram(t, javaNew)
	p.command[len(p.command)-1] = class
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "INTEROP_NAMESRV="+on.namesrv, "INTEROP_BROKER="+on.broker, fmt.Sprintf("TORTURE_SEED=%d", int64(seed>>1)))
	cmd.Env = append(cmd.Env, variables...)
	stderr, err := os.Create(filepath.Join(cmd.Dir, "stderr.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	j := &javaLoad{process: cmd.Process, stdin: stdin, said: make(chan string, 2), ended: make(chan error, 1), stderr: stderr.Name()}
	go j.read(stdout, cmd, rec)
	t.Cleanup(func() {
		stdin.Close() // ends it, if nothing has
		if err := j.wait(20 * time.Second); err != nil {
			cmd.Process.Kill()
			t.Errorf("the Java program: %v", err)
		}
		if t.Failed() {
			t.Logf("last lines of the Java program:\n%s", tail(j.stderr, 1500))
		}
	})
	j.await(t, "STARTED", 60*time.Second)
	return j
}

func (j *javaLoad) read(stdout io.Reader, cmd *exec.Cmd, rec *recorder) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if !rec.line(lines.Text()) {
			j.said <- lines.Text()
		}
	}
	j.ended <- cmd.Wait()
	close(j.ended)
}

func (j *javaLoad) await(t *testing.T, word string, limit time.Duration) {
	t.Helper()
	select {
	case said := <-j.said:
		if said != word {
			t.Fatalf("the Java program said %q, want %s", said, word)
		}
	case err := <-j.ended:
		t.Fatalf("the Java program ended before %s: %v\n%s", word, err, tail(j.stderr, 1500))
	case <-time.After(limit):
		t.Fatalf("the Java program did not say %s within %v", word, limit)
	}
}

// tell sends a line to the program.
func (j *javaLoad) tell(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(j.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// wait returns when the program has exited, or an error after limit.
func (j *javaLoad) wait(limit time.Duration) error {
	select {
	case err := <-j.ended:
		return err
	case <-time.After(limit):
		return fmt.Errorf("still running after %v", limit)
	}
}
