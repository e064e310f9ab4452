// Package api serves HTTP/1 on every listener: health, readiness and metrics, and a page that says what this is. It
// reads the node through the functions in [Options] and changes nothing. The handler is safe to call at once.
package api

import (
	"encoding/json"
	"net/http"

	"github.com/aerobee-mq/aerobee/metrics"
)

// Options is what the handler serves from.
type Options struct {
	// Version is the node's version, as `aerobee version` prints it.
	Version string
	// Ready returns nil when the node serves requests, else why not.
	Ready func() error
	// Healthy returns nil unless the node needs its operator: a failed disk, a closed store.
	Healthy func() error
	// Metrics are the sources behind GET /metrics.
	Metrics []metrics.Source
}

// answer is the body of /health and /ready.
type answer struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Reason  string `json:"reason,omitempty"`
}

// New returns the handler: GET /health, GET /ready and GET /metrics. /health answers 503 when the node needs its operator,
// /ready when it does not serve requests (starting, stopping, or unhealthy); both name the reason in a JSON body.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { o.answer(w, o.Healthy()) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		err := o.Ready()
		if err == nil {
			err = o.Healthy()
		}
		o.answer(w, err)
	})
	mux.Handle("GET /metrics", metrics.Handler(o.Metrics...))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("Aerobee " + o.Version + ", a message broker for RocketMQ clients.\nTry /health, /ready and /metrics.\n"))
	})
	return mux
}

func (o Options) answer(w http.ResponseWriter, err error) {
	a := answer{Status: "ok", Version: o.Version}
	code := http.StatusOK
	if err != nil {
		a.Status, a.Reason, code = "unavailable", err.Error(), http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(a) // the peer has gone if this fails, and nobody is left to tell
}
