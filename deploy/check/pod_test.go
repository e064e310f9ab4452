package check

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	core "k8s.io/api/core/v1"
)

var (
	building sync.Mutex
	built    string // guarded by building
)

// binary builds aerobee, once in a run.
func binary(t *testing.T) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if built != "" {
		return built
	}
	dir, err := os.MkdirTemp("", "aerobee-check")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "aerobee"), "./cmd/aerobee")
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	built = filepath.Join(dir, "aerobee")
	return built
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// TestPodServes starts what the pod's container would start, with the directories of its mounts elsewhere and a host name that can be resolved
// here, asks what the kubelet would ask, and stops it as the kubelet would.
func TestPodServes(t *testing.T) {
	o := mustRender(t, values{"settings": values{"fileReservedTime": 48}})
	c := container(t, o)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "broker.conf"), []byte(o.config.Data["broker.conf"]), 0o600); err != nil {
		t.Fatal(err)
	}
	name := "$(POD_NAME)." + o.set.Spec.ServiceName + ".$(POD_NAMESPACE).svc.cluster.local"
	replace := strings.NewReplacer("/data", dir, "/etc/aerobee", dir, name, "localhost", "$(POD_NAME)", "aerobee-0")
	var args []string
	for _, a := range c.Args {
		args = append(args, replace.Replace(a))
	}
	cmd := exec.Command(binary(t), append(args, "--listen", "127.0.0.1:0")...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AEROBEE_") }) // what the pod does not have
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said, addr := "", ""
	lines := bufio.NewScanner(pipe)
	for !strings.HasPrefix(lines.Text(), "Try: ") && lines.Scan() {
		said += lines.Text() + "\n"
		if m := regexp.MustCompile(`listens on (\S+) `).FindStringSubmatch(lines.Text()); m != nil {
			addr = m[1]
		}
	}
	if !strings.Contains(said, "as broker aerobee-0 of cluster DefaultCluster") || !strings.Contains(said, dir+"/store (SYNC_FLUSH)") {
		t.Errorf("the node says\n%s%s", said, &stderr)
	}
	for _, p := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		resp, err := http.Get(strings.ToLower(string(p.HTTPGet.Scheme)) + "://" + addr + p.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", p.HTTPGet.Path, resp.Status)
		}
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(built, "admin", "topicRoute", "-n", addr, "-t", "TBW102").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"localhost:`+port+`"`) {
		t.Errorf("the route leads elsewhere than to the pod's name: %v\n%s", err, out)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until the pipe closes with the process
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if strings.Contains(stderr.String(), "setting: ") {
		t.Errorf("settings of the chart have no effect:\n%s", &stderr)
	}
}
