package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// result is what a run found, by the names of `aerobee bench --json`.
type result struct {
	Messages int64    `json:"messages"`
	Seconds  float64  `json:"seconds"`
	Rate     float64  `json:"rate"`
	Failed   int64    `json:"failed"`
	Latency  *latency `json:"latencyMicros,omitempty"`
	CPU      cpu      `json:"cpu"`
}

type latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

type cpu struct {
	ClientPerMillion *float64 `json:"clientSecondsPerMillion"`
	ServerPerMillion *float64 `json:"serverSecondsPerMillion"`
	OthersShare      *float64 `json:"othersShare"`
}

// recorder counts what is done between two times of the run.
type recorder struct {
	mu          sync.Mutex
	from, until time.Duration
	latency     *hdrhistogram.Histogram
	messages    int64
	last        time.Duration
}

func newRecorder() *recorder {
	return &recorder{until: time.Hour, latency: hdrhistogram.New(1000, int64(10*time.Minute), 3)}
}

// record counts n messages that were intended and done at these times, unless they were intended outside of the span.
func (r *recorder) record(intended, done time.Duration, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if intended < r.from || intended >= r.until {
		return
	}
	r.messages += n
	r.last = max(r.last, done)
	_ = r.latency.RecordValues(max(int64(done-intended), 0), n) // in range: no answer takes minutes
}

// measure lays the span, runs work, and reads CPU times at both ends of the span.
func (l *load) measure(all []*publisher, work func(until time.Duration)) (*result, error) {
	l.began = time.Now()
	until := l.warmUp + l.duration
	for _, p := range all {
		p.from, p.until = l.warmUp, until
	}
	var before cpuTimes
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		time.Sleep(l.warmUp)
		before, err = readCPU(l.serverPID)
	}()
	work(until)
	<-read
	if err != nil {
		return nil, err
	}
	after, err := readCPU(l.serverPID)
	if err != nil {
		return nil, err
	}
	out, h, last := &result{}, newRecorder().latency, time.Duration(0)
	for _, p := range all {
		h.Merge(p.latency)
		out.Messages += p.messages
		out.Failed += p.failed.Load()
		last = max(last, p.last)
	}
	out.Seconds = (last - l.warmUp).Seconds()
	out.Rate = float64(out.Messages) / out.Seconds
	out.Latency, out.CPU = latencyOf(h), costOf(before, after, out.Messages)
	return out, nil
}

func latencyOf(h *hdrhistogram.Histogram) *latency {
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return &latency{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1e3}
}

// cpuTimes are in seconds; server is negative where nobody asked.
type cpuTimes struct{ self, server, busy, total float64 }

// readCPU reads /proc, whose times are in hundredths of a second.
func readCPU(pid int) (t cpuTimes, err error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return t, err
	}
	t.self = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	machine, err := hundredths("/proc/stat", 1, 9)
	if err != nil {
		return t, err
	}
	for _, v := range machine {
		t.total += v
	}
	t.busy = t.total - machine[3] - machine[4]
	t.server = -1
	if pid != 0 {
		process, err := hundredths(fmt.Sprintf("/proc/%d/stat", pid), 13, 15)
		if err != nil {
			return t, err
		}
		t.server = process[0] + process[1]
	}
	return t, nil
}

// hundredths reads fields of a file's first line as seconds. A process's name holds no spaces here.
func hundredths(path string, from, to int) ([]float64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < to {
		return nil, fmt.Errorf("%s: %d fields, want %d", path, len(fields), to)
	}
	var out []float64
	for _, f := range fields[from:to] {
		n, err := strconv.ParseFloat(string(f), 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, n/100)
	}
	return out, nil
}

func costOf(a, b cpuTimes, messages int64) (c cpu) {
	million := float64(messages) / 1e6
	client := (b.self - a.self) / million
	c.ClientPerMillion = &client
	if a.server < 0 {
		return c
	}
	server := (b.server - a.server) / million
	others := max(0, (b.busy-a.busy)-(b.self-a.self)-(b.server-a.server)) / (b.total - a.total)
	c.ServerPerMillion, c.OthersShare = &server, &others
	return c
}

// waitUntil sleeps to a time of the run, the last milliseconds in the kernel: the runtime waits in whole ones.
func waitUntil(now func() time.Duration, at time.Duration) {
	for left := at - now(); left > 0; left = at - now() {
		if left > 4*time.Millisecond {
			time.Sleep(left - 2*time.Millisecond)
			continue
		}
		ts := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&ts, nil) // a signal ends it early, and the loop asks again
	}
}
