package client

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client/intercept"
	"github.com/aerobee-mq/aerobee/client/trace"
	"github.com/aerobee-mq/aerobee/client/wire"
)

// pacer decides how many workers there are. One is started when there is work; more only if those there do not get on: a fast handler is
// done sooner by few goroutines than by twenty that wait for each other's lock, and a slow one gets its twenty within milliseconds.
type pacer struct {
	p       *PushConsumer
	timer   *time.Timer
	armed   bool
	workers int
	takes   int // batches handed out, ever
	seen    int // takes when the timer was armed
	wait    time.Duration
}

const (
	shortestPace = 100 * time.Microsecond
	longestPace  = 5 * time.Millisecond
)

func (c *pacer) init(p *PushConsumer) {
	c.p, c.wait = p, shortestPace
	c.timer = time.AfterFunc(time.Hour, c.look)
	c.timer.Stop()
}

func (c *pacer) stop() { c.timer.Stop() }

// offered is called under mu when there is work.
func (c *pacer) offered() {
	if c.workers == 0 {
		c.start()
		return
	}
	c.arm()
}

func (c *pacer) start() {
	c.workers++
	c.p.workers.Add(1)
	go c.p.work()
}

func (c *pacer) arm() {
	if !c.armed && c.workers < c.p.config.Concurrency {
		c.armed, c.seen = true, c.takes
		c.timer.Reset(c.wait)
	}
}

// look is the timer's function: is there work that nobody gets to?
func (c *pacer) look() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.armed = false
	if c.p.stop || c.p.queue.Empty() {
		c.wait = shortestPace
		return
	}
	slow := c.takes-c.seen < c.workers // not one batch each
	if c.workers < c.p.config.Concurrency && (slow || c.workers < runtime.GOMAXPROCS(0)) {
		c.start()
	}
	if c.wait = shortestPace; !slow {
		c.wait = min(2*c.wait, longestPace)
	}
	c.arm()
}

// offerLocked has a queue's deliveries handed out.
func (p *PushConsumer) offerLocked(s *share) {
	if s.listed || s.dropped || p.stop || s.suspended || !s.pq.Waiting() || p.o.orderly && s.running > 0 {
		return
	}
	s.listed = true
	p.queue.Push(s)
	p.pacer.offered()
}

// work runs handlers as long as there is something to handle.
func (p *PushConsumer) work() {
	defer p.workers.Done()
	p.mu.Lock()
	for {
		s, ds := p.nextLocked()
		if s == nil {
			break
		}
		p.mu.Unlock()
		if p.o.orderly {
			p.handleOrdered(s, ds)
		} else {
			p.handleFree(s, ds)
		}
		p.mu.Lock()
	}
	p.pacer.workers--
	p.mu.Unlock()
}

// nextLocked takes a batch of the queue that has waited longest.
func (p *PushConsumer) nextLocked() (*share, []*Delivery) {
	for !p.stop {
		s := p.queue.Pop()
		if s == nil {
			break
		}
		s.listed = false
		ds := p.takeLocked(s)
		if ds == nil {
			continue
		}
		s.running++
		p.pacer.takes++
		p.offerLocked(s) // what is left of it
		if !p.queue.Empty() {
			p.pacer.arm()
		}
		return s, ds
	}
	return nil, nil
}

// takeLocked takes a batch of a queue, nil if it may not be handled now.
func (p *PushConsumer) takeLocked(s *share) []*Delivery {
	if s.dropped || s.suspended {
		return nil
	}
	if p.o.orderly && !p.o.broadcast && !s.lockValid() {
		s.poke() // it sees to the lock
		return nil
	}
	ds := s.pq.Take(p.config.MaxBatch)
	if !p.o.orderly && len(ds) > 0 {
		wire.Start(ds, time.Now())
	}
	return ds
}

// handleFree handles a batch whose messages do not depend on each other.
func (p *PushConsumer) handleFree(s *share, ds []*Delivery) {
	failed, err := p.call(ds)
	again := p.giveBack(p.held(failed), err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Add(s.queue.Topic, len(ds)-len(failed), len(failed))
	for _, d := range ds {
		if len(again) == 0 || !slices.Contains(again, d) {
			s.pq.Finish(d)
		}
	}
	if len(again) > 0 {
		p.laterLocked(s, again)
	}
	s.running--
	s.lastHandled = time.Now()
	s.roomMadeLocked()
}

// held are those of the deliveries that have not been given back, or left to another member with their queue, while a handler had them.
func (p *PushConsumer) held(ds []*Delivery) []*Delivery {
	if len(ds) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ds), func(d *Delivery) bool { return !wire.Counts(d) })
}

// roomMadeLocked lets the queue's goroutine pull again.
func (s *share) roomMadeLocked() {
	if s.roomLocked() {
		s.poke()
	}
}

// call runs the handler on those deliveries that can be read, and says which failed.
func (p *PushConsumer) call(ds []*Delivery) (failed []*Delivery, err error) {
	for _, d := range ds {
		if wire.Broken(d) != nil {
			return p.callWhole(ds)
		}
	}
	return p.outcome(ds, p.handle(ds))
}

// callWhole keeps what cannot be read from the handler.
func (p *PushConsumer) callWhole(ds []*Delivery) (failed []*Delivery, err error) {
	var good, bad []*Delivery
	for _, d := range ds {
		if wire.Broken(d) == nil {
			good = append(good, d)
			continue
		}
		bad = append(bad, d)
		p.log.Error("client: a message's body cannot be read, it is given up", "id", d.ID, "topic", d.Topic, "error", wire.Broken(d))
	}
	if len(good) > 0 {
		failed, err = p.outcome(good, p.handle(good))
	}
	return append(failed, bad...), err
}

func (p *PushConsumer) outcome(ds []*Delivery, err error) ([]*Delivery, error) {
	if err == nil {
		return nil, nil
	}
	var retry *RetryError
	if errors.As(err, &retry) && retry.Failed != nil {
		some := slices.DeleteFunc(slices.Clone(ds), func(d *Delivery) bool { return !slices.Contains(retry.Failed, d) })
		return some, err
	}
	return ds, err
}

// handle runs the handler. A panic becomes an error, with its stack in the log.
func (p *PushConsumer) handle(ds []*Delivery) (err error) {
	given, first := wire.HandOut(ds), ds[0]
	ctx, end := intercept.BeginHandle(p.handling, p.client.config.Interceptors, p.config.Group, given)
	tracing := p.client.traceHandling(p.config.Group, ds)
	defer func() {
		code := trace.Succeeded
		if v := recover(); v != nil {
			err = fmt.Errorf("client: the handler of group %s panicked: %v", p.config.Group, v)
			code = trace.Panicked
			p.log.Error("client: handler panicked", "id", first.ID, "topic", first.Topic, "panic", v, "stack", string(debug.Stack()))
		} else if err != nil {
			code = trace.Failed
		}
		tracing.End(code)
		end(err)
	}()
	return p.config.Handler(ctx, given)
}

// laterLocked has deliveries handled here again that could not be given back to the broker.
func (p *PushConsumer) laterLocked(s *share, ds []*Delivery) {
	for _, d := range ds {
		d.ReconsumeTimes++
	}
	p.spawn(func() {
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(localRetry):
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		s.pq.RedoLate(ds)
		p.offerLocked(s)
	})
}

// localRetry is after what time a message is handled again that no broker took back, as with Java's clients.
const localRetry = 5 * time.Second

// expireLoop gives back messages that a handler has had for too long.
func (p *PushConsumer) expireLoop() {
	tick := time.NewTicker(max(p.config.HandleTimeout/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		p.expire(time.Now().Add(-p.config.HandleTimeout))
	}
}

// expire puts those at the head of each queue to come again that were handed out before the limit.
func (p *PushConsumer) expire(limit time.Time) {
	type late struct {
		s *share
		d *Delivery
	}
	var all []late
	p.mu.Lock()
	for _, s := range p.shares {
		if d := s.pq.Late(limit); d != nil {
			all = append(all, late{s, d})
		}
	}
	p.mu.Unlock()
	for _, l := range all {
		p.log.Warn("client: a handler has had a message for too long, it comes again", "id", l.d.ID, "topic", l.d.Topic, "limit", p.config.HandleTimeout)
		if len(p.giveBack([]*Delivery{l.d}, &RetryError{DelayLevel: 3})) > 0 {
			continue
		}
		p.mu.Lock()
		l.s.pq.Finish(l.d)
		l.s.roomMadeLocked()
		p.mu.Unlock()
	}
}
