package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/aerobee-mq/aerobee/client"
)

// Latencies are kept in nanoseconds, to three digits, between these.
const (
	shortestLatency = int64(time.Microsecond)
	longestLatency  = int64(10 * time.Minute)
)

// maxKinds bounds the kinds of errors that are told apart; the rest counts as "other".
const maxKinds = 20

// recorder counts what one worker did, or a few. Its methods are safe to call at once.
type recorder struct {
	mu       sync.Mutex
	latency  *hdrhistogram.Histogram // of the measured messages
	done     int64                   // messages, warming up included
	measured int64                   // messages of the measured span
	last     time.Duration           // when the last measured message was done
	failed   int64                   // messages
	unsent   int64                   // messages whose time came within the run, and that were not sent
	kinds    map[string]int64        // failed messages by what went wrong
}

// maxRecorders bounds how many recorders the workers of a run share: a histogram takes 250 KB.
const maxRecorders = 64

type recorders []*recorder

// of is the recorder of the i-th worker, which asks behind all workers of lower numbers.
func (all *recorders) of(i int) *recorder {
	if i < maxRecorders {
		*all = append(*all, newRecorder())
	}
	return (*all)[i%maxRecorders]
}

func newRecorder() *recorder {
	return &recorder{latency: newHistogram(), kinds: map[string]int64{}}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(shortestLatency, longestLatency, 3)
}

// succeeded records that n messages, intended at one time, were done now. measure is false while warming up.
func (r *recorder) succeeded(intended, now time.Duration, n int, measure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += int64(n)
	if !measure {
		return
	}
	r.measured += int64(n)
	r.last = max(r.last, now)
	_ = r.latency.RecordValues(min(max(int64(now-intended), 0), longestLatency), int64(n)) // in range now
}

// received records that n messages, whose latency nobody asks for, were there now.
func (r *recorder) received(now time.Duration, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += n
	r.measured += n
	r.last = max(r.last, now)
}

// left records that a worker owes so many messages at the end of the run.
func (r *recorder) left(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsent += n
}

// fail records n messages that were not done.
func (r *recorder) fail(err error, n int) {
	kind := errorKind(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += int64(n)
	if _, known := r.kinds[kind]; !known && len(r.kinds) >= maxKinds {
		kind = "other"
	}
	r.kinds[kind] += int64(n)
}

// totals returns what was done and what failed so far.
func (r *recorder) totals() (done, failed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done, r.failed
}

// summary is what all recorders of a run hold together.
type summary struct {
	latency        *hdrhistogram.Histogram
	done, measured int64
	failed, unsent int64
	last           time.Duration
	kinds          map[string]int64
}

func merge(recorders []*recorder) summary {
	s := summary{latency: newHistogram(), kinds: map[string]int64{}}
	for _, r := range recorders {
		r.mu.Lock()
		s.latency.Merge(r.latency)
		s.done += r.done
		s.measured += r.measured
		s.failed += r.failed
		s.unsent += r.unsent
		s.last = max(s.last, r.last)
		for kind, n := range r.kinds {
			s.kinds[kind] += n
		}
		r.mu.Unlock()
	}
	return s
}

// errorKind is a short name for what went wrong, of which a run sees few.
func errorKind(err error) string {
	var refused *client.Error
	if errors.As(err, &refused) {
		return fmt.Sprintf("refused with code %d", refused.Code)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return client.ErrTimeout.Error()
	}
	for _, kind := range []error{client.ErrTimeout, client.ErrNoRoute, client.ErrTopicNotFound, client.ErrUnreachable, client.ErrClosed,
		client.ErrBusy, client.ErrTooLarge, context.Canceled} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	const longest = 80
	text := err.Error()
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return text
}
