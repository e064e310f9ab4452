package ociimage_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/ociimage"
)

var listens = regexp.MustCompile(`listens on (\S+) `)

// TestImageServes unpacks the image's file system and runs the image as a container engine would, as its own user and as one that nobody has
// heard of. There is nothing in it but the image: no /proc, no names of hosts.
func TestImageServes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	if testing.Short() {
		t.Skip("it builds the binary")
	}
	binary := filepath.Join(t.TempDir(), "aerobee")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../cmd/aerobee")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	archive := write(t, ociimage.Binary{Arch: runtime.GOARCH, Program: program})
	c, layer := read(t, archive).platform(runtime.GOARCH)
	t.Logf("binary %.1f MB, image %.1f MB", float64(len(program))/1e6, float64(len(archive))/1e6)
	for _, uid := range []uint32{65532, 1234567} {
		root := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(root, 0o755); err != nil {
			t.Fatal(err)
		}
		unpack(t, layer, root)
		runImage(t, c, root, uid)
		if _, err := os.Stat(filepath.Join(root, "data", "store", "commitlog")); err != nil {
			t.Errorf("user %d has stored nothing: %v", uid, err)
		}
	}
}

// runImage starts what the image says, on a free port, asks whether it serves, and stops it.
func runImage(t *testing.T, c config, root string, uid uint32) {
	t.Helper()
	args := append(c.Config.Entrypoint[1:len(c.Config.Entrypoint):len(c.Config.Entrypoint)], c.Config.Cmd...)
	cmd := exec.Command(c.Config.Entrypoint[0], append(args, "--listen", "127.0.0.1:0")...)
	cmd.Dir, cmd.Env, cmd.Stderr = c.Config.WorkingDir, c.Config.Env, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
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
	out := bufio.NewScanner(pipe)
	addr := ""
	for addr == "" && out.Scan() {
		if m := listens.FindStringSubmatch(out.Text()); m != nil {
			addr = m[1]
		}
	}
	resp, err := http.Get("http://" + addr + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("user %d: GET /ready answers %s", uid, resp.Status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for out.Scan() { // until the pipe closes with the process
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("user %d: after SIGTERM: %v", uid, err)
	}
}
