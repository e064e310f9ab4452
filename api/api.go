package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/broker/member"
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
	// MetricLabels stand on all of RocketMQ's metrics.
	MetricLabels metrics.Common

	// Node, Settings, Store and Connections are the sources behind /api/v1. One that is nil, or an error from one, is
	// answered with 503 and the reason: a node without the role broker has no store, a starting one knows nothing yet.
	Node        func() (v1.Node, error)
	Settings    func() ([]v1.Setting, error)
	Store       func() (v1.Store, error)
	Connections func() (v1.Connections, error)
	// Clients is the source behind /api/v1/connections/clients, sorted by their keys; nil is answered as above.
	Clients func() ([]v1.Client, error)
	// Timers are the sources of /api/v1/timers; those that are nil are answered as above.
	Timers TimerSource
	// Transactions lists half messages, Settle ends one; nil is answered as above.
	Transactions transactionSource
	Settle       settler
	// Refused is the source of GET /api/v1/refusals, the newest last; nil is answered as above.
	Refused func() ([]rights.Refusal, error)
	// Send is what sends test messages; nil is answered as above.
	Send Send
	// Backup is the source of GET /api/v1/backup; nil is answered as above.
	Backup Copy
	// Disagreements is the source behind /api/v1/groups/{group}/disagreements; nil is answered as above.
	Disagreements func(group string) ([]member.Disagreement, error)
	// Queues is the source behind /api/v1/groups/{group}/queues; nil is answered as above.
	Queues func(group string) (v1.GroupQueues, error)
	// PopState is what became of one message in a group that pops; nil where nobody knows.
	PopState func(group, topic string, queue int32, offset int64) string
	// DeadLetters is the source behind /api/v1/dlq; nil is answered as above.
	DeadLetters func() (*dead.Letters, error)
	// Admin asks the brokers of the node's cluster for what all brokers have; nil is answered as above.
	Admin func() (*admin.Admin, error)
	// Answers are those to "why"; what is nil is answered as above.
	Answers Answers
	// Live tells of this moment, with what passed through the node since its start in place of rates; nil is answered as above.
	Live func() (v1.Rates, error)
	// Guard decides who may do what.
	Guard Guarding
	// Stopping is closed when the node stops: live streams end. nil is never.
	Stopping <-chan struct{}
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
	mux.Handle("GET /metrics", metrics.Handler(o.MetricLabels, o.Metrics...))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("Aerobee " + o.Version + ", a message broker for RocketMQ clients.\nTry /health, /ready, /metrics and /api/v1.\n"))
	})
	g := newGuard(o.Guard)
	handleProfiles(mux, g)
	routes := newRouter(&o, g)
	return secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") { // a mux would answer paths with . and .. by sending elsewhere
			routes.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

func (o Options) answer(w http.ResponseWriter, err error) {
	a := answer{Status: "ok", Version: o.Version}
	code := http.StatusOK
	if err != nil {
		a.Status, a.Reason, code = "unavailable", err.Error(), http.StatusServiceUnavailable
	}
	reply(w, code, a)
}

var errNotServed = errors.New("this node does not serve it")

func reply(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // of a time that is none, say: nothing has been said yet
		p := v1.NewProblem("unavailable", "the answer cannot be written: "+err.Error())
		writeProblem(w, &p, p.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the peer has gone if this fails, and nobody is left to tell
}
