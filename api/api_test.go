package api

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/metrics"
)

func TestEndpoints(t *testing.T) {
	var ready, healthy error
	h := New(Options{
		Version: "1.2.3",
		Ready:   func() error { return ready },
		Healthy: func() error { return healthy },
		Metrics: []metrics.Source{func(emit func(metrics.Sample)) {
			emit(metrics.Sample{Name: "rocketmq_topic_number", Help: "Topics.", Kind: metrics.Gauge, Value: 7})
		}},
	})
	f := func(method, path string, code int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: code %d, body %.300q; want %d and %q", method, path, w.Code, w.Body, code, want)
		}
	}
	f("GET", "/health", 200, `{"status":"ok","version":"1.2.3"}`)
	f("GET", "/ready", 200, `"status":"ok"`)
	f("GET", "/metrics", 200, "rocketmq_topic_number 7")
	f("GET", "/", 200, "Try /health, /ready, /metrics and /api/v1")
	f("GET", "/nowhere", 404, "not found")
	f("POST", "/health", 405, "Method Not Allowed")

	ready = errors.New("starting: the log is being read")
	f("GET", "/health", 200, `"ok"`)
	f("GET", "/ready", 503, `"reason":"starting: the log is being read"`)

	ready, healthy = nil, errors.New("a sync failed: input/output error")
	f("GET", "/health", 503, "input/output error")
	f("GET", "/ready", 503, "input/output error")
}
