package tracing

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/metrics/otlp"
)

const (
	method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	// requestSize is from how many bytes on a request goes out and the next one begins: collectors take 4 MiB by default.
	requestSize = 1 << 20
	// lastExport bounds what who stops still sends: others wait for its end.
	lastExport = time.Second
)

// Options say where spans go.
type Options struct {
	// Target is the collector, and Headers go with each request, see [otlp.Dial].
	Target  string
	Headers map[string]string
	// Timeout bounds a request: 3 s.
	Timeout time.Duration
	// Delay is how long a span waits for others to go with it, 1 s, and MaxBatch how many go at once: 512.
	Delay    time.Duration
	MaxBatch int
	// MaxQueue is how many spans wait at most, beside those on their way: 4,096.
	MaxQueue int
	// Resource is said of the node that makes the spans, Version is the program's.
	Resource []Attribute
	Version  string
	// Logger hears of requests that fail; nil: nobody does.
	Logger *slog.Logger
}

// Exporter sends spans until it is closed. A nil Exporter drops them.
type Exporter struct {
	opt             Options
	to              *otlp.Collector
	log             *quietlog.Limiter
	resource, scope []byte
	queue           chan *Span
	stop, kill      context.CancelFunc // what is under way goes on after stop, not after kill
	done            chan struct{}

	exported, overflowed, failed atomic.Int64
	spans, scratch               []byte // the loop's
}

// Start begins to send what is recorded. It does not wait for the collector. Errors name what is wrong with the target.
func Start(o Options) (*Exporter, error) {
	o.Timeout = cmp.Or(o.Timeout, 3*time.Second)
	o.Delay = cmp.Or(o.Delay, time.Second)
	o.MaxBatch, o.MaxQueue = cmp.Or(o.MaxBatch, 512), cmp.Or(o.MaxQueue, 4096)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	to, err := otlp.Dial(o.Target, o.Headers)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	alive, kill := context.WithCancel(context.Background())
	e := &Exporter{opt: o, to: to, log: quietlog.New(o.Logger), queue: make(chan *Span, o.MaxQueue), stop: stop, kill: kill, done: make(chan struct{})}
	for i := range o.Resource {
		e.resource = appendBytes(e.resource, resourceAttributes, appendAttribute(nil, &o.Resource[i]))
	}
	e.scope = appendText(appendText(nil, 1, "aerobee", maxText), 2, o.Version, maxText)
	go e.loop(ctx.Done(), alive)
	return e, nil
}

// Record takes a span to be sent. It never waits: a span that finds no room is dropped and counted.
func (e *Exporter) Record(s *Span) {
	if e == nil {
		return
	}
	select {
	case e.queue <- s:
	default:
		e.overflowed.Add(1)
	}
}

// Close sends what waits, for a second at most, and waits for that. What is recorded from then on is dropped. A nil Exporter is closed.
func (e *Exporter) Close() {
	if e == nil {
		return
	}
	e.stop()
	late := time.AfterFunc(lastExport, e.kill)
	<-e.done
	late.Stop()
	e.kill()
	e.to.Close()
}

// Emit tells how many spans were sent and how many were not. A nil Exporter has nothing to tell. It is a [metrics.Source].
func (e *Exporter) Emit(emit func(metrics.Sample)) {
	if e == nil {
		return
	}
	emit(metrics.Sample{Name: "aerobee_spans_exported_total", Help: "Spans that the collector has taken.", Kind: metrics.Counter, Value: float64(e.exported.Load())})
	for _, why := range [...]struct {
		reason string
		n      *atomic.Int64
	}{{"queue_full", &e.overflowed}, {"export_failed", &e.failed}} {
		emit(metrics.Sample{Name: "aerobee_spans_dropped_total", Help: "Spans that were dropped, by the reason.", Kind: metrics.Counter,
			Value: float64(why.n.Load()), Labels: []string{"reason", why.reason}})
	}
}

// loop gathers spans and sends them.
func (e *Exporter) loop(stop <-chan struct{}, alive context.Context) {
	defer close(e.done)
	batch := make([]*Span, 0, e.opt.MaxBatch)
	timer := time.NewTimer(e.opt.Delay)
	defer timer.Stop()
	for {
		select {
		case s := <-e.queue:
			if batch = append(batch, s); len(batch) == 1 {
				timer.Reset(e.opt.Delay)
			}
			if len(batch) < e.opt.MaxBatch {
				continue
			}
		case <-timer.C:
		case <-stop:
			e.finish(alive, batch)
			return
		}
		e.export(alive, batch)
		clear(batch)
		batch = batch[:0]
	}
}

// finish sends the rest.
func (e *Exporter) finish(alive context.Context, batch []*Span) {
	for {
		select {
		case s := <-e.queue:
			if batch = append(batch, s); len(batch) < e.opt.MaxBatch {
				continue
			}
		default:
		}
		if len(batch) == 0 {
			return
		}
		e.export(alive, batch)
		batch = batch[:0]
	}
}

// export sends spans, in as many requests as they need. What one request has brought to the collector in vain is not sent again: newer spans wait.
func (e *Exporter) export(alive context.Context, batch []*Span) {
	e.spans = e.spans[:0]
	n := 0
	var one []byte
	for i, s := range batch {
		one, e.scratch = appendSpan(one[:0], e.scratch, s)
		e.spans = appendBytes(e.spans, scopeSpans, one)
		if n++; len(e.spans) >= requestSize || i == len(batch)-1 {
			e.send(alive, n)
			e.spans, n = e.spans[:0], 0
		}
	}
}

// send sends the spans that are encoded, n of them.
func (e *Exporter) send(alive context.Context, n int) {
	ctx, cancel := context.WithTimeout(alive, e.opt.Timeout)
	defer cancel()
	if err := e.to.Export(ctx, method, "spans", envelope(e.resource, e.scope, e.spans)); err != nil {
		e.failed.Add(int64(n))
		e.log.Warn("spans could not be sent and are dropped", "target", e.opt.Target, "spans", n, "error", err)
		return
	}
	e.exported.Add(int64(n))
}
