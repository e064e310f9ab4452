package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/internal/fifo"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// PullConfig configures a [PullConsumer]. Group must be given.
type PullConfig struct {
	Group string
	// Subscriptions are shared with the other members of the group. Without any, queues are taken with [PullConsumer.Assign].
	Subscriptions []Subscription

	From     Start             // where a new group begins; default FromLast
	Strategy allocate.Strategy // how members share queues; all of a group must have the same. Default allocate.Averagely

	PullBatch      int // messages asked for at once, and the most that one Poll returns; default 32
	MaxCached      int // messages that each queue may have waiting here; default 1000
	MaxCachedBytes int // what waits here, of all queues together; default 64 MiB

	// CommitInterval is how often it is told how far the group has come; default 5 s. Below 0 only [PullConsumer.Commit] tells it.
	CommitInterval    time.Duration
	RebalanceInterval time.Duration // how often queues are shared out without a reason; default 20 s
}

// PullConsumer has messages fetched ahead and gives them out when it is asked. See [Client.NewPullConsumer]. Its methods are safe to
// call at once, but the messages of one Poll count as handled when the next one is called, by whomever: one goroutine polls.
type PullConsumer struct {
	consumer
	arrived chan struct{} // there may be something to give out

	// Guarded by consumer.mu:
	queue    fifo.Queue[*share] // those that have something to hand out
	out      []*Delivery        // what the last Poll gave out
	outOf    *share
	assigned bool // by Assign
}

// NewPullConsumer starts a consumer that is asked for messages. ctx bounds the start only. A client can have one consumer of a group
// ([ErrExists]).
func (c *Client) NewPullConsumer(ctx context.Context, config PullConfig) (*PullConsumer, error) {
	if err := cluster.CheckName("group", config.Group, false); err != nil {
		return nil, err
	}
	p := &PullConsumer{arrived: make(chan struct{}, 1)}
	commit := config.CommitInterval
	if commit == 0 {
		commit = defaultCommit
	}
	strategy := config.Strategy
	if strategy == nil {
		strategy = allocate.Averagely{}
	}
	p.init(c, consumerOptions{group: c.ns.Wrap(config.Group), active: true, from: config.From, strategy: strategy, commit: max(commit, 0),
		rebalance: orDefault(config.RebalanceInterval, defaultRebalance), pullBatch: min(orDefault(config.PullBatch, defaultPullBatch), maxPullBatch),
		maxCached: orDefault(config.MaxCached, defaultMaxCached), maxBytes: orDefault(config.MaxCachedBytes, defaultCacheBytes), pullWait: brokerHolds})
	p.retrieve = p.offerLocked
	err := p.subscribeAll(config.Subscriptions)
	if err == nil {
		err = p.announce(ctx, p)
	}
	if err != nil {
		p.cancel()
		return nil, err
	}
	return p, nil
}

// topicsInUse are those of assigned queues, too.
func (p *PullConsumer) topicsInUse() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	topics := slices.Collect(maps.Keys(p.subs))
	for q := range p.shares {
		topics = append(topics, q.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

func (p *PullConsumer) offerLocked(s *share) {
	if s.listed || s.dropped || s.paused || !s.pq.Waiting() {
		return
	}
	s.listed = true
	p.queue.Push(s)
	p.signal()
}

func (p *PullConsumer) signal() {
	select {
	case p.arrived <- struct{}{}:
	default:
	}
}

// Subscribe replaces the subscriptions.
func (p *PullConsumer) Subscribe(ctx context.Context, subs ...Subscription) error {
	p.mu.Lock()
	assigned := p.assigned
	p.mu.Unlock()
	if assigned {
		return fmt.Errorf("client: queues were assigned: a consumer has either these or subscriptions: %w", ErrIllegal)
	}
	if err := p.open(); err != nil {
		return err
	}
	if err := p.subscribeAll(subs); err != nil {
		return err
	}
	err := p.client.beat(ctx)
	p.kick()
	return err
}

// Queues are the queues of a topic that can be assigned.
func (p *PullConsumer) Queues(ctx context.Context, topic string) ([]Queue, error) {
	r, err := p.client.cluster.Route(ctx, p.client.ns.Wrap(topic))
	if err != nil {
		return nil, err
	}
	queues := slices.Clone(r.Readable)
	for i := range queues {
		queues[i].Topic = topic
	}
	return queues, nil
}

// Assign takes the given queues, instead of those assigned before, whoever else is in the group. Queues that stay go on where they are.
func (p *PullConsumer) Assign(ctx context.Context, queues ...Queue) error {
	lost := map[Queue]int64{}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return p.open()
	}
	if len(p.subs) > 0 {
		p.mu.Unlock()
		return fmt.Errorf("client: there are subscriptions: a consumer has either these or assigned queues: %w", ErrIllegal)
	}
	p.assigned = true
	wanted := map[Queue]bool{}
	for _, q := range queues {
		q.Topic = p.client.ns.Wrap(q.Topic)
		wanted[q] = true
	}
	for q, s := range p.shares {
		if !wanted[q] {
			p.dropLocked(s, lost)
		}
	}
	for q := range wanted {
		if p.shares[q] != nil {
			continue
		}
		sub, err := subscribe(q.Topic, Subscription{Topic: q.Topic}, time.Now())
		if err != nil {
			p.mu.Unlock()
			return err
		}
		p.beginLocked(q, sub).assigned = true
	}
	p.mu.Unlock()
	p.saveDropped(lost)
	return p.client.beat(ctx)
}

func (p *PullConsumer) open() error {
	if p.isClosed() {
		return fmt.Errorf("client: pull consumer of group %s: %w", p.client.ns.Unwrap(p.o.group), ErrClosed)
	}
	return nil
}

// Poll returns messages of one queue, as soon as there are any; the queues take turns. It tells the consumer that those of the Poll before
// have been handled. Errors: ctx's, or [ErrClosed].
func (p *PullConsumer) Poll(ctx context.Context) ([]*Delivery, error) {
	for {
		ds, err := p.next()
		if ds != nil || err != nil {
			return ds, err
		}
		select {
		case <-p.arrived:
		case <-p.ctx.Done():
			return nil, p.open()
		case <-ctx.Done():
			return nil, fmt.Errorf("client: poll: %w", ctx.Err())
		}
	}
}

// next settles what was given out before and takes the next messages, nil if there are none.
func (p *PullConsumer) next() ([]*Delivery, error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settleLocked()
	for {
		s := p.queue.Pop()
		if s == nil {
			return nil, nil
		}
		s.listed = false
		if s.dropped || s.paused {
			continue
		}
		ds := p.readable(s, s.pq.Take(p.o.pullBatch))
		p.offerLocked(s)
		if len(ds) > 0 {
			p.out, p.outOf = ds, s
			s.lastHandled = time.Now()
			if !p.queue.Empty() {
				p.signal() // for another who polls
			}
			return wire.HandOut(ds), nil
		}
	}
}

// readable keeps back what cannot be read: it is passed over, with an error in the log.
func (p *PullConsumer) readable(s *share, ds []*Delivery) []*Delivery {
	bad := func(d *Delivery) bool { return wire.Broken(d) != nil }
	if !slices.ContainsFunc(ds, bad) {
		return ds
	}
	for _, d := range ds {
		if bad(d) {
			p.log.Error("client: a message's body cannot be read, it is passed over", "id", d.ID, "topic", d.Topic, "error", wire.Broken(d))
			s.pq.Finish(d)
		}
	}
	return slices.DeleteFunc(slices.Clone(ds), bad)
}

// settleLocked counts what was given out as handled.
func (p *PullConsumer) settleLocked() {
	if p.outOf == nil {
		return
	}
	for _, d := range p.out {
		p.outOf.pq.Finish(d)
	}
	p.outOf.roomMadeLocked()
	p.out, p.outOf = nil, nil
}

// Commit counts what Poll has returned as handled, tells how far the group has come, and returns when the brokers have that.
func (p *PullConsumer) Commit(ctx context.Context) error {
	if err := p.open(); err != nil {
		return err
	}
	p.mu.Lock()
	p.settleLocked()
	p.mu.Unlock()
	return p.commitNow(ctx)
}

// Assignment are the queues that this member has now, sorted.
func (p *PullConsumer) Assignment() []Queue {
	p.mu.Lock()
	queues := slices.Collect(maps.Keys(p.shares))
	p.mu.Unlock()
	slices.SortFunc(queues, allocate.Queue.Compare)
	for i := range queues {
		queues[i].Topic = p.client.ns.Unwrap(queues[i].Topic)
	}
	return queues
}

// each calls fn under the lock for the queues' shares, or for all if there are none. It fails, before any call, if one is not ours.
func (p *PullConsumer) each(queues []Queue, fn func(*share)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*share
	for _, q := range queues {
		own := q
		own.Topic = p.client.ns.Wrap(q.Topic)
		s := p.shares[own]
		if s == nil {
			return fmt.Errorf("client: %s is not of this consumer: %w", q.String(), ErrIllegal)
		}
		all = append(all, s)
	}
	if len(queues) == 0 {
		all = slices.Collect(maps.Values(p.shares))
	}
	for _, s := range all {
		fn(s)
	}
	return nil
}

// Pause keeps queues from being polled until [PullConsumer.Resume]; none given means all that the consumer has now.
func (p *PullConsumer) Pause(queues ...Queue) error {
	return p.each(queues, func(s *share) { s.paused = true })
}

// Resume ends a pause.
func (p *PullConsumer) Resume(queues ...Queue) error {
	return p.each(queues, func(s *share) {
		s.paused = false
		p.offerLocked(s)
		s.poke()
	})
}

// Seek goes on in a queue with the message of that offset. What was fetched is forgotten; what Poll has returned no longer counts.
func (p *PullConsumer) Seek(q Queue, offset message.QueueOffset) error {
	if offset < 0 {
		return fmt.Errorf("client: seek to offset %d: %w", offset, ErrIllegal)
	}
	return p.each([]Queue{q}, func(s *share) { s.moveLocked(int64(offset)) })
}

// SeekToBegin goes on with the first message of each queue that the broker has; no queue given means all that the consumer has now.
func (p *PullConsumer) SeekToBegin(ctx context.Context, queues ...Queue) error {
	return p.seek(ctx, queues, p.client.bound(protocol.ReqGetMinOffset))
}

// SeekToEnd goes on behind the last message.
func (p *PullConsumer) SeekToEnd(ctx context.Context, queues ...Queue) error {
	return p.seek(ctx, queues, p.client.bound(protocol.ReqGetMaxOffset))
}

// SeekToTime goes on with the first message that was stored at t or later.
func (p *PullConsumer) SeekToTime(ctx context.Context, t time.Time, queues ...Queue) error {
	return p.seek(ctx, queues, func(ctx context.Context, q Queue) (int64, error) { return p.client.offsetAt(ctx, q, t) })
}

func (p *PullConsumer) seek(ctx context.Context, queues []Queue, find func(context.Context, Queue) (int64, error)) error {
	if len(queues) == 0 {
		queues = p.Assignment()
	}
	var errs []error
	for _, q := range queues {
		own := q
		own.Topic = p.client.ns.Wrap(q.Topic)
		offset, err := find(ctx, own)
		if err == nil {
			err = p.Seek(q, message.QueueOffset(offset))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Close tells how far the group has come and leaves it, so that the other members go on at once. What the last Poll returned comes again,
// unless [PullConsumer.Commit] was called. Calling it again waits for the first call and returns nil.
func (p *PullConsumer) Close(ctx context.Context) error {
	if !p.stopPulling() {
		return p.awaitEnd(ctx)
	}
	defer close(p.ended)
	return p.finish(ctx, p)
}
