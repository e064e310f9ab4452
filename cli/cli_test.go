package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/transcript"
)

// run runs a command line in an empty environment.
func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(args, nil, &out, &err)
	return code, out.String(), err.String()
}

func TestCommands(t *testing.T) {
	f := func(args string, code int, stdout, stderr string) {
		t.Helper()
		gotCode, out, errs := run(strings.Fields(args)...)
		if gotCode != code || !strings.Contains(out, stdout) || !strings.Contains(errs, stderr) {
			t.Errorf("aerobee %s: code %d, stdout %.400q, stderr %.400q; want %d, %q, %q", args, gotCode, out, errs, code, stdout, stderr)
		}
	}
	f("version", 0, "speaks RocketMQ 5.5.0", "")
	f("--help", 0, "aerobee store verify ./aerobee-data", "")
	f("serve --help", 0, "aerobee serve -c broker.conf --set flushDiskType=ASYNC_FLUSH", "")
	f("store --help", 0, "aerobee store dump", "")
	f("config", 0, "flushDiskType ", "")
	f("launch", 2, "", `unknown command "launch" for "aerobee"`)
	f("serve now", 2, "", `"now" is one argument too many: aerobee serve`)
	f("--version", 0, "speaks RocketMQ 5.5.0", "")
	f("serve --zzz", 2, "", "unknown flag: --zzz\n")
	f("serve --lisen :1", 2, "", "unknown flag: --lisen; did you mean --listen?")
	f("serve --set x", 2, "", `--set "x" is not KEY=VALUE`)
	f("serve --set brokerRole=SLAVE", 2, "", "flags: brokerRole: SLAVE needs replication")
	f("serve -c /nowhere/broker.conf", 2, "", "/nowhere/broker.conf")
	f("serve --memory --listen 256.0.0.1:0", 1, "", "--listen chooses other addresses")
	f("store verify", 2, "", "DIR is missing: aerobee store verify DIR")
	f("store verify /nowhere", 1, "", "/nowhere")
}

func TestJSONOutput(t *testing.T) {
	for _, command := range []string{"version", "config"} {
		_, out, _ := run(command, "--json")
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Errorf("%s --json: %v in %.200s", command, err, out)
		}
	}
}

// TestStoreCommands makes a store with a node, then verifies, dumps and exports it.
func TestStoreCommands(t *testing.T) {
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Data, cfg.Listen, cfg.SegmentSize = dir, []string{"127.0.0.1:0"}, 16<<20
	server, err := aerobee.StartSettings(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, errs := run("store", "verify", dir); !strings.Contains(errs, "stop that node first") {
		t.Errorf("verify of a store in use says %q", errs)
	}
	copied := t.TempDir() + "/copy"
	if code, out, errs := run("store", "backup", "--namesrv", server.Addr(), "--json", copied); code != 0 || !strings.Contains(out, `"segments":1`) {
		t.Errorf("backup: code %d, %q, %q", code, out, errs)
	}
	if code, _, errs := run("store", "backup", "--namesrv", server.Addr(), copied); code != 1 || !strings.Contains(errs, "is there already") {
		t.Errorf("backup over a copy: code %d, %q", code, errs)
	}
	if code, _, errs := run("store", "backup", "--namesrv", "127.0.0.1:1", copied+"2"); code != 1 || !strings.Contains(errs, "is the server running?") {
		t.Errorf("backup of nobody: code %d, %q", code, errs)
	}
	if code, out, errs := run("store", "dump", copied); code != 0 || !strings.Contains(out, "begin of checkpoint 0") {
		t.Errorf("dump of the copy: code %d, %q, %q", code, out, errs)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := func(args string, want string) {
		t.Helper()
		code, out, errs := run(append(strings.Fields(args), dir)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("aerobee %s: code %d, stdout %.400q, stderr %.400q; want %q", args, code, out, errs, want)
		}
	}
	f("store verify", " 0 problems")
	f("store verify --json", `"problems":0,"found":[]`)
	f("store dump", "begin of checkpoint 0")
	f("store dump --json", `{"kind":"state"`)
	f("store dump --max 1 --from 100000000", "")
	f("store export", "mappedFileSizeCommitLog=16777216")
	f("store export --json", `"delayed":0`)
	f("store verify", " 0 problems")
}

// watched is a writer that tells when a text has been written to it.
type watched struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu, as all below
	seen chan string
	want *regexp.Regexp
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	w.look()
	return len(b), nil
}

// await returns a channel that gets the pattern's first group when it has been written.
func (w *watched) await(pattern string) <-chan string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := make(chan string, 1)
	w.seen, w.want = seen, regexp.MustCompile(pattern)
	w.look()
	return seen
}

func (w *watched) look() {
	if w.seen == nil {
		return
	}
	if m := w.want.FindStringSubmatch(w.text.String()); m != nil {
		w.seen <- m[1]
		w.seen = nil
	}
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// TestServeSaysWhereItListens serves with settings from every source, asks /ready where the banner says, and stops.
func TestServeSaysWhereItListens(t *testing.T) {
	dir := t.TempDir()
	conf, logFile := filepath.Join(dir, "broker.conf"), filepath.Join(dir, "log")
	if err := os.WriteFile(conf, []byte("brokerName=from-file\nbrokerClusterName=c1\nslaveReadEnable=true\nflushDisk=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout := &watched{}
	seen := stdout.await(`listens on (\S+) (?s:.*)Try: `)
	var stderr bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	released := false
	root := newRoot(env{environ: []string{"AEROBEE_BROKER_NAME=from-env"}, stdout: stdout, stderr: &stderr, release: func() { released = true }})
	root.SetArgs([]string{"--memory", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "-c", conf, "--log-file", logFile, "--log-format", "json", "--memory-limit", "256m"})
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	var addr string
	select {
	case addr = <-seen:
	case err := <-done:
		t.Fatalf("ended: %v\n%s", err, &stderr)
	}
	resp, err := http.Get("http://" + addr + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	status := transcript.Normalize(session{addr}.run(t, "aerobee status"))
	cancel()
	for _, want := range []string{"brokerName  from-env  ", "  environment\n", "brokerClusterName  c1  DefaultCluster  " + conf, "memory  true  false  flags\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("%q is missing in the status:\n%s", want, status)
		}
	}
	if err := <-done; err != nil || resp.StatusCode != http.StatusOK || !released {
		t.Errorf("end: %v; /ready: %d; signals released: %v", err, resp.StatusCode, released)
	}
	for _, want := range []string{"broker from-env of cluster c1", "listens on [::1]:", "stores in memory"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, stdout.String())
		}
	}
	logged, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"key":"slaveReadEnable"`, "a single node has no replica", "the nearest known one is flushDiskType", `"msg":"stopped"`} {
		if !strings.Contains(string(logged), want) {
			t.Errorf("%q is missing in the log:\n%s", want, logged)
		}
	}
}

func TestLogSettings(t *testing.T) {
	f := func(level, format, want string, wantDebug bool) {
		t.Helper()
		var out bytes.Buffer
		logger, closeLog, err := openLog(config.Config{LogLevel: level, LogFormat: format}, &out)
		if err != nil {
			t.Fatal(err)
		}
		defer closeLog()
		logger.Error("hello", "n", 1)
		if !strings.Contains(out.String(), want) || logger.Enabled(t.Context(), slog.LevelDebug) != wantDebug {
			t.Errorf("%s %s: %s", level, format, &out)
		}
	}
	f("debug", "text", "level=ERROR msg=hello n=1", true)
	f("warn", "json", `"msg":"hello","n":1`, false)
}

// TestMemoryLimit finds the limit where the settings, the cgroup and the machine name one.
func TestMemoryLimit(t *testing.T) {
	f := func(set int64, cgroup string, want int64) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "memory.max")
		if cgroup != "" {
			if err := os.WriteFile(file, []byte(cgroup), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := memoryLimit(set, file); got != want {
			t.Errorf("set %d, cgroup %q: got %d, want %d", set, cgroup, got, want)
		}
	}
	f(1<<28, "536870912\n", 1<<28)
	f(0, "536870912\n", 1<<29)
	f(0, "max\n", 0)
	f(0, "", 0)
}
