package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// topic is what is cached of one topic.
type topic struct {
	name  string
	route atomic.Pointer[Route]
	used  atomic.Bool // since the last refresh

	mu     sync.Mutex
	asking *asking // guarded by mu: the request that is under way
	unused int     // only the refresher's: refreshes in a row without use

	gone time.Time // only the request's that is under way: since when NameServers say that the topic, whose route we have, does not exist
}

// asking is one request for a route, for all who wait for it.
type asking struct {
	done  chan struct{}
	route *Route
	err   error
}

// forgetAfter is after how many refreshes without use a topic is no longer asked for.
const forgetAfter = 20

// Route is the topic's route, from the cache if it is there. The error for an absent topic is an [*Error] and [ErrTopicNotFound].
func (c *Cluster) Route(ctx context.Context, name string) (*Route, error) {
	if t, ok := c.topics.Load(name); ok {
		t := t.(*topic)
		if r := t.route.Load(); r != nil {
			if !t.used.Load() {
				t.used.Store(true)
			}
			return r, nil
		}
	}
	return c.Refresh(ctx, name)
}

// Refresh asks a NameServer for the topic's route now. Callers that come while it is asked for share the answer. When it cannot be
// had the cached route stays for [Cluster.Route]; when the topic does not exist any more, for two minutes.
func (c *Cluster) Refresh(ctx context.Context, name string) (*Route, error) {
	v, ok := c.topics.Load(name)
	if !ok {
		v, _ = c.topics.LoadOrStore(name, &topic{name: name})
	}
	t := v.(*topic)
	t.used.Store(true)
	c.keepFresh()
	a, err := c.ask(t)
	if err != nil {
		return nil, err
	}
	select {
	case <-a.done:
		return a.route, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("cluster: waiting for the route of topic %s: %w", name, ctx.Err())
	}
}

// ask begins a request for the route, or joins the one under way. It does not run under the context of one caller, since others may
// wait for it.
func (c *Cluster) ask(t *topic) (*asking, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asking != nil {
		return t.asking, nil
	}
	a := &asking{done: make(chan struct{})}
	if !c.start(func() { c.fetch(t, a) }) {
		return nil, errClosed()
	}
	t.asking = a
	return a, nil
}

func (c *Cluster) fetch(t *topic, a *asking) {
	a.route, a.err = c.queryRoute(c.ctx, t.name)
	gone := errors.Is(a.err, ErrTopicNotFound) && t.goneLong(time.Now())
	if a.err == nil {
		t.gone = time.Time{}
	}
	var old *Route
	if a.err == nil || gone {
		old = t.route.Swap(a.route)
	}
	if (a.err == nil || gone) && !a.route.equal(old) && c.o.RouteChanged != nil {
		c.o.RouteChanged(t.name, a.route) // before the next request, so that the newest route is told last, and before who waits goes on
	}
	t.mu.Lock()
	t.asking = nil
	t.mu.Unlock()
	close(a.done)
}

// absence is for how long a topic must be said not to exist before its route is given up. A NameServer that has just been started
// knows nothing until the brokers have registered again, which they do every 30 s.
const absence = 2 * time.Minute

// goneLong reports whether the topic's absence is to be believed at now.
func (t *topic) goneLong(now time.Time) bool {
	if t.route.Load() == nil {
		return true
	}
	if t.gone.IsZero() {
		t.gone = now
	}
	return now.Sub(t.gone) >= absence
}

// queryRoute asks for a route and makes nothing of it but a Route.
func (c *Cluster) queryRoute(ctx context.Context, name string) (*Route, error) {
	header := protocol.GetRouteHeader{Topic: name, AcceptStandardJSONOnly: true}
	f := protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic}
	header.Append(&f.Fields)
	answer, addr, err := c.askNameServer(ctx, &f)
	if err != nil {
		return nil, err
	}
	if err := Check(answer, addr, f.Code); err != nil {
		return nil, fmt.Errorf("cluster: route of topic %s: %w", name, err)
	}
	var data protocol.RouteData
	if err := protocol.UnmarshalBody(answer.Body, &data); err != nil {
		return nil, fmt.Errorf("cluster: route of topic %s from %s: %w", name, addr, err)
	}
	return newRoute(name, &data), nil
}

// keepFresh starts the goroutine that asks for the routes in use again.
func (c *Cluster) keepFresh() {
	c.mu.Lock()
	start := !c.refreshing && !c.closed
	c.refreshing = c.refreshing || start
	c.mu.Unlock()
	if start {
		c.start(c.refresher)
	}
}

func (c *Cluster) refresher() {
	tick := time.NewTicker(c.o.RouteInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		c.topics.Range(func(name, v any) bool {
			c.refreshOne(v.(*topic))
			return c.ctx.Err() == nil
		})
	}
}

func (c *Cluster) refreshOne(t *topic) {
	if t.used.Swap(false) {
		t.unused = 0
	} else if t.unused++; t.unused > forgetAfter || t.route.Load() == nil {
		c.topics.Delete(t.name)
		return
	}
	a, err := c.ask(t)
	if err != nil {
		return
	}
	<-a.done // it runs under c.ctx, and each of its tries is bounded
	if a.err != nil && c.ctx.Err() == nil {
		c.o.Logger.Debug("cluster: route not refreshed", "topic", t.name, "error", a.err)
	}
}
