package api

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
)

func TestTimers(t *testing.T) {
	ok := func() error { return nil }
	h := New(Options{Ready: ok, Healthy: ok, Timers: TimerSource{
		List: func(topic, after string, limit int) (v1.Timers, error) {
			if after == "1-0" {
				return v1.Timers{}, &BadRequest{400, errors.New("after is bad")}
			}
			return v1.Timers{Timers: []v1.Timer{{Topic: topic, Level: limit}}, Next: after + "+"}, nil
		},
		Cancel: func(_ context.Context, handle int64) (v1.Timer, error) {
			if handle == 404 {
				return v1.Timer{}, &BadRequest{404, errors.New("no message is pending")}
			}
			return v1.Timer{Handle: handle}, nil
		},
	}})
	f := func(method, path, from, host string, code int, want string) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
		r.RemoteAddr, r.Host = from, host
		h.ServeHTTP(w, r)
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s from %s: %d %s, want %d %s", method, path, from, w.Code, w.Body, code, want)
		}
	}
	const here, there, name = "127.0.0.1:5", "192.0.2.1:5", "localhost:9876"
	f("GET", "/api/v1/timers?topic=T&limit=7&after=1-7", there, name, 200, `"topic":"T"`)
	f("GET", "/api/v1/timers?limit=7&after=1-7", there, name, 200, `"level":7`)
	f("GET", "/api/v1/timers", there, name, 200, `"level":50`)
	f("GET", "/api/v1/timers?limit=0", there, name, 400, "1 to 1000")
	f("GET", "/api/v1/timers?limit=1001", there, name, 400, "1 to 1000")
	f("GET", "/api/v1/timers?after=bad", there, name, 400, "it must be as ^(")
	f("GET", "/api/v1/timers?after=1-0", there, name, 400, "after is bad")
	f("GET", "/api/v1/timers/count", there, name, 503, "does not serve it")
	f("DELETE", "/api/v1/timers/9", here, name, 200, `"handle":9`)
	f("DELETE", "/api/v1/timers/404", here, name, 404, "no message is pending")
	f("DELETE", "/api/v1/timers/x", here, name, 400, "it must be a whole number, 1 to")
	f("DELETE", "/api/v1/timers/9", there, name, 403, "to this machine, and to addresses of --admin-from, only")
	f("DELETE", "/api/v1/timers/9", here, "evil.example:9876", 403, "to this machine, and to addresses of --admin-from, only")
}
