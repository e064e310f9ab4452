package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBackup answers with the copy, with why there is none, to this machine only, and breaks the stream off when the copy fails.
func TestBackup(t *testing.T) {
	host := "127.0.0.1:9876"
	ask := func(from string, source Copy) (code int, body string, broken bool) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/backup", nil)
		r.Host = host
		r.RemoteAddr = from
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				broken = true
			} else if p != nil {
				panic(p)
			}
		}()
		New(Options{Backup: source}).ServeHTTP(w, r)
		return w.Code, w.Body.String(), false
	}
	f := func(name, from string, source Copy, wantCode int, wantBody string, wantBroken bool) {
		t.Run(name, func(t *testing.T) {
			code, body, broken := ask(from, source)
			if broken != wantBroken || !broken && (code != wantCode || !strings.Contains(body, wantBody)) {
				t.Errorf("%d %q, broken %v; want %d %q, %v", code, body, broken, wantCode, wantBody, wantBroken)
			}
		})
	}
	bytes := func(text string, err error) Copy {
		return func(_ context.Context, w io.Writer) error {
			if text != "" {
				if _, err := io.WriteString(w, text); err != nil {
					return err
				}
			}
			return err
		}
	}
	f("a copy", "127.0.0.1:5", bytes("copy", nil), 200, "copy", false)
	f("over IPv6", "[::1]:5", bytes("copy", nil), 200, "copy", false)
	f("from elsewhere", "192.0.2.1:5", bytes("copy", nil), 403, "192.0.2.1", false)
	f("no store", "127.0.0.1:5", nil, 503, "does not serve it", false)
	f("it fails at once", "127.0.0.1:5", bytes("", errors.New("the disk is gone")), 503, "the disk is gone", false)
	for _, host = range []string{"localhost:9876", "[::1]:9876", "127.0.0.1"} {
		f("a copy under the name "+host, "127.0.0.1:5", bytes("copy", nil), 200, "copy", false)
	}
	for _, host = range []string{"evil.example:9876", "", "192.0.2.1"} {
		f("no copy under the name "+host, "127.0.0.1:5", bytes("copy", nil), 403, "it must ask for localhost", false)
	}
	host = "[::1]:9876"
	f("it fails on the way", "127.0.0.1:5", bytes("co", errors.New("the disk is gone")), 0, "", true)
}

// TestReceiversOfCopiesMayRest: the time that others have for each piece does not end a copy, and what follows on the connection has it again.
func TestReceiversOfCopiesMayRest(t *testing.T) {
	w, r := &timed{ResponseRecorder: httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/api/v1/backup", nil)
	r.Host, r.RemoteAddr = "127.0.0.1:9876", "127.0.0.1:5"
	New(Options{Backup: func(_ context.Context, to io.Writer) error {
		_, err := io.WriteString(to, "copy")
		return err
	}}).ServeHTTP(w, r)
	if len(w.until) != 2 || w.until[0] < restTime/2 || w.until[1] != -1 {
		t.Errorf("deadlines %v, want a long one and none", w.until)
	}
}
