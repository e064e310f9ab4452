package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/receipt"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// withReceipt runs fn with the handle by which a message is known now: the one that the client gives, or a newer one, if the server has renewed it. When fn
// succeeds, or is refused, it is not renewed any more; after any other error the client may try again, and the newest handle is kept for that.
func (s *Server) withReceipt(ctx context.Context, c *client, group, text string, fn func(h protocol.PopHandle) error) error {
	h, kept, err := c.receipts.Take(ctx, group, text)
	if err != nil {
		return err
	}
	if !kept {
		if h, err = readHandle(text); err != nil {
			return err
		}
		return fn(h)
	}
	again := true
	defer func() { c.receipts.Give(group, text, again) }()
	err = fn(h)
	again = err != nil && !hopeless(err)
	return err
}

// hopeless reports whether another attempt makes no sense: the request was refused.
func hopeless(err error) bool {
	var refused *status.Error
	return errors.As(err, &refused) && refused.Code != pb.Code_TOO_MANY_REQUESTS
}

// renewLater keeps messages out of sight until they are acknowledged. It is done before the client gets them: it may be quick.
func (s *Server) renewLater(c *client, p *popped) {
	now := s.opt.Now().UnixMilli()
	for _, m := range p.messages {
		sys := m.GetSystemProperties()
		h, err := readHandle(sys.GetReceiptHandle())
		if err != nil || !c.receipts.Put(sys.GetReceiptHandle(), receipt.Receipt{Group: p.group, Topic: p.topic, Lite: sys.GetLiteTopic(), Handle: h, Attempt: sys.GetDeliveryAttempt()}, now) {
			s.opt.Logger.Warn("a message is not kept out of sight for its consumer", "client", c.who.ID, "group", p.group, "topic", p.topic,
				"kept", c.receipts.Len(), "limit", receipt.Max, "error", err)
			return
		}
	}
}

const (
	renewEvery = 5 * time.Second
	// offlineAfter is how long a client may be without a telemetry stream before its messages are given to others.
	offlineAfter = 20 * time.Second
	// renewTime is how long one renewal may take.
	renewTime = 2 * time.Second
	// lastTime is how long a server that stops has for giving back what its clients have in their hands.
	lastTime = time.Second
)

// renewLoop renews receipts until the server stops.
func (s *Server) renewLoop() {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.renewAll(s.opt.Now())
		}
	}
}

// renewAll renews what is due at all clients. It does not wait for that; who wants to, waits for what it returns.
func (s *Server) renewAll(now time.Time) *sync.WaitGroup {
	var done sync.WaitGroup
	for _, c := range s.clients.all() {
		if c.receipts.Len() > 0 {
			s.renewSoon(s.endless.over, c, c.receipts.Due(now.UnixMilli(), c.offline(now)), &done)
		}
	}
	return &done
}

// renewSoon renews receipts until ctx ends, and tells done of each that has come to an end.
func (s *Server) renewSoon(ctx context.Context, c *client, all []receipt.Work, done *sync.WaitGroup) {
	done.Add(len(all))
	for i := range all {
		w := &all[i]
		s.workers.add(w.Receipt.Handle.BrokerName, func() {
			defer done.Done()
			s.renew(ctx, c, w)
		})
	}
}

// renew renews one receipt.
func (s *Server) renew(ctx context.Context, c *client, w *receipt.Work) {
	if ctx.Err() != nil {
		c.receipts.Drop(w)
		return
	}
	if !c.receipts.Begin(w, s.opt.Now().UnixMilli()) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	d := w.For
	if d == 0 {
		d = s.retryDelay(ctx, w.Receipt.Group, w.Receipt.Attempt)
	}
	fresh, err := s.changeInvisible(ctx, c, w.Receipt.Group, w.Receipt.Topic, w.Receipt.Handle, d, false, w.Receipt.Lite)
	c.receipts.Done(*w, fresh, err, hopeless(err))
	if err != nil {
		s.opt.Logger.Warn("a receipt could not be renewed", "client", c.who.ID, "group", w.Receipt.Group, "topic", w.Receipt.Topic, "error", err)
	}
}

// retryDelay is how long a message of a group waits after so many deliveries.
func (s *Server) retryDelay(ctx context.Context, name string, attempt int32) time.Duration {
	g, _, err := s.backend.Group(ctx, name)
	if err != nil {
		return time.Minute
	}
	return time.Duration(g.RetryPolicy.DelayMillis(int(attempt)-1)) * time.Millisecond
}

// giveBackAll gives the messages in the hands of clients that are gone to others, as many as can be until ctx ends.
func (s *Server) giveBackAll(ctx context.Context, all ...*client) {
	var done sync.WaitGroup
	for _, c := range all {
		s.renewSoon(ctx, c, c.receipts.Due(s.opt.Now().UnixMilli(), true), &done)
	}
	done.Wait()
}
