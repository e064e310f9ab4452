// Package avoid says which brokers a producer should avoid for a while, because they were slow or failed. It owns RocketMQ's table of
// penalties and the choice of a queue by it; each producer of package client has a [Table] of its own. A Table is safe to use at once
// and costs nothing while no broker is slow.
package avoid

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

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

// machine says which brokers to avoid. It is a pure machine: time comes in.
type machine struct {
	until map[string]time.Time // by broker name; absent: never avoided
}

// observe notes how a try at a broker went. A quick success takes the penalty away.
func (f *machine) observe(broker string, latency time.Duration, failed bool, now time.Time) {
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
func (f *machine) avoided(broker string, now time.Time) bool {
	until, ok := f.until[broker]
	return ok && now.Before(until)
}

// choose returns the first queue from start on, around the list, whose broker is neither avoided nor the one that failed last; then the
// first whose broker is not the last one; then the one at start.
func (f *machine) choose(queues []Queue, start int, last string, now time.Time) int {
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

// Table is what one producer knows of its brokers. The zero value is ready for use.
type Table struct {
	some atomic.Bool // the table is not empty

	mu    sync.Mutex
	table machine // guarded by mu
}

// Observe notes that a try at a broker has ended at now, after that time. A quick success takes the broker's penalty away.
func (f *Table) Observe(broker string, latency time.Duration, failed bool, now time.Time) {
	if !failed && latency < slowAnswer && !f.some.Load() {
		return
	}
	f.mu.Lock()
	f.table.observe(broker, latency, failed, now)
	f.some.Store(len(f.table.until) > 0)
	f.mu.Unlock()
}

// Choose returns the first queue from start on, around the list, whose broker is neither avoided at now nor the one that failed last
// ("" for none); then the first whose broker is not the last one; then start.
func (f *Table) Choose(queues []Queue, start int, last string, now time.Time) int {
	if last == "" && !f.some.Load() {
		return start
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.choose(queues, start, last, now)
}
