package metrics

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// scrapesAtOnce bounds the scrapes that are under way.
const scrapesAtOnce = 4

// writeTimeout is how long a scraper may take to read a scrape: one that does not read holds a turn.
const writeTimeout = 30 * time.Second

// contentType is what every Prometheus from 2014 on reads, and what does not need all samples in memory at once.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// Handler serves the sources, with Go's runtime and process figures behind them, in Prometheus' text format. A sample that breaks a
// rule of the format is left out, and aerobee_metrics_left_out says how many are.
func Handler(common Common, sources ...Source) http.Handler {
	h := &handler{common: common, sources: sources, runtime: runtimeRegistry(), turns: make(chan struct{}, scrapesAtOnce)}
	h.buffers.New = func() any { b := make([]byte, 0, bufferSize); return &b }
	h.zips.New = func() any {
		z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one that there is
		return z
	}
	return h
}

type handler struct {
	common  Common
	sources []Source
	runtime *prometheus.Registry
	turns   chan struct{}
	buffers sync.Pool // of *[]byte
	zips    sync.Pool // of *gzip.Writer
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	default:
		http.Error(w, "4 scrapes are under way, which is the limit; try again later", http.StatusServiceUnavailable)
		return
	}
	deadline := http.NewResponseController(w).SetWriteDeadline
	_ = deadline(time.Now().Add(writeTimeout)) // what has no deadlines, such as a recorder, reads at once
	defer func() { _ = deadline(time.Time{}) }()
	w.Header().Set("Content-Type", contentType)
	var out io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		z := h.zips.Get().(*gzip.Writer)
		z.Reset(w)
		defer func() {
			_ = z.Close() // the scraper has gone if this fails
			z.Reset(io.Discard)
			h.zips.Put(z)
		}()
		out = z
	}
	h.write(out)
}

// write writes a whole scrape. A failure of out ends it: the scraper has gone.
func (h *handler) write(out io.Writer) {
	buf := h.buffers.Get().(*[]byte)
	t := newText(out, *buf, h.common)
	for _, source := range h.sources {
		source(t.add)
	}
	t.end()
	*buf = t.buf
	h.buffers.Put(buf)
	if t.err != nil {
		return
	}
	families, err := h.runtime.Gather()
	if err != nil {
		return // what the process cannot tell of itself is missing
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(out, f); err != nil {
			return
		}
	}
}

func runtimeRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Runtime returns a source of what Go's runtime and the operating system tell of the process, as far as it is counters and gauges.
func Runtime() Source {
	registry := runtimeRegistry()
	return func(emit func(Sample)) {
		families, _ := registry.Gather() // what cannot be had is missing
		for _, f := range families {
			for _, m := range f.GetMetric() {
				s := Sample{Name: f.GetName(), Help: f.GetHelp(), Kind: Gauge}
				switch {
				case m.GetCounter() != nil:
					s.Kind, s.Value = Counter, m.GetCounter().GetValue()
				case m.GetGauge() != nil:
					s.Value = m.GetGauge().GetValue()
				default:
					continue
				}
				for _, l := range m.GetLabel() {
					s.Labels = append(s.Labels, l.GetName(), l.GetValue())
				}
				emit(s)
			}
		}
	}
}
