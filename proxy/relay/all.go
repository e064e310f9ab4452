package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// toAll relays a heartbeat, or a goodbye, to all brokers. The client is answered when all have answered: with a success if any was one, since a
// broker that is down for a moment must not make the client unknown to the others.
func (r *Relay) toAll(c *remoting.Conn, f *protocol.Frame) {
	l, err := r.link(c)
	if err != nil {
		refuse(c, f, err)
		return
	}
	r.later(c, f, func(ctx context.Context, f *protocol.Frame) error {
		all, err := r.brokers.Brokers(ctx)
		if err != nil {
			return err
		}
		g := &gathering{c: c, request: bare(f), left: len(all)}
		for _, broker := range all {
			if err := l.Begin(broker, f, time.Now().Add(askTimeout), g); err != nil {
				g.Answered(nil, err)
			}
		}
		return nil
	})
}

// gathering is the answers of all brokers to one request.
type gathering struct {
	c       *remoting.Conn
	request protocol.Frame

	mu     sync.Mutex // guards what follows
	left   int
	best   *protocol.Frame
	change bool // a broker wants the client's subscriptions again
	err    error
}

// Answered takes one broker's answer, and with the last one answers the client.
func (g *gathering) Answered(f *protocol.Frame, err error) {
	if !g.add(f, err) {
		return
	}
	if g.best == nil {
		refuse(g.c, &g.request, g.err)
		return
	}
	for i := range g.best.Fields {
		if g.change && string(g.best.Fields[i].Key) == protocol.FieldSubChange {
			g.best.Fields[i].Value = []byte("true")
		}
	}
	give(g.c, &g.request, g.best)
}

// add counts one answer in, and reports whether it was the last.
func (g *gathering) add(f *protocol.Frame, err error) (last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left--; err != nil {
		g.err = err
		return g.left == 0
	}
	changed, _ := f.Fields.Bool(protocol.FieldSubChange)
	g.change = g.change || changed
	if g.best == nil || g.best.Code != protocol.ResSuccess && f.Code == protocol.ResSuccess {
		g.best = f.Clone()
	}
	return g.left == 0
}

// route answers where a topic lies: where the NameServers say, at the proxy's own address.
func (r *Relay) route(c *remoting.Conn, f *protocol.Frame) {
	r.later(c, f, func(ctx context.Context, f *protocol.Frame) error {
		answer, err := r.brokers.NameServer(ctx, f)
		if err != nil {
			return err
		}
		if answer.Code != protocol.ResSuccess {
			give(c, f, answer)
			return nil
		}
		var data protocol.RouteData
		if err := protocol.UnmarshalBody(answer.Body, &data); err != nil {
			return fmt.Errorf("the NameServer's route: %w", err)
		}
		own := c.LocalAddr().String()
		if r.opt.Advertised != nil {
			if a := r.opt.Advertised(c.RemoteAddr(), c.LocalAddr()); a != "" {
				own = a
			}
		}
		for i := range data.Brokers {
			if _, master := data.Brokers[i].Addrs[protocol.MasterID]; master {
				data.Brokers[i].Addrs = map[int64]string{protocol.MasterID: own}
			} else {
				data.Brokers[i].Addrs = map[int64]string{}
			}
		}
		style := protocol.FastJSON
		var h protocol.GetRouteHeader
		if err := h.Decode(f.Fields); err == nil && (f.Version >= protocol.Version4_9_4 || h.AcceptStandardJSONOnly) {
			style = protocol.StandardJSON
		}
		changed := *answer
		changed.Body = data.Append(nil, style)
		give(c, f, &changed)
		return nil
	})
}
