package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopLimit is Aerobee's promise of five seconds, twice over for a loaded machine.
const stopLimit = 10 * time.Second

// process is a server program that can die and come back with the same arguments and directory.
type process struct {
	name    string
	command []string
	dir     string // working directory; output goes to <name>.log in it
	abrupt  bool   // ends by kill: how it stops is not under test

	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has exited
}

// start launches the process; the test's end stops it.
func (p *process) start(t *testing.T) {
	t.Helper()
	if err := p.launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", p.name, tail(p.logPath(), 1500))
		}
	})
}

func (p *process) logPath() string { return filepath.Join(p.dir, p.name+".log") }

func (p *process) launch() error {
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.Env = serverEnvironment()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		cmd.Wait()
		close(done)
	}(p.done)
	return nil
}

// serverEnvironment leaves out the tests' own variables, which Aerobee would take for settings.
func serverEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AEROBEE_INTEROP_") })
}

// kill is kill -9, and the wait until the process is gone.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.done
	return nil
}

func (p *process) stop(t *testing.T) {
	select {
	case <-p.done:
		return
	default:
	}
	if !p.abrupt {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Logf("stop %s: %v", p.name, err)
		}
		select {
		case <-p.done:
			return
		case <-time.After(stopLimit):
			t.Errorf("%s did not stop within %v of SIGTERM", p.name, stopLimit)
		}
	}
	if err := p.kill(); err != nil {
		t.Error(err)
	}
}

func tail(path string, size int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-size):])
}
