package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// receiving is what all consumers of a run share.
type receiving struct {
	run     *run
	seen    *tally
	fresh   atomic.Int64      // messages received, each counted once
	first   atomic.Int64      // when the first one came, by the run's clock; 0: none yet
	from    atomic.Int64      // end to end: what was intended before is not measured
	pullers sync.WaitGroup    // goroutines of pull consumers, which end with the context that they got
	ready   chan client.Queue // end to end: gets the queue of each probe
}

// receiver is one client's part of it.
type receiver struct {
	*receiving
	recorder *recorder
}

// count is the handler of a backlog's messages.
func (v *receiver) count(_ context.Context, ds []*client.Delivery) error {
	now := v.run.clock.now()
	fresh := int64(0)
	for _, d := range ds {
		fresh += v.seen.add(&d.Queue, int64(d.Offset), 1)
	}
	if v.first.Load() == 0 {
		v.first.CompareAndSwap(0, int64(now))
	}
	v.recorder.received(now, fresh)
	v.fresh.Add(fresh)
	return nil
}

// probe stands in the stamp of a message that asks whether its queue is being consumed.
const probe = time.Duration(-1)

// measure is the handler of messages that this run sends: their latency ends here.
func (v *receiver) measure(_ context.Context, ds []*client.Delivery) error {
	now := v.run.clock.now()
	for _, d := range ds {
		intended, ours := stampOf(d.Body, v.run.number)
		if !ours {
			continue
		}
		if intended == probe {
			select {
			case v.ready <- d.Queue:
			default: // probes are sent until one is taken
			}
			continue
		}
		if v.seen.add(&d.Queue, int64(d.Offset), 1) == 0 {
			continue
		}
		v.fresh.Add(1)
		v.recorder.succeeded(intended, now, 1, int64(intended) >= v.from.Load())
	}
	return nil
}

// consumers starts one consumer on each client; closing the client ends it.
func (v *receiving) consumers(ctx context.Context, from client.Start, handle func(*receiver, context.Context, []*client.Delivery) error) error {
	r := v.run
	for _, c := range r.clients {
		one := &receiver{receiving: v, recorder: newRecorder()}
		r.counted = append(r.counted, one.recorder)
		subscriptions := []client.Subscription{{Topic: r.Topic, Expression: "*"}}
		if r.Pull && r.Mode == Consume {
			if err := one.pull(ctx, c, subscriptions); err != nil {
				return err
			}
			continue
		}
		handler := func(ctx context.Context, ds []*client.Delivery) error { return handle(one, ctx, ds) }
		_, err := c.NewPushConsumer(ctx, client.PushConfig{Group: r.Group, Subscriptions: subscriptions, From: from,
			Concurrency: max(1, r.Threads/len(r.clients)), MaxBatch: r.Batch, Handler: handler})
		if err != nil {
			return err
		}
	}
	return nil
}

// look is how often a run looks whether everything has come.
const look = 20 * time.Millisecond

// await returns when done says so, when nothing has come for the run's patience, or when ctx or the run ends.
func (v *receiving) await(ctx context.Context, done func() bool) {
	quiet, before := v.run.clock.now(), v.fresh.Load()
	for !done() && after(ctx, look) {
		now, count := v.run.clock.now(), v.fresh.Load()
		if count != before {
			quiet, before = now, count
		}
		if now-quiet > v.run.Patience {
			return
		}
	}
}
