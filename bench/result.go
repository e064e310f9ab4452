package bench

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run found. Its JSON names are stable.
type Result struct {
	Mode    Mode      `json:"mode"`
	Load    string    `json:"load"` // the load in words: "64 senders, 1 connection, 1024 bytes of text"
	Topic   string    `json:"topic"`
	Started time.Time `json:"started"` // UTC

	Seconds  float64 `json:"seconds"`            // of the measured span
	Messages int64   `json:"messages"`           // done in it
	Rate     float64 `json:"rate"`               // messages per second
	MB       float64 `json:"megabytesPerSecond"` // of bodies, 10^6 bytes each

	Latency *Latency `json:"latencyMicros,omitempty"`    // of sending, or end to end; nil where there is none to measure: one-way, consume
	Ack     *Latency `json:"ackLatencyMicros,omitempty"` // end to end: of the sending alone

	Errors map[string]int64 `json:"errors"` // messages that failed, by kind; warming up included
	Failed int64            `json:"failed"` // their sum
	Unsent int64            `json:"unsent"` // messages that the rate asked for and that found no room until the end

	Expected   int64 `json:"expected,omitempty"`   // messages that had to be received: acknowledged, or in the backlog
	Received   int64 `json:"received,omitempty"`   // of these
	Duplicates int64 `json:"duplicates,omitempty"` // received more than once
	Lost       int64 `json:"lost"`                 // expected and not received
	Backlog    int64 `json:"backlog,omitempty"`    // end to end: acknowledged and not yet received when the sending ended

	CPU      CPU      `json:"cpu"`
	Machine  Machine  `json:"machine"`
	Versions Versions `json:"versions"`
}

// Latency is the distribution of latencies in microseconds.
type Latency struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Machine is where a run took place.
type Machine struct {
	System     string `json:"system"` // "linux/amd64"
	Processors int    `json:"processors"`
	Model      string `json:"model,omitempty"`  // of the processor
	Kernel     string `json:"kernel,omitempty"` // release
}

// Versions are those of what took part.
type Versions struct {
	Client string `json:"client"` // "aerobee v1.0.0"
	Go     string `json:"go"`
	Server string `json:"server,omitempty"` // as the brokers say; empty if they do not
}

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	micros := func(nanos float64) float64 { return float64(int64(nanos/100)) / 10 }
	at := func(q float64) float64 { return micros(float64(h.ValueAtQuantile(q))) }
	return &Latency{Min: micros(float64(h.Min())), Mean: micros(h.Mean()), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Max: micros(float64(h.Max()))}
}

// Problem says why the run counts as failed; nil if it does not: nothing was lost, and something was done.
func (r *Result) Problem() error {
	switch {
	case r.Lost > 0:
		return fmt.Errorf("%d of %d messages were not received", r.Lost, r.Expected)
	case r.Messages == 0 && r.Failed > 0:
		return fmt.Errorf("no message got through: %s", r.errorText())
	case r.Messages == 0:
		return fmt.Errorf("nothing was measured: the run ended while it warmed up, or had nothing to do")
	}
	return nil
}

// WriteTable prints the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line(string(r.Mode), "%s", r.Load)
	line("messages", "%s in %.2f s", grouped(r.Messages), r.Seconds)
	line("rate", "%s/s, %.1f MB/s", grouped(int64(r.Rate)), r.MB)
	if l := r.Latency; l != nil {
		line("latency", "p50 %s  p90 %s  p99 %s  p99.9 %s  max %s  mean %s", micros(l.P50), micros(l.P90), micros(l.P99), micros(l.P999), micros(l.Max), micros(l.Mean))
	}
	if l := r.Ack; l != nil {
		line("sending", "p50 %s  p99 %s  p99.9 %s  max %s", micros(l.P50), micros(l.P99), micros(l.P999), micros(l.Max))
	}
	if r.Expected > 0 {
		line("received", "%s of %s, %s lost, %s more than once", grouped(r.Received), grouped(r.Expected), grouped(r.Lost), grouped(r.Duplicates))
	}
	if r.Backlog > 0 {
		line("backlog", "%s when the sending ended", grouped(r.Backlog))
	}
	if r.Failed > 0 {
		line("failed", "%s: %s", grouped(r.Failed), r.errorText())
	}
	if r.Unsent > 0 {
		line("unsent", "%s messages: the rate was not reached, so the latencies say too little", grouped(r.Unsent))
	}
	line("CPU", "client %s, server %s seconds per million messages; others used %s of the machine", number(r.CPU.ClientPerMillion, 2, ""),
		number(r.CPU.ServerPerMillion, 2, ""), number(r.CPU.OthersShare, 1, "%"))
	line("machine", "%s", strings.TrimSuffix(fmt.Sprintf("%s, %d processors, %s, %s", r.Machine.System, r.Machine.Processors, r.Machine.Model, r.Machine.Kernel), ", "))
	line("versions", "%s, %s, server: %s", r.Versions.Client, r.Versions.Go, cmpOr(r.Versions.Server, "does not say"))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) errorText() string {
	var parts []string
	for _, kind := range slices.SortedFunc(maps.Keys(r.Errors), func(a, b string) int {
		if d := r.Errors[b] - r.Errors[a]; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	}) {
		parts = append(parts, fmt.Sprintf("%s × %s", grouped(r.Errors[kind]), kind))
	}
	return strings.Join(parts, ", ")
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// number prints a value that may be unknown, as a part of a hundred if the unit is "%".
func number(v *float64, digits int, unit string) string {
	switch {
	case v == nil:
		return "unknown"
	case unit == "%":
		return fmt.Sprintf("%.*f %%", digits, *v*100)
	}
	return fmt.Sprintf("%.*f", digits, *v)
}

// micros prints microseconds as people read them.
func micros(v float64) string {
	switch {
	case v < 1000:
		return fmt.Sprintf("%.0f µs", v)
	case v < 100_000:
		return fmt.Sprintf("%.2f ms", v/1e3)
	case v < 1e6:
		return fmt.Sprintf("%.0f ms", v/1e3)
	}
	return fmt.Sprintf("%.2f s", v/1e6)
}

// grouped prints 1234567 as 1,234,567.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// thisMachine describes where the process runs.
func thisMachine() Machine {
	model, kernel := hardware()
	return Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(), Model: model, Kernel: kernel}
}
