package listen

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A body that does not come ends the request and the connection, whether its handler reads it or not; one that comes leaves a long answer alone.
func TestBodiesEndInTime(t *testing.T) {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusRequestTimeout)
				return
			}
		}
		if r.URL.Path == "/long" {
			_, _ = io.ReadAll(r.Body)
			select {
			case <-r.Context().Done():
			case <-time.After(200 * time.Millisecond): // ten times the limit
			}
			if r.Context().Err() != nil {
				t.Error("a long answer was ended by the limit for bodies")
			}
		}
		_, _ = io.WriteString(w, "done")
	})
	s, _ := start(t, Options{HTTP: read, HandshakeTimeout: 10 * time.Millisecond})
	f := func(path, body, want string) {
		t.Helper()
		c := dial(t, s.Addrs()[0], "POST "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"+body)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s with %q: %q, %v; want %q and the end", path, body, got, err, want)
		}
	}
	f("/read", "half", "not complete within 20ms of its header")
	f("/unread", "half", "done")
	f("/long", "0123456789", "done")
}

// A peer that takes nothing is given up, unless a handler has set its own time; one that takes a little is not.
func TestStalledPeersAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &httpConn{Conn: near, stall: time.Minute}
		begin := time.Now()
		if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("%d bytes, %v after %v", n, err, time.Since(begin))
		}
		begin = time.Now()
		_ = c.SetWriteDeadline(begin.Add(time.Second))
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("with a time of its own: %v after %v", err, time.Since(begin))
		}
		_ = c.SetWriteDeadline(time.Time{})
		text := strings.Repeat("x", 3*stallPiece)
		got := make(chan string)
		go func() {
			var all []byte
			for b := make([]byte, stallPiece); len(all) < len(text); {
				time.Sleep(50 * time.Second)
				n, _ := io.ReadFull(far, b)
				all = append(all, b[:n]...)
			}
			got <- string(all)
		}()
		if n, err := c.Write([]byte(text)); n != len(text) || err != nil || <-got != text {
			t.Errorf("a slow peer: %d bytes, %v", n, err)
		}
	})
}
