package main

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// span is the measured part of a command: what ends between its begin and its end counts.
type span struct {
	mu        sync.Mutex // guards what follows
	open      bool
	over      bool
	began     time.Time
	ended     time.Time
	cpu       time.Duration
	messages  int
	failed    int
	failure   error
	latencies []time.Duration
}

func (s *span) begin() {
	say(event{Event: "begin"})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cpu, s.began, s.open = used(), time.Now(), true
}

func (s *span) end() {
	s.mu.Lock()
	s.open, s.over, s.ended, s.cpu = false, true, time.Now(), used()-s.cpu
	s.mu.Unlock()
	say(event{Event: "end"})
}

// pass lets the load run for a while, then measures for a while.
func (s *span) pass(warm, measured time.Duration) {
	time.Sleep(warm)
	s.begin()
	time.Sleep(measured)
	s.end()
}

func (s *span) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// done counts a message and how long it took.
func (s *span) done(latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.messages++
		s.latencies = append(s.latencies, latency)
	}
}

// late is done for what belongs to the span though it may end behind it.
func (s *span) late(latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages++
	s.latencies = append(s.latencies, latency)
}

func (s *span) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages += n
}

func (s *span) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed++; s.failure == nil {
		s.failure = err
	}
}

// numbers are rates, percentiles in milliseconds, CPU seconds per million messages.
func (s *span) numbers() (map[string]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.messages == 0 {
		return nil, fmt.Errorf("no message got through: %v", s.failure)
	}
	seconds := s.ended.Sub(s.began).Seconds()
	all := map[string]float64{"messages": float64(s.messages), "seconds": seconds, "rate": float64(s.messages) / seconds,
		"clientCPU": s.cpu.Seconds() / float64(s.messages) * 1e6}
	if s.failed > 0 {
		all["failed"] = float64(s.failed)
		say(event{Event: "note", Message: s.failure.Error()})
	}
	if n := len(s.latencies); n > 0 {
		slices.Sort(s.latencies)
		for name, part := range map[string]float64{"p50": 0.5, "p99": 0.99, "p999": 0.999} {
			all[name] = s.latencies[min(n-1, int(float64(n)*part))].Seconds() * 1e3
		}
	}
	return all, nil
}

// used is the CPU time of this process so far.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
