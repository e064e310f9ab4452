package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
)

// A backlog is filled with batches, since how it came to be is not measured.
const (
	fillSenders    = 16
	fillBatch      = 32
	fillBatchBytes = 1 << 20
)

// consume is the mode of that name: it works off what the topic holds, as fast as it goes.
func (r *run) consume(ctx context.Context) (*Result, error) {
	backlog, err := r.backlog(ctx)
	if err != nil {
		return nil, err
	}
	total, _ := backlog.counts()
	want := total
	if r.Count > 0 {
		want = min(want, r.Count)
	}
	if want == 0 {
		return nil, fmt.Errorf("topic %s holds no message: leave the topic out to have one filled", r.Topic)
	}
	v := newReceiving(r, nil)
	r.start()
	working := ctx
	if r.Duration > 0 {
		var cancel context.CancelFunc
		working, cancel = context.WithTimeout(ctx, r.Duration)
		defer cancel()
	}
	err = r.observe(working, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer v.pullers.Wait()
		defer cancel()
		if err := v.consumers(ctx, client.FromFirst, (*receiver).count); err != nil {
			return err
		}
		v.await(ctx, func() bool { return v.fresh.Load() >= want })
		return nil
	})
	if err != nil {
		return nil, err
	}
	sum := merge(r.counted)
	result := sum.result(time.Duration(v.first.Load()))
	_, result.Duplicates = v.seen[0].counts()
	if working.Err() == nil { // else it ended early, because it had to
		result.Expected, result.Received = want, min(want, v.fresh.Load())
		result.Lost = result.Expected - result.Received
	}
	return result, nil
}

// backlog is what the topic holds. A topic that the run made is filled first.
func (r *run) backlog(ctx context.Context) (*tally, error) {
	all := newTally()
	made := len(r.made) > 0
	if made {
		if err := r.fill(ctx, all); err != nil {
			return nil, fmt.Errorf("filling the backlog: %w", err)
		}
	}
	queues, err := r.queueStates(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		if !made {
			all.begin(q.Queue, q.Min)
		}
		all.add(&q.Queue, q.Min, int(q.Max-q.Min))
	}
	return all, nil
}

// fill sends the messages that the run consumes then. Each must be acknowledged.
func (r *run) fill(ctx context.Context, acked *tally) error {
	filling := *r.fillConfig()
	f := &run{Config: filling, number: r.number, clock: r.clock, admin: r.admin, clients: r.clients[:1], topics: r.topics}
	producers, err := f.producers(ctx)
	if err != nil {
		return err
	}
	s := &sending{run: f, load: newLoad(&filling, r.topics), acked: acked}
	f.start()
	together(ctx, s.workers(producers))
	sum := merge(s.recorders)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if sum.failed > 0 {
		return fmt.Errorf("%d of %d messages failed: %v", sum.failed, r.Count, sum.kinds)
	}
	return nil
}

func (r *run) fillConfig() *Config {
	c := r.Config
	c.Mode, c.Connections, c.Threads, c.Window, c.Rate, c.Duration, c.WarmUp, c.OneWay = Send, 1, fillSenders, 0, 0, 0, 0, false
	c.Batch = max(1, min(fillBatch, fillBatchBytes/(c.Size+1)))
	return &c
}

// pull consumes with a PullConsumer on a goroutine that ends with ctx.
func (v *receiver) pull(ctx context.Context, c *client.Client, subscriptions []client.Subscription) error {
	p, err := c.NewPullConsumer(ctx, client.PullConfig{Group: v.run.Group, Subscriptions: subscriptions, From: client.FromFirst})
	if err != nil {
		return err
	}
	v.pullers.Go(func() {
		for ctx.Err() == nil {
			ds, err := p.Poll(ctx)
			if err != nil && ctx.Err() == nil {
				v.recorder.fail(err, 0)
				v.run.clock.sleep(failurePause)
			}
			v.throttle.pass(ctx, len(ds))
			_ = v.count(ctx, ds) // never fails
		}
	})
	return nil
}

// queueStates are the topic's queues now.
func (r *run) queueStates(ctx context.Context) ([]admin.QueueState, error) {
	state, err := r.admin.Topic(ctx, r.Topic)
	return state.Queues, err
}
