package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	h := New(Options{Guard: Guarding{Allows: func(netip.Addr, netip.Addr) bool { return true }}}) // addresses of --admin-from get none either
	get := func(path, from, host string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr, r.Host = from, host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	f := func(path string, code int, want string) {
		t.Helper()
		if w := get(path, "127.0.0.1:5", "localhost:9876"); w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: code %d, %.300q, want %d and %q", path, w.Code, w.Body, code, want)
		}
	}
	f("/debug/pprof/", 200, "goroutine (")
	f("/debug/pprof/goroutine?debug=1", 200, "goroutine profile: total")
	f("/debug/pprof/nothing", 404, `there is no profile \"nothing\"`)
	f("/debug/pprof/profile?seconds=0", 400, "must lie in 1..300")
	f("/debug/pprof/trace?seconds=301", 400, "must lie in 1..300")
	heap := get("/debug/pprof/heap", "[::1]:5", "[::1]:9876").Body.Bytes()
	z, err := gzip.NewReader(bytes.NewReader(heap))
	if err != nil {
		t.Fatalf("the profile of the heap is not what the tool reads: %v", err)
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile", "/debug/pprof/trace"} {
		if w := get(path, "10.0.0.7:5", "localhost"); w.Code != 403 || !strings.Contains(w.Body.String(), "to the loopback addresses of this machine only") {
			t.Errorf("%s is given to another machine: %d, %.200s", path, w.Code, w.Body)
		}
		if w := get(path, "127.0.0.1:5", "evil.example"); w.Code != 403 {
			t.Errorf("%s is given to a web page: %d", path, w.Code)
		}
	}
}
