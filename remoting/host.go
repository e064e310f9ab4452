package remoting

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// host is what connections share: options, buffers, limits, and the goroutines to wait for. A server is a host of many
// connections, a dialled connection has one of its own.
type host struct {
	Options
	pools    pools
	start    time.Time
	held     atomic.Int64  // bytes counted against MaxHeldBytes
	tasks    atomic.Int64  // functions running in Conn.Go
	draining atomic.Bool   // no more requests are read
	progress chan struct{} // while draining: something that Shutdown waits for may be done
	wg       sync.WaitGroup
	log      limiter
}

func newHost(o Options) *host {
	o = o.withDefaults()
	return &host{Options: o, start: time.Now(), progress: make(chan struct{}, 1), log: limiter{logger: o.Logger}}
}

// now is the time since the host began; it costs half of time.Now and does not jump.
func (h *host) now() time.Duration { return time.Since(h.start) }

// moved tells a waiting Shutdown to look again.
func (h *host) moved() {
	if h.draining.Load() {
		select {
		case h.progress <- struct{}{}:
		default:
		}
	}
}

// linesPerSecond bounds what peers can write into our log.
const linesPerSecond = 10

// limiter writes warnings, a few each second, and says how many it left out.
type limiter struct {
	logger *slog.Logger

	mu      sync.Mutex
	window  time.Time // guarded by mu, as all below
	lines   int
	dropped int
}

func (l *limiter) warn(msg string, args ...any) {
	l.mu.Lock()
	now := time.Now()
	if now.Sub(l.window) >= time.Second {
		l.window, l.lines = now, 0
	}
	if l.lines++; l.lines > linesPerSecond {
		l.dropped++
		l.mu.Unlock()
		return
	}
	dropped := l.dropped
	l.dropped = 0
	l.mu.Unlock()
	if dropped > 0 {
		args = append(args, "similarLinesLeftOut", dropped)
	}
	l.logger.Warn(msg, args...)
}
