package pop

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/wire"
)

// Serving says how [Consumer.Serve] has messages handled.
type Serving struct {
	Handle  func(ctx context.Context, d *wire.Delivery) error
	AtOnce  int                                                                  // handlers
	Failed  func(d *wire.Delivery, err error) (wait time.Duration, another bool) // after what time one comes again, or that it is given up
	Refusal func(err error) bool                                                 // whether an error will not go away by itself
}

// failurePause is how long Serve waits after brokers have failed.
const failurePause = time.Second

// Serve has messages handled as they come, until ctx or the consumer ends or a broker refuses for good, and returns when the handlers have. A message is
// acknowledged when its handler returns nil. While the handler runs its invisible time is prolonged, so that nobody else gets it.
func (c *Consumer) Serve(ctx context.Context, s Serving) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, s.AtOnce)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return c.ended(ctx)
		}
		<-slots // there is room for one, and only we take it
		ds, err := c.Receive(ctx, cap(slots)-len(slots))
		if err != nil {
			if c.ended(ctx) != nil || s.Refusal(err) {
				return err
			}
			c.o.Logger.Warn("client: no messages could be received, trying again", "error", err)
			t := time.NewTimer(failurePause)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			t.Stop()
		}
		for _, d := range ds {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				c.serveOne(ctx, &s, d)
			})
		}
	}
}

// serveOne handles one message and says how that ended, even if ctx has ended meanwhile.
func (c *Consumer) serveOne(ctx context.Context, s *Serving, d *wire.Delivery) {
	own := *d // its receipt changes while the handler has d
	err := c.whileHeld(ctx, &own, func() error { return c.handle(ctx, s, d) })
	end := context.WithoutCancel(ctx)
	var told error
	if err == nil {
		told = c.Ack(end, &own)
	} else if wait, another := s.Failed(d, err); another {
		told = c.ChangeInvisible(end, &own, wait)
	} else {
		c.o.Logger.Warn("client: a message is given up", "id", d.ID, "topic", d.Topic, "failed", d.ReconsumeTimes+1, "error", err)
		told = c.GiveUp(end, &own)
	}
	if told != nil {
		c.o.Logger.Warn("client: what became of a message was not told, it comes again", "id", d.ID, "topic", d.Topic, "error", errors.Join(told, err))
	}
}

// handle runs the handler; a panic is an error.
func (c *Consumer) handle(ctx context.Context, s *Serving, d *wire.Delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.o.Logger.Error("client: handler panicked", "id", d.ID, "topic", d.Topic, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("client: the handler panicked: %v", v)
		}
	}()
	return s.Handle(ctx, d)
}

// whileHeld prolongs a message's invisible time, each time at its half, until fn has returned.
func (c *Consumer) whileHeld(ctx context.Context, d *wire.Delivery, fn func() error) error {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(c.o.Invisible / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			if err := c.ChangeInvisible(context.WithoutCancel(ctx), d, c.o.Invisible); err != nil {
				c.o.Logger.Warn("client: a message may come to somebody else, since its invisible time could not be prolonged", "id", d.ID, "error", err)
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	return fn()
}
