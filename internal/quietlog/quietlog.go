// Package quietlog keeps what peers make us say from flooding the log. The listeners and the remoting connections write
// their warnings about peers through a [Limiter]. It is safe to call at once.
package quietlog

import (
	"log/slog"
	"sync"
	"time"
)

// linesPerSecond bounds what peers can write into our log.
const linesPerSecond = 10

// Limiter writes warnings, ten each second at most, and says how many it left out.
type Limiter struct {
	logger *slog.Logger

	mu      sync.Mutex
	window  time.Time // guarded by mu, as all below
	lines   int
	dropped int
}

// New returns a limiter before the logger.
func New(logger *slog.Logger) *Limiter { return &Limiter{logger: logger} }

// Warn writes the warning, unless ten were written in this second already.
func (l *Limiter) Warn(msg string, args ...any) {
	dropped, ok := l.admit(time.Now())
	if !ok {
		return
	}
	if dropped > 0 {
		args = append(args, "similarLinesLeftOut", dropped)
	}
	l.logger.Warn(msg, args...)
}

func (l *Limiter) admit(now time.Time) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.window) >= time.Second {
		l.window, l.lines = now, 0
	}
	if l.lines++; l.lines > linesPerSecond {
		l.dropped++
		return 0, false
	}
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}
