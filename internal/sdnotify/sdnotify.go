// Package sdnotify tells a service manager what a process is about: systemd, which starts units of Type=notify, and whoever else
// names a socket in NOTIFY_SOCKET. The command line calls it. It keeps nothing; [Tell] is safe to call at once.
package sdnotify

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"
)

// What a process may tell.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
)

// timeout bounds a datagram to a manager that does not read.
const timeout = time.Second

// Tell sends a state to the socket that the environment ("NOTIFY_SOCKET=/run/…") names. Without one it does nothing. What fails is logged with
// the socket's name: the manager will wait in vain, but that is no reason not to serve.
func Tell(environ []string, state string, log *slog.Logger) {
	if err := tell(environ, state); err != nil {
		log.Warn("the service manager is not told: "+err.Error(), "state", state)
	}
}

func tell(environ []string, state string) error {
	name := ""
	for _, pair := range environ {
		if value, ok := strings.CutPrefix(pair, "NOTIFY_SOCKET="); ok {
			name = value
		}
	}
	if name == "" {
		return nil
	}
	if name[0] != '/' && name[0] != '@' { // '@' stands for a socket without a file
		return fmt.Errorf("NOTIFY_SOCKET=%.200q is no path of a socket", name)
	}
	conn, err := net.DialTimeout("unixgram", name, timeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}
