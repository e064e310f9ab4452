package proxy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/receipt"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// client is what is known of one client between its requests.
type client struct {
	s   *Server
	who backend.Client // as of its first request
	// settings are the client's, completed by the server; nil before it has sent any.
	settings atomic.Pointer[pb.Settings]
	since    atomic.Int64 // Unix milliseconds; when it has changed its settings last
	busy     atomic.Int64 // requests and streams under way
	lastUsed atomic.Int64 // Unix milliseconds
	carriers int          // connections that it came by and that are open; guarded by the mutex of the clients
	adrift   bool         // the last of them is closed; guarded likewise
	user     string       // who signs, "" where nobody has to; guarded likewise
	unheard  atomic.Int64 // Unix milliseconds since when it has no telemetry stream, 0 while it has one
	receipts receipt.Table

	mu      sync.Mutex // guards what follows
	link    backend.Link
	streams []*stream // open telemetry streams with settings, the newest last: by it the client is asked
	gone    bool      // closed: nothing may be joined any more
	// questions wait for the client's answer, by nonce.
	questions map[string]question
	nonce     uint64
}

// linked returns the client's link to the brokers, made when need be.
func (c *client) linked() (backend.Link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		select {
		case <-c.link.Done():
		default:
			return c.link, nil
		}
	}
	if c.gone {
		return nil, fmt.Errorf("client %s: %w", c.who.ID, backend.ErrGone)
	}
	link, err := c.s.backend.Join(c.who, func(broker string, f *protocol.Frame, answer func(*protocol.Frame)) { c.asked(broker, f, answer) })
	if err != nil {
		return nil, err
	}
	c.link = link
	return link, nil
}

// close makes the brokers forget the client.
func (c *client) close() {
	c.mu.Lock()
	link := c.link
	c.gone, c.link = true, nil
	c.mu.Unlock()
	if link != nil {
		link.Close()
	}
}

// clients are all that are known, by their ids.
type clients struct {
	limit int
	mu    sync.Mutex // guards what follows
	byID  map[string]*client
	conns map[ends]*connection
}

func (t *clients) init(limit int) {
	t.limit, t.byID, t.conns = limit, map[string]*client{}, map[ends]*connection{}
}

// enter finds the client of a request, which must call leave in the end.
func (s *Server) enter(who backend.Client) (*client, error) {
	c, old, err := s.enterBeside(who)
	if old != nil {
		old.close()
	}
	return c, err
}

// enterBeside is enter; old, if not nil, had the id without a certificate or a user and has it no more.
func (s *Server) enterBeside(who backend.Client) (c, old *client, err error) {
	t := &s.clients
	t.mu.Lock()
	defer t.mu.Unlock()
	c = t.byID[who.ID]
	if c != nil {
		t.signsAnewLocked(c, &who)
		if c.yields(&who) {
			c, old = nil, c
		}
	}
	if c == nil {
		if old == nil && len(t.byID) >= t.limit {
			return nil, nil, status.New(pb.Code_TOO_MANY_REQUESTS, "%d clients are known, the limit is %d", len(t.byID), t.limit)
		}
		c = &client{s: s, who: who, user: who.User}
		c.unheard.Store(s.opt.Now().UnixMilli())
	}
	if err := c.othersID(&who); err != nil {
		return nil, nil, err
	}
	if err := t.carriesLocked(c, who); err != nil {
		return nil, nil, err
	}
	t.byID[who.ID] = c
	c.adrift = false
	c.busy.Add(1)
	return c, old, nil
}

func (c *client) leave() {
	c.lastUsed.Store(c.s.opt.Now().UnixMilli())
	c.busy.Add(-1)
}

// forget drops a client, unless another has taken its place.
func (s *Server) forget(c *client) {
	t := &s.clients
	t.mu.Lock()
	if t.byID[c.who.ID] == c {
		delete(t.byID, c.who.ID)
	}
	t.mu.Unlock()
	c.close()
}

// all are the clients known now.
func (t *clients) all() []*client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.byID))
}

// offline reports whether a client has had no telemetry stream for too long.
func (c *client) offline(now time.Time) bool {
	since := c.unheard.Load()
	return since > 0 && now.UnixMilli()-since > offlineAfter.Milliseconds()
}

func (t *clients) closeAll() {
	t.mu.Lock()
	all := t.byID
	t.byID = map[string]*client{}
	t.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

const (
	sweepEvery = 10 * time.Second
	// silence is how long a client is kept that sends nothing: as long as brokers keep one.
	silence = 2 * time.Minute
)

// sweepLoop forgets clients that are silent, and those without settings whose connection is closed.
func (s *Server) sweepLoop() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.sweep()
			s.untaken.sweep(time.Now())
		}
	}
}

func (s *Server) sweep() {
	before := s.opt.Now().Add(-silence).UnixMilli()
	var old []*client
	s.clients.mu.Lock()
	for id, c := range s.clients.byID {
		if c.busy.Load() == 0 && (c.lastUsed.Load() < before || c.adrift && c.settings.Load() == nil) {
			delete(s.clients.byID, id)
			old = append(old, c)
		}
	}
	s.clients.mu.Unlock()
	if len(old) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(s.endless.over, s.opt.RequestTimeout)
	defer cancel()
	s.giveBackAll(ctx, old...)
	for _, c := range old {
		c.close()
	}
}

// serve runs the body of a request for the client that has sent it.
func (s *Server) serve(who backend.Client, err error, fn func(c *client) error) error {
	if err != nil {
		return err
	}
	c, err := s.enter(who)
	if err != nil {
		return err
	}
	defer c.leave()
	return fn(c)
}
