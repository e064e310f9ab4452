package trace

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	gatherInterval = time.Second // how long a trace may wait for others
	gatherCount    = 100         // traces in one message
	gatherSize     = 128_000     // bytes of one message
	gatherPending  = 8 << 20     // what may wait; beyond it traces are lost rather than messages held up
)

// Gatherer gathers traces into messages and has them sent. It has a goroutine from the first trace on. Its methods are safe to call at once.
type Gatherer struct {
	send  func(body []byte, keys []string) error
	spawn func(func())
	log   *slog.Logger
	wake  chan struct{} // a message is full
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	started bool             // guarded by mu, as all below
	closed  bool             //
	open    map[string]*page // by the topic of the traced messages
	full    []*page
	bytes   int // waiting in open and full
	lost    int // for want of room
}

// page is a trace message that is being filled.
type page struct {
	text  []byte
	keys  map[string]struct{}
	count int
}

// NewGatherer returns a gatherer that sends messages with send, one after the other, on the goroutine that spawn starts. The keys of a
// message are in no order.
func NewGatherer(send func(body []byte, keys []string) error, spawn func(func()), log *slog.Logger) *Gatherer {
	return &Gatherer{send: send, spawn: spawn, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), open: map[string]*page{}}
}

// Add takes one trace, or several of messages of one topic. keys are the ids and keys of those messages.
func (g *Gatherer) Add(topic string, keys []string, appendText func([]byte) []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.bytes > gatherPending {
		g.lost++
		return
	}
	if !g.started {
		g.started = true
		g.spawn(g.run)
	}
	p := g.open[topic]
	if p == nil {
		p = &page{keys: map[string]struct{}{}}
		g.open[topic] = p
	}
	before := len(p.text)
	p.text = appendText(p.text)
	g.bytes += len(p.text) - before
	for _, key := range keys {
		if key != "" {
			p.keys[key] = struct{}{}
		}
	}
	if p.count++; p.count >= gatherCount || len(p.text) >= gatherSize {
		g.turnLocked(topic)
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
}

// turnLocked makes a message of a topic's page.
func (g *Gatherer) turnLocked(topic string) {
	g.full = append(g.full, g.open[topic])
	delete(g.open, topic)
}

func (g *Gatherer) run() {
	defer close(g.done)
	tick := time.NewTicker(gatherInterval)
	defer tick.Stop()
	for {
		pages, stopped := false, false
		select {
		case <-g.wake:
		case <-tick.C:
			pages = true
		case <-g.stop:
			pages, stopped = true, true
		}
		g.flush(pages)
		if stopped {
			return
		}
	}
}

// flush sends the full messages, and those being filled too if pages is set.
func (g *Gatherer) flush(pages bool) {
	g.mu.Lock()
	if pages {
		for topic := range g.open {
			g.turnLocked(topic)
		}
	}
	full, lost := g.full, g.lost
	g.full, g.lost = nil, 0
	g.mu.Unlock()
	if lost > 0 {
		g.log.Warn("client: traces were lost, the trace topic takes them too slowly", "traces", lost, "limitBytes", gatherPending)
	}
	for _, p := range full {
		keys := make([]string, 0, len(p.keys))
		for key := range p.keys {
			keys = append(keys, key)
		}
		if err := g.send(p.text, keys); err != nil {
			g.log.Warn("client: traces were lost", "bytes", len(p.text), "error", err)
		}
		g.mu.Lock()
		g.bytes -= len(p.text)
		g.mu.Unlock()
	}
}

// Close has sent what is gathered, as long as ctx lets it; the error is ctx's. Calling it again does nothing.
func (g *Gatherer) Close(ctx context.Context) error {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil
	}
	g.closed = true
	started := g.started
	g.mu.Unlock()
	close(g.stop)
	if !started {
		return nil
	}
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
