package relay

import (
	"context"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/remote"
	"github.com/aerobee-mq/aerobee/remoting"
)

// anyTimeout is how long a broker may take to answer what others can answer as well.
const anyTimeout = time.Second

// toAny relays a question that every broker can answer, since the client's heartbeats reach all: to one after the other, until one does.
func (r *Relay) toAny(c *remoting.Conn, f *protocol.Frame) {
	l, err := r.link(c)
	if err != nil {
		refuse(c, f, err)
		return
	}
	r.later(c, f, func(ctx context.Context, f *protocol.Frame) error {
		all, err := r.brokers.Lively(ctx)
		if err == nil {
			(&asking{c: c, l: l, f: f, left: all}).next(nil)
		}
		return err
	})
}

// asking is a question on its way from broker to broker. It has one owner at a time: who sends it, then who is told the outcome.
type asking struct {
	c    *remoting.Conn
	l    *remote.Link
	f    *protocol.Frame // of its own
	left []string        // brokers that were not asked yet
}

// next asks the next broker; err is why the last one did not answer.
func (a *asking) next(err error) {
	for len(a.left) > 0 {
		broker := a.left[0]
		a.left = a.left[1:]
		if a.f.IsOneway() {
			if a.l.Begin(broker, a.f, time.Time{}, nil) == nil {
				return
			}
			continue
		}
		wait := anyTimeout
		if len(a.left) == 0 {
			wait = askTimeout
		}
		if err = a.l.Begin(broker, a.f, time.Now().Add(wait), a); err == nil {
			return
		}
	}
	if !a.f.IsOneway() {
		refuse(a.c, a.f, err)
	}
}

// Answered gives the client the answer, or asks another broker.
func (a *asking) Answered(f *protocol.Frame, err error) {
	if err != nil {
		a.next(err)
		return
	}
	give(a.c, a.f, f)
}
