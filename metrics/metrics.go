// Package metrics turns what the parts of a node count into the text that Prometheus scrapes. Each part offers a
// [Source] that is asked at scrape time, so counting costs the hot paths an atomic add and no lock. The root package
// collects the sources; the api package serves the handler. A handler is safe to call at once.
package metrics

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Kind says how a sample's value moves.
type Kind int

// The kinds of samples.
const (
	// Counter only grows while the process lives.
	Counter Kind = iota
	// Gauge moves both ways.
	Gauge
)

// Sample is one value at scrape time. Labels are pairs: name, value, name, value.
type Sample struct {
	Name, Help string
	Kind       Kind
	Value      float64
	Labels     []string
}

// Source hands its samples of this moment to emit. It must not block.
type Source func(emit func(Sample))

// Handler serves the sources, with Go's runtime and process figures beside them, in Prometheus' text formats.
func Handler(sources ...Source) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(sources), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

type collector []Source

// Describe sends nothing: which samples there are is known at scrape time only, and Prometheus then checks each scrape.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect asks every source.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, source := range c {
		source(func(s Sample) {
			names, values := split(s.Labels)
			kind := prometheus.GaugeValue
			if s.Kind == Counter {
				kind = prometheus.CounterValue
			}
			m, err := prometheus.NewConstMetric(prometheus.NewDesc(s.Name, s.Help, names, nil), kind, s.Value, values...)
			if err != nil {
				m = prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			}
			out <- m
		})
	}
}

func split(pairs []string) (names, values []string) {
	for pair := range slices.Chunk(pairs, 2) {
		names = append(names, pair[0])
		if len(pair) == 2 {
			values = append(values, pair[1])
		}
	}
	return names, values
}
