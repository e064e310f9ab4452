package client

import (
	"sync"
	"sync/atomic"
	"time"
)

// penalty is for how long a broker is avoided after an answer that took so long. Failures count as the last but two, and timeouts as
// what they took. The numbers are RocketMQ's.
type penalty struct{ latency, avoid time.Duration }

func penalties() [5]penalty {
	return [...]penalty{
		{550 * time.Millisecond, 2 * time.Second},
		{1800 * time.Millisecond, 5 * time.Second},
		{3 * time.Second, 6 * time.Second},
		{5 * time.Second, 10 * time.Second},
		{15 * time.Second, 30 * time.Second},
	}
}

const (
	slowAnswer     = 550 * time.Millisecond // the least latency with a penalty
	failureLatency = 10 * time.Second       // what a failed try counts as
)

// avoidFor is the penalty of an answer, or of a failure, that took so long.
func avoidFor(latency time.Duration, failed bool) time.Duration {
	if failed {
		latency = max(latency, failureLatency)
	}
	avoid := time.Duration(0)
	for _, p := range penalties() {
		if latency >= p.latency {
			avoid = p.avoid
		}
	}
	return avoid
}

// faultTable says which brokers to avoid. It is a pure machine: time comes in.
type faultTable struct {
	until map[string]time.Time // by broker name; absent: never avoided
}

// observe notes how a try at a broker went. A quick success takes the penalty away.
func (f *faultTable) observe(broker string, latency time.Duration, failed bool, now time.Time) {
	avoid := avoidFor(latency, failed)
	if avoid == 0 {
		delete(f.until, broker)
		return
	}
	if f.until == nil {
		f.until = map[string]time.Time{}
	}
	f.until[broker] = now.Add(avoid)
}

// avoided reports whether another broker should be preferred.
func (f *faultTable) avoided(broker string, now time.Time) bool {
	until, ok := f.until[broker]
	return ok && now.Before(until)
}

// choose returns the first queue from start on, around the list, whose broker is neither avoided nor the one that failed last; then the
// first whose broker is not the last one; then the one at start.
func (f *faultTable) choose(queues []Queue, start int, last string, now time.Time) int {
	other := -1
	for i := range queues {
		at := (start + i) % len(queues)
		broker := queues[at].BrokerName
		if broker == last {
			continue
		}
		if !f.avoided(broker, now) {
			return at
		}
		if other < 0 {
			other = at
		}
	}
	if other >= 0 {
		return other
	}
	return start
}

// faults is the table of one producer. It costs nothing while no broker is slow.
type faults struct {
	some atomic.Bool // the table is not empty

	mu    sync.Mutex
	table faultTable // guarded by mu
}

func (f *faults) observe(broker string, latency time.Duration, failed bool, now time.Time) {
	if !failed && latency < slowAnswer && !f.some.Load() {
		return
	}
	f.mu.Lock()
	f.table.observe(broker, latency, failed, now)
	f.some.Store(len(f.table.until) > 0)
	f.mu.Unlock()
}

// choose is faultTable.choose; without faults and failures that is start.
func (f *faults) choose(queues []Queue, start int, last string, now time.Time) int {
	if last == "" && !f.some.Load() {
		return start
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.choose(queues, start, last, now)
}
