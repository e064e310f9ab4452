// Package otlp sends metrics to an OpenTelemetry collector over gRPC, in intervals. The root package starts a [Pusher] when the settings
// name a collector; package tracing sends spans through a [Collector]. The methods of both are safe to call at once.
package otlp

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
	"github.com/aerobee-mq/aerobee/metrics"
)

// method is what a collector is asked.
const method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

// Options say what to send, and where.
type Options struct {
	// Target is the collector: "host:port" or "https://host:port" inside TLS, "http://host:port" without.
	Target string
	// Headers go with each request.
	Headers map[string]string
	// Timeout bounds a push, 3 s if 0; Interval is the time between two, 60 s if 0. The least are 1 ms and 100 ms.
	Timeout, Interval time.Duration
	// Common are the labels of every sample, Sources bring them, Version is the program's, and Began when its counters began.
	Common  metrics.Common
	Sources []metrics.Source
	Version string
	Began   time.Time
	// Now is the clock, time.Now if nil. Logger hears of pushes that fail; nil: nobody does.
	Now    func() time.Time
	Logger *slog.Logger
}

// Pusher sends metrics until it is closed.
type Pusher struct {
	opt  Options
	to   *Collector
	log  *quietlog.Limiter
	stop context.CancelFunc
	done chan struct{}
}

// Start begins to send: first after one interval. It does not wait for the collector. Errors name what is wrong with the target.
func Start(o Options) (*Pusher, error) {
	o.Timeout = max(cmp.Or(o.Timeout, 3*time.Second), time.Millisecond)
	o.Interval = max(cmp.Or(o.Interval, time.Minute), 100*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	to, err := Dial(o.Target, o.Headers)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Pusher{opt: o, to: to, log: quietlog.New(o.Logger), stop: stop, done: make(chan struct{})}
	go p.loop(ctx)
	return p, nil
}

func (p *Pusher) loop(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(p.opt.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.push(ctx, p.opt.Timeout)
		case <-ctx.Done():
			p.push(context.Background(), min(p.opt.Timeout, lastPush))
			return
		}
	}
}

// lastPush bounds the push of who stops: others wait for its end.
const lastPush = time.Second

// push sends everything once.
func (p *Pusher) push(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	e := encoder{common: p.opt.Common, version: p.opt.Version, began: nanos(p.opt.Began), now: nanos(p.opt.Now())}
	e.send = func(request []byte) error { return p.to.Export(ctx, method, "points", request) }
	for _, source := range p.opt.Sources {
		source(e.add)
	}
	if err := e.end(); err != nil {
		p.log.Warn("metrics could not be pushed; they are tried again", "target", p.opt.Target, "after", p.opt.Interval, "error", err)
	}
}

// Close sends a last time and waits for it, a second at most. A nil Pusher is closed.
func (p *Pusher) Close() {
	if p == nil {
		return
	}
	p.stop()
	<-p.done
	p.to.Close()
}
