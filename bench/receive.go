package bench

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// receiving is what all consumers of a run share.
type receiving struct {
	run      *run
	clients  []*client.Client // a consumer on each
	seen     []*tally         // one for all consumers; where each gets all messages, one for each
	throttle *throttle        // nil: none
	fresh    atomic.Int64     // messages received, each counted once
	first    atomic.Int64     // when the first one came, by the run's clock; 0: none yet
	from     atomic.Int64     // end to end: what was intended before is not measured
	pullers  sync.WaitGroup   // goroutines of pull consumers, which end with the context that they got
	ready    chan arrival     // end to end: gets the probes
}

// arrival is a probe that came through a queue to a consumer, by its place in seen.
type arrival struct {
	queue    client.Queue
	consumer int
}

// receiver is one client's part of it.
type receiver struct {
	*receiving
	recorder *recorder
	place    int // in seen
}

// newReceiving prepares to receive, where these queues have got messages before at all.
func newReceiving(r *run, queues map[client.Queue]int64) *receiving {
	v := &receiving{run: r, clients: r.clients, seen: make([]*tally, 1)}
	if r.Consumers > 0 {
		v.clients = r.clients[r.Connections:]
	}
	if r.Broadcast {
		v.seen = make([]*tally, len(v.clients))
	}
	for i := range v.seen {
		v.seen[i] = newTally()
		for q, end := range queues {
			v.seen[i].begin(q, end)
		}
	}
	if r.ConsumeRate > 0 {
		v.throttle = &throttle{rate: r.ConsumeRate, clock: r.clock}
	}
	v.ready = make(chan arrival, 4*len(queues)*len(v.seen))
	return v
}

// count is the handler of a backlog's messages.
func (v *receiver) count(_ context.Context, ds []*client.Delivery) error {
	now := v.run.clock.now()
	fresh := int64(0)
	for _, d := range ds {
		fresh += v.seen[v.place].add(&d.Queue, int64(d.Offset), 1)
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
			case v.ready <- arrival{d.Queue, v.place}:
			default: // probes are sent until one is taken
			}
			continue
		}
		if v.seen[v.place].add(&d.Queue, int64(d.Offset), 1) == 0 {
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
	if r.Broadcast {
		var err error
		if r.offsets, err = os.MkdirTemp("", "aerobee-bench-"); err != nil {
			return err
		}
	}
	var all recorders
	receivers := make([]*receiver, len(v.clients))
	for i := range receivers {
		receivers[i] = &receiver{receiving: v, recorder: all.of(i), place: i % len(v.seen)}
	}
	r.counted = all
	return each(len(receivers), func(i int) error {
		one, subscriptions := receivers[i], []client.Subscription{{Topic: r.Topic, Expression: "*"}}
		if r.Pull && r.Mode == Consume {
			return one.pull(ctx, v.clients[i], subscriptions)
		}
		config := client.PushConfig{Group: r.Group, Subscriptions: subscriptions, From: from,
			Concurrency: max(1, r.Threads/len(v.clients)), MaxBatch: r.Batch, Handler: func(ctx context.Context, ds []*client.Delivery) error {
				v.throttle.pass(ctx, len(ds))
				return handle(one, ctx, ds)
			}}
		if r.Broadcast {
			config.Broadcast, config.OffsetDir = true, filepath.Join(r.offsets, strconv.Itoa(i))
		}
		_, err := v.clients[i].NewPushConsumer(ctx, config)
		return err
	})
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
