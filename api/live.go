package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
)

const (
	// maxStreams bounds the live streams of a node, and maxOwnStreams those to one address.
	maxStreams    = 64
	maxOwnStreams = 4
	// eventTime is how long a peer may take for an event.
	eventTime = 10 * time.Second
)

// live counts the streams that are open.
type live struct {
	mu   sync.Mutex // guards what follows
	open int
	of   map[string]int // by address
}

func newLive() *live { return &live{of: map[string]int{}} }

// begin counts a stream to an address in, or says why there may be none.
func (l *live) begin(addr string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open == maxStreams:
		return &problem{"too-many", fmt.Sprintf("%d live streams are open, as many as there may be", maxStreams)}
	case l.of[addr] == maxOwnStreams:
		return &problem{"too-many", fmt.Sprintf("%d live streams of %s are open, as many as there may be", maxOwnStreams, addr)}
	}
	l.open++
	l.of[addr]++
	return nil
}

func (l *live) end(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.of[addr]--; l.of[addr] == 0 {
		delete(l.of, addr)
	}
}

// serve sends an event now and one after each interval, until the peer has gone, the node stops, or as many have been sent as were wanted.
func (l *live) serve(c *call) error {
	if c.o.Live == nil {
		return errNotServed
	}
	addr, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		addr = c.r.RemoteAddr
	}
	if err := l.begin(addr); err != nil {
		return err
	}
	defer l.end(addr)
	defer func() { _ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{}) }() // the connection may bring other requests
	last, err := c.o.Live()
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	interval := time.Duration(c.v.Int("interval")) * time.Second
	tick := time.NewTicker(interval)
	defer tick.Stop()
	now, most := last, c.v.Int("count")
	for sent := int64(1); ; sent++ {
		if !c.tell(&now, &last, interval) || sent == most {
			return nil
		}
		select {
		case <-c.r.Context().Done():
			return nil
		case <-c.o.Stopping:
			return nil
		case <-tick.C:
		}
		last = now
		if now, err = c.o.Live(); err != nil {
			return nil // the node stops
		}
	}
}

// tell sends the events of one interval, and reports whether the peer is still there.
func (c *call) tell(now, last *v1.Rates, interval time.Duration) bool {
	if !event(c.w, "rates", rates(now, last)) {
		return false
	}
	if group := c.v.Text("group"); group != "" && !event(c.w, "lag", c.lag(group, interval)) {
		return false
	}
	return http.NewResponseController(c.w).Flush() == nil
}

// event writes one, for which a peer that does not read has little time: else it would hold the stream for ever.

func event(w http.ResponseWriter, name string, body any) bool {
	text, err := json.Marshal(body)
	if err != nil {
		return false
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(eventTime)) // what has no deadlines is no connection
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, text)
	return err == nil
}

// rates are what passed between two looks, for each second.
func rates(now, last *v1.Rates) v1.Rates {
	r := *now
	r.At = now.At.UTC()
	r.Seconds = now.At.Sub(last.At).Seconds()
	each := func(v, before float64) float64 {
		if r.Seconds <= 0 || v < before {
			return 0
		}
		return (v - before) / r.Seconds
	}
	r.MessagesIn, r.MessagesOut = each(now.MessagesIn, last.MessagesIn), each(now.MessagesOut, last.MessagesOut)
	r.BytesIn, r.BytesOut = each(now.BytesIn, last.BytesIn), each(now.BytesOut, last.BytesOut)
	r.TotalIn, r.TotalOut = int64(now.MessagesIn), int64(now.MessagesOut)
	return r
}

// lag is how far a group is behind; it is asked for no longer than an interval.
func (c *call) lag(group string, interval time.Duration) v1.Lag {
	l := v1.Lag{At: time.Now().UTC(), Group: group}
	err := c.asking(func(ctx context.Context, a *admin.Admin) error {
		ctx, cancel := context.WithTimeout(ctx, interval)
		defer cancel()
		s, err := a.GroupProgress(ctx, group)
		l.Members, l.Lag = len(s.Members), s.Lag
		return err
	})
	if err != nil {
		l.Error = err.Error()
	}
	return l
}
