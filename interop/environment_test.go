package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// cacheDir holds fetched clients, compiled programs and the server under test; git ignores it.
func cacheDir(t *testing.T, parts ...string) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{wd, ".cache"}, parts...)...)
}

// need skips the test by the names of the tools that are missing, or fails it when the suite is required.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("AEROBEE_INTEROP_REQUIRED") == "1" {
			t.Fatalf("%s is not installed, and AEROBEE_INTEROP_REQUIRED=1", tool)
		}
		t.Skipf("%s is not installed", tool)
	}
}

// eventually calls attempt every 50 ms until it succeeds; after limit it returns the last error.
func eventually(limit time.Duration, what string, attempt func() error) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	start := time.Now()
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		if time.Since(start) > limit {
			return fmt.Errorf("%s: not within %v: %w", what, limit, err)
		}
		<-ticker.C
	}
}

// freePorts returns n ports, each with its two neighbours below and above unused too, because Apache's broker also
// listens on port-2 and port+1. They lie below the range from which the system takes ports for outgoing connections, so
// a killed server finds its port free when it comes back.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	base := 22000
	if text := os.Getenv("AEROBEE_INTEROP_PORT"); text != "" {
		var err error
		if base, err = strconv.Atoi(text); err != nil {
			t.Fatalf("AEROBEE_INTEROP_PORT: %v", err)
		}
	}
	handing.Lock()
	defer handing.Unlock()
	var ports []int
	for port := base + 2; port < base+1000 && len(ports) < n; port += 10 {
		if !handing.out[port] && unused(port-2) && unused(port) && unused(port+1) {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		t.Fatalf("only %d of %d ports are free in %d..%d", len(ports), n, base, base+1000)
	}
	for _, port := range ports {
		handing.out[port] = true
	}
	t.Cleanup(func() {
		handing.Lock()
		defer handing.Unlock()
		for _, port := range ports {
			delete(handing.out, port)
		}
	})
	return ports
}

// handing knows the ports of tests that run: one that its test has not bound yet is no other test's.
var handing = struct {
	sync.Mutex
	out map[int]bool
}{out: map[int]bool{}}

func unused(port int) bool {
	l, err := net.Listen("tcp", local(port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// filling is held by who changes the cache.
var filling sync.Mutex

// built are the programs that this run has built.
var built = map[string]bool{}

// build makes the program of the Go package in dir, once in a run.
func build(t *testing.T, binary, dir, path string) {
	t.Helper()
	filling.Lock()
	defer filling.Unlock()
	if built[binary] {
		return
	}
	c := exec.Command("go", "build", "-o", binary, path)
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	run(t, c)
	built[binary] = true
}

// fetched runs the commands that fill a cache directory, once for this spec: a marker file remembers what was fetched.
func fetched(t *testing.T, dir, spec string, commands ...*exec.Cmd) {
	t.Helper()
	filling.Lock()
	defer filling.Unlock()
	marker := filepath.Join(dir, ".fetched")
	if have, err := os.ReadFile(marker); err == nil && string(have) == spec {
		return
	}
	start := time.Now()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	if err := os.WriteFile(marker, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("fetched %s in %v", spec, time.Since(start).Round(time.Millisecond))
}

// run executes a command to its end and fails the test with its output if it fails.
func run(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
}
