package api

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aerobee-mq/aerobee/metrics"
)

// Options is what the handler serves from. Functions are called once a request, several at once.
type Options struct {
	// Version is the node's version, as `aerobee version` prints it.
	Version string
	// Ready returns nil when the node serves requests, else why not.
	Ready func() error
	// Healthy returns nil unless the node needs its operator: a failed disk, a closed store.
	Healthy func() error
	// Metrics are the sources behind GET /metrics.
	Metrics []metrics.Source

	// Node, Settings, Store and Connections are the sources behind /api/v1. One that is nil, or an error from one, is
	// answered with 503 and the reason: a node without the role broker has no store, a starting one knows nothing yet.
	Node        func() (Node, error)
	Settings    func() ([]Setting, error)
	Store       func() (Store, error)
	Connections func() (Connections, error)
	// Backup is the source of GET /api/v1/backup; nil is answered as above.
	Backup Copy
}

// answer is the body of /health and /ready.
type answer struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Reason  string `json:"reason,omitempty"`
}

// New returns the handler of all paths that the package comment lists.
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
		_, _ = w.Write([]byte("Aerobee " + o.Version + ", a message broker for RocketMQ clients.\nTry /health, /ready, /metrics and /api/v1.\n"))
	})
	mux.HandleFunc("GET /api/v1", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, o.index()) })
	mux.HandleFunc("GET /api/v1/node", serve(o.Node))
	mux.HandleFunc("GET /api/v1/settings", serve(o.settings))
	mux.HandleFunc("GET /api/v1/store", serve(o.Store))
	mux.HandleFunc("GET /api/v1/connections", serve(o.Connections))
	mux.HandleFunc("GET /api/v1/backup", o.backup)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusNotFound, Failure{Error: r.Method + " " + r.URL.Path + " is not served; GET /api/v1 lists what is"})
	})
	return mux
}

func (o Options) answer(w http.ResponseWriter, err error) {
	a := answer{Status: "ok", Version: o.Version}
	code := http.StatusOK
	if err != nil {
		a.Status, a.Reason, code = "unavailable", err.Error(), http.StatusServiceUnavailable
	}
	reply(w, code, a)
}

// settings is the body of /api/v1/settings: an object, as all bodies are, so that members can be added beside the list.
func (o Options) settings() (body struct {
	Settings []Setting `json:"settings"`
}, err error) {
	if o.Settings == nil {
		return body, errNotServed
	}
	body.Settings, err = o.Settings()
	if body.Settings == nil {
		body.Settings = []Setting{}
	}
	for i := range body.Settings {
		body.Settings[i] = body.Settings[i].masked()
	}
	return body, err
}

var errNotServed = errors.New("this node does not serve it")

func serve[T any](source func() (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if source == nil {
			reply(w, http.StatusServiceUnavailable, Failure{Error: errNotServed.Error()})
			return
		}
		body, err := source()
		if err != nil {
			reply(w, http.StatusServiceUnavailable, Failure{Error: err.Error()})
			return
		}
		reply(w, http.StatusOK, body)
	}
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the peer has gone if this fails, and nobody is left to tell
}
