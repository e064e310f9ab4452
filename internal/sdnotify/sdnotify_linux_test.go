package sdnotify

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTell(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // short: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{filepath.Join(dir, "socket"), fmt.Sprintf("@aerobee-%d", os.Getpid())} {
		socket, err := net.ListenPacket("unixgram", name)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{Ready, Stopping} {
			if err := tell([]string{"HOME=/", "NOTIFY_SOCKET=" + name}, state); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			n, _, err := socket.ReadFrom(buf)
			if got := string(buf[:n]); err != nil || got != state {
				t.Errorf("%s: the manager reads %q, %v; want %q", name, got, err, state)
			}
		}
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTellWithoutManager(t *testing.T) {
	f := func(environ, want string) {
		t.Helper()
		err := tell([]string{environ}, Ready)
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", environ, got, want)
		}
	}
	f("HOME=/", "<nil>")
	f("NOTIFY_SOCKET=", "<nil>")
	f("NOTIFY_SOCKET=vsock:2:1234", `"vsock:2:1234" is no path`)
	f("NOTIFY_SOCKET=/nowhere/socket", "/nowhere/socket")
	var said bytes.Buffer
	Tell([]string{"NOTIFY_SOCKET=/nowhere/socket"}, Ready, slog.New(slog.NewTextHandler(&said, nil)))
	if !strings.Contains(said.String(), "/nowhere/socket") || !strings.Contains(said.String(), "READY=1") {
		t.Errorf("logged %s", &said)
	}
}
