// Package trace makes OpenTelemetry spans of what becomes of a message in the broker: it is sent, received, and settled. The broker and package popping
// tell a [Recorder] of each step as it happens; who wants the spans gets them through [Options]. A nil Recorder does nothing, so that a broker whose
// messages are not traced pays for a comparison. A Recorder is safe to call at once, and never waits.
//
// Names and attributes follow OpenTelemetry's semantic conventions for messaging, and for RocketMQ. These say what clients record; a broker is on
// the other side, so:
//
//   - A span that belongs to a context that the message brings (the property traceparent) is of kind SERVER: the client makes its own, of kind PRODUCER.
//   - Without such a context the broker's spans stand in for those of clients that make none: PRODUCER and CONSUMER. Their trace's id is worked out from
//     the message's unique key, so all spans of a message are in one trace however often, and whenever, it is received, also after a restart.
//   - Each message that a consumer receives has a span of its own, a part of the message's trace, and links to the context of its creation.
//
// Whether a message is traced its producer decides, if it brings a context; of the others it is a share of all, [Options.Ratio].
// Topics of the system are not traced.
package trace

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/tracing"
)

// Options say which messages are traced, and what is done with the spans.
type Options struct {
	// Record takes the spans. It must not wait.
	Record func(s *tracing.Span)
	// Ratio is the share of messages without a context that are traced, 0 to 1.
	Ratio float64
	// Server is the broker's address, as message ids have it.
	Server netip.AddrPort
	// MaxOpen is how many deliveries are remembered until they are settled: 16,384. The oldest are forgotten.
	MaxOpen int
	// Latencies has the clock by which requests are stamped; without it no span knows when its request came.
	Latencies *latency.Table
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Recorder makes spans.
type Recorder struct {
	opt       Options
	threshold uint64 // hashes of unique keys below it are traced
	all       bool
	open      deliveries
	malformed atomic.Int64
}

// New returns a recorder.
func New(o Options) *Recorder {
	o.MaxOpen = cmp.Or(o.MaxOpen, 16_384)
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Recorder{opt: o, all: o.Ratio >= 1}
	if o.Ratio > 0 && !r.all {
		r.threshold = uint64(o.Ratio * math.MaxUint64)
	}
	r.open.init(o.MaxOpen)
	return r
}

// Emit tells what was not understood. A nil Recorder has nothing to tell. It is a [metrics.Source].
func (r *Recorder) Emit(emit func(metrics.Sample)) {
	if r == nil {
		return
	}
	emit(metrics.Sample{Name: "aerobee_trace_contexts_malformed_total", Help: "Times that a message's property traceparent could not be read.",
		Kind: metrics.Counter, Value: float64(r.malformed.Load())})
}

// origin is where a message's trace begins.
type origin struct {
	tracecontext.Context
	// brought says that the message has brought it, else it is the broker's own.
	brought bool
}

// of returns a message's origin, and whether its spans are wanted. at is where the message lies in the log.
func (r *Recorder) of(rec *message.Record) (o origin, wanted bool) {
	c, ok, err := tracecontext.Of(rec.Properties)
	switch {
	case err != nil:
		r.malformed.Add(1)
	case ok:
		return origin{c, true}, c.Sampled() && !untraced(topicOf(rec))
	}
	if !r.all && r.threshold == 0 {
		return o, false
	}
	var room [64]byte
	key := keyOf(room[:0], rec)
	if !r.all && xxhash.Sum64(key) >= r.threshold || untraced(topicOf(rec)) {
		return o, false
	}
	sum := sha256.Sum256(key)
	copy(o.Trace[:], sum[:])
	copy(o.Span[:], sum[len(o.Trace):])
	o.Record()
	return o, true
}

// keyOf is what names a message from its send on: the key that its producer or the broker has given it, or else where it was stored at first, which is the
// case for the messages of a batch. What is refused without a key gets one for this time.
func keyOf(dst []byte, rec *message.Record) []byte {
	for _, name := range [...]string{message.PropUniqueKey, message.PropOriginMessageID} {
		if key, _ := rec.Properties.Get(name); len(key) > 0 {
			return key
		}
	}
	if rec.Size == 0 { // it was not stored
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, rand.Uint64()), rand.Uint64()) // #nosec G404 -- a name, guards nothing
	}
	return message.AppendID(dst, rec.StoreHost, rec.LogOffset)
}

// untraced reports whether a topic is RocketMQ's own.
func untraced(topic []byte) bool {
	switch string(topic) {
	case message.TopicMoved, message.TopicSelfTest:
		return true
	}
	return len(topic) >= len(message.SystemPrefix) && strings.EqualFold(string(topic[:len(message.SystemPrefix)]), message.SystemPrefix)
}

// topicOf is the topic to which a message was sent, or will be put.
func topicOf(rec *message.Record) []byte {
	switch string(rec.Topic) {
	case message.TopicHalf, message.TopicSchedule, message.TopicWheel:
		if real, ok := rec.Properties.Get(message.PropRealTopic); ok {
			return real
		}
	}
	return rec.Topic
}

// child is a new span in the trace of a context.
func child(c tracecontext.Context) tracecontext.Context {
	for {
		binary.BigEndian.PutUint64(c.Span[:], rand.Uint64()) // #nosec G404 -- a name, guards nothing
		if c.Span != (tracecontext.SpanID{}) {
			return c
		}
	}
}

// since is how long ago a request came, 0 if nobody knows.
func (r *Recorder) since(received uint32) time.Duration {
	now := r.opt.Latencies.Now()
	if received == 0 || now == 0 {
		return 0
	}
	return time.Duration(max(int32(now-latency.Stamp(received)), 0)) * time.Microsecond
}

// record records a span that ends now.
func (r *Recorder) record(s *tracing.Span, took time.Duration) {
	s.End = r.opt.Now()
	s.Start = s.End.Add(-max(took, 0))
	r.opt.Record(s)
}
