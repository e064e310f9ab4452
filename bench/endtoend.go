package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
)

// Until every queue's messages arrive, probes are sent again after probeInterval, and then after twice as long each time,
// so that many consumers are not kept busy with them; readyLimit long.
const (
	probeInterval = 250 * time.Millisecond
	readyLimit    = time.Minute
)

// endToEnd is the mode of that name: what is sent is received, in this process, and each message's latency counts from its
// intended time to its handler.
func (r *run) endToEnd(ctx context.Context) (*Result, error) {
	queues, err := r.queueStates(ctx)
	if err != nil {
		return nil, err
	}
	from, ends := client.FromFirst, map[client.Queue]int64{}
	s := &sending{run: r, load: newLoad(&r.Config, r.topics), acked: newTally(), stamped: true}
	for _, q := range queues {
		if q.Max > 0 {
			from = client.FromTime(time.Now()) // not from the last: in a young queue that is its first message
		}
		ends[q.Queue] = q.Max
		s.acked.begin(q.Queue, q.Max)
	}
	v := newReceiving(r, ends)
	producers, err := r.producers(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.consumers(ctx, from, (*receiver).measure); err != nil {
		return nil, err
	}
	if err := v.awaitReady(ctx, producers[0], queues); err != nil {
		return nil, err
	}
	r.start()
	v.from.Store(int64(r.span.from))
	all := s.workers(producers)
	missing := func() (n int64) {
		for _, seen := range v.seen {
			n += s.acked.missing(seen)
		}
		return n
	}
	backlog := int64(0)
	err = r.observe(ctx, func(ctx context.Context) error {
		together(ctx, all)
		backlog = missing()
		v.throttle.lift()
		v.await(context.WithoutCancel(ctx), func() bool { return missing() == 0 })
		return nil
	})
	if err != nil {
		return nil, err
	}
	got, sent := merge(r.counted), merge(s.recorders)
	result := got.result(r.span.from)
	result.Latency, result.Ack = latencyOf(got.latency), latencyOf(sent.latency)
	result.Errors, result.Failed, result.Unsent = sent.kinds, sent.failed, sent.unsent
	result.Expected, _ = s.acked.counts()
	result.Expected *= int64(len(v.seen))
	result.Lost, result.Backlog = missing(), backlog
	result.Received = result.Expected - result.Lost
	for _, seen := range v.seen {
		_, again := seen.counts()
		result.Duplicates += again
	}
	return result, nil
}

// awaitReady sends a probe to each queue until one of each has been received, by every consumer that gets all: then the
// consumers have shared the queues and wait for messages.
func (v *receiving) awaitReady(ctx context.Context, p producer, queues []admin.QueueState) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	body := make([]byte, max(stampSize, v.run.Size))
	putStamp(body, v.run.number, probe)
	missing := map[client.Queue]map[int]bool{} // consumers by queue
	for _, q := range queues {
		missing[q.Queue] = map[int]bool{}
		for i := range v.seen {
			missing[q.Queue][i] = true
		}
	}
	for interval := probeInterval; ; interval *= 2 {
		again := time.After(interval)
		for q := range missing {
			if _, err := p.Send(ctx, &client.Message{Topic: v.run.Topic, Body: body, Tag: v.run.Tag}, client.ToQueue(q)); err != nil {
				return fmt.Errorf("a first message to each queue: %w", err)
			}
		}
		for wait := true; wait; {
			select {
			case got := <-v.ready:
				consumers := missing[got.queue]
				if delete(consumers, got.consumer); len(consumers) == 0 {
					delete(missing, got.queue)
				}
				if len(missing) == 0 {
					return nil
				}
			case <-again:
				wait = false
			case <-ctx.Done():
				return fmt.Errorf("the consumers of %d of %d queues received nothing: %w", len(missing), len(queues), ctx.Err())
			}
		}
	}
}
