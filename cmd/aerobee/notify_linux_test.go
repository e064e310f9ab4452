package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestServiceManagerIsTold plays the manager that starts a unit of Type=notify: the node tells it when it serves, and that it stops.
func TestServiceManagerIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // short: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		n, err := socket.Read(buf)
		if got := string(buf[:n]); err != nil || got != want {
			t.Errorf("the manager is told %q, %v; want %q", got, err, want)
		}
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "socket"))
	n := startNode(t, buildBinary(t), "--memory")
	told("READY=1")
	if code := n.get(t, "/ready"); code != http.StatusOK {
		t.Errorf("GET /ready answers %d", code)
	}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
}
