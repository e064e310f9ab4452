package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The ratchet on what the binary costs. Start is CPU time, which other processes on the machine do not change much.
const (
	maxBinaryBytes = 40 << 20
	maxStartCPU    = 150 * time.Millisecond
	maxIdleRSS     = 36 << 20
)

// buildBinary builds the command as `make build` does and returns its path.
func buildBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "aerobee")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// node is a running binary.
type node struct {
	cmd  *exec.Cmd
	addr string
	out  *bufio.Scanner
}

var listens = regexp.MustCompile(`listens on (\S+) `)

// startNode starts the binary on a free port and returns once it has said where it listens.
func startNode(t *testing.T, bin string, args ...string) *node {
	t.Helper()
	n := &node{cmd: exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	n.cmd.Dir = t.TempDir()
	n.cmd.Stderr = os.Stderr
	pipe, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
	})
	n.out = bufio.NewScanner(pipe)
	for n.out.Scan() {
		if m := listens.FindStringSubmatch(n.out.Text()); m != nil {
			n.addr = m[1]
			return n
		}
	}
	t.Fatalf("the node ended before it said where it listens: %v", n.out.Err())
	return nil
}

func (n *node) get(t *testing.T, path string) int {
	t.Helper()
	resp, err := http.Get("http://" + n.addr + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// cpu is the CPU time that the process has used.
func (n *node) cpu(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const clockTicks = 100 // USER_HZ, the same on every Linux that Go runs on
	var ticks int64
	for _, f := range fields[11:13] {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += v
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// rss is the process's resident memory in bytes.
func (n *node) rss(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS in /proc/PID/status")
	return 0
}

// TestSize prints what the binary costs and holds it to the ratchet.
func TestSize(t *testing.T) {
	bin := buildBinary(t)
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	n := startNode(t, bin, "--data", t.TempDir())
	code := n.get(t, "/ready")
	wall := time.Since(begin)
	cpu, rss := n.cpu(t), n.rss(t)
	t.Logf("binary %.1f MiB, exec to ready %v (CPU %v), idle RSS %.1f MiB", float64(info.Size())/(1<<20), wall.Round(time.Millisecond), cpu, float64(rss)/(1<<20))
	if code != http.StatusOK {
		t.Errorf("GET /ready answers %d", code)
	}
	if info.Size() > maxBinaryBytes || cpu > maxStartCPU || rss > maxIdleRSS {
		t.Errorf("over the ratchet: binary %d of %d bytes, start CPU %v of %v, RSS %d of %d bytes", info.Size(), maxBinaryBytes, cpu, maxStartCPU, rss, maxIdleRSS)
	}
}

// TestTerminateIsClean sends SIGTERM and wants a clean stop within the five seconds that are promised.
func TestTerminateIsClean(t *testing.T) {
	n := startNode(t, buildBinary(t), "--data", t.TempDir())
	begin := time.Now()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for n.out.Scan() { // until the pipe closes with the process
	}
	if err := n.cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

// TestSecondProcessIsRefused starts a second process on the same store and wants it refused by the store's name.
func TestSecondProcessIsRefused(t *testing.T) {
	bin, dir := buildBinary(t), t.TempDir()
	startNode(t, bin, "--data", dir)
	out, err := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--data", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), dir) || !strings.Contains(string(out), "in use") {
		t.Errorf("err %v, output %s", err, out)
	}
}
