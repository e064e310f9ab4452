//go:build numbers

package interop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// contender is a server that can take part in rows.
type contender struct {
	name  string // its key in results: "apache-async"
	title string // its column in BENCHMARKS.md: "Apache ASYNC_FLUSH"
	jit   bool   // it is slow until it has run for a while, so it is warmed for long and not started anew between rounds

	product string                                     // what its version is told under: "Apache RocketMQ"
	version func(t *testing.T) string                  // fetches or builds what it runs, too
	ports   int                                        // how many it listens on
	address func(ports []int) (namesrv, broker string) // where clients find it; the same twice if it has one address
	// commands make its processes, in the order of their starting, all at once. dir is empty. The last one holds the messages.
	commands func(t *testing.T, dir string, ports []int) []*process
	ready    func(on *standing) error // nil when it takes messages

	grpc func(ports []int) string // where clients that speak gRPC find it; nil: where all others do
	// late names a process that starts when the others, which start at once, are ready in the way of early.
	late  string
	early func(on *standing) error
}

// standing is a contender with its place: a directory, ports and processes.
type standing struct {
	contender
	t               *testing.T // of the whole comparison
	namesrv, broker string
	dir             string
	ports           []int
	processes       []*process // empty while it is not running
	paused          bool
	backlog         string                   // topic that rows have filled; goes with the store
	warmed          map[string]time.Duration // by kind of load: for how long it has been warmed since it started
}

// prepare makes the directory and the command lines, unless they are there.
func (s *standing) prepare() error {
	if len(s.processes) > 0 {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	s.processes = s.commands(s.t, s.dir, s.ports)
	return nil
}

// launch starts the contender, on what its directory holds, and does not wait for it.
func (s *standing) launch() error {
	if err := s.prepare(); err != nil {
		return err
	}
	for _, p := range s.processes {
		if p.name == s.late {
			continue
		}
		if err := p.launch(); err != nil {
			return err
		}
	}
	s.paused, s.warmed = false, map[string]time.Duration{}
	for _, p := range s.processes {
		if p.name != s.late {
			continue
		}
		if err := eventually(readyLimit, s.name+" ready for its "+s.late, func() error { return s.early(s) }); err != nil {
			return err
		}
		if err := p.launch(); err != nil {
			return err
		}
	}
	return nil
}

// running reports whether its processes are there, paused or not.
func (s *standing) running() bool {
	for _, p := range s.processes {
		if p.cmd == nil {
			return false
		}
		select {
		case <-p.done:
			return false
		default:
		}
	}
	return len(s.processes) > 0
}

// main is the process that holds the messages.
func (s *standing) main() *process { return s.processes[len(s.processes)-1] }

// kill is kill -9 of all its processes, and the wait until they are gone. The directory stays.
func (s *standing) kill() error {
	var errs []error
	for _, p := range s.processes {
		if p.cmd == nil {
			continue
		}
		if err := p.kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// wipe kills it and removes all that it has stored.
func (s *standing) wipe() error {
	err := s.kill()
	s.processes, s.backlog = nil, ""
	return errors.Join(err, os.RemoveAll(s.dir))
}

// awaitReady waits until the contender takes messages.
func (s *standing) awaitReady() error {
	return eventually(readyLimit, s.name+" ready", func() error {
		if !s.running() {
			return errors.New("it has ended: " + tail(s.main().logPath(), 800))
		}
		return s.ready(s)
	})
}

func (s *standing) signal(which syscall.Signal) error {
	for _, p := range s.processes {
		if err := p.cmd.Process.Signal(which); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	s.paused = which == syscall.SIGSTOP
	return nil
}

// cpu is the CPU time of all its processes so far.
func (s *standing) cpu() time.Duration {
	sum := time.Duration(0)
	for _, p := range s.processes {
		if u, err := readUsage(p.cmd.Process.Pid); err == nil {
			sum += u.own
		}
	}
	return sum
}

// rss is the resident memory of all its processes in MB (10^6 bytes).
func (s *standing) rss() (float64, error) {
	sum := 0.0
	for _, p := range s.processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "VmRSS:")
		kib, err := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
		if err != nil {
			return 0, err
		}
		sum += kib * 1024 / 1e6
	}
	return sum, nil
}

// stored is how many bytes of disk its directory takes; files with holes count what they hold.
func (s *standing) stored() int64 {
	sum := int64(0)
	_ = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go under a running server
		}
		var stat syscall.Stat_t
		if syscall.Stat(path, &stat) == nil {
			sum += stat.Blocks * 512
		}
		return nil
	})
	return sum
}
