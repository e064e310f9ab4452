package remoting

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
)

// host is what connections share: options, buffers, limits, and the goroutines to wait for. A server is a host of many
// connections, a dialled connection has one of its own.
type host struct {
	Options
	pools    pools
	start    time.Time
	held     atomic.Int64  // bytes counted against MaxHeldBytes
	tasks    atomic.Int64  // functions running in Conn.Go
	crowd    atomic.Int64  // readers that wait without sleeping, see maxCrowd
	draining atomic.Bool   // no more requests are read
	progress chan struct{} // while draining: something that Shutdown waits for may be done
	wg       sync.WaitGroup
	log      *quietlog.Limiter
}

func newHost(o Options) *host {
	o = o.withDefaults()
	return &host{Options: o, start: time.Now(), progress: make(chan struct{}, 1), log: quietlog.New(o.Logger)}
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
