package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/protocol"
)

// firstRetry is after what time an unsettled rebalance is tried again; the time doubles up to the normal interval.
const firstRetry = 500 * time.Millisecond

func isAbsent(err error) bool { return errors.Is(err, ErrTopicNotFound) }

// rebalanceLoop shares out the queues every 20 s, and at once when the group or a route has changed.
func (c *consumer) rebalanceLoop() {
	timer := time.NewTimer(c.o.rebalance)
	defer timer.Stop()
	retry := firstRetry
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		next := c.o.rebalance
		if c.rebalance(c.ctx) {
			retry = firstRetry
		} else {
			next, retry = min(retry, next), min(2*retry, c.o.rebalance)
		}
		timer.Reset(next)
	}
}

// rebalance asks who is in the group and takes this member's share of every topic. settled is false when something could not be
// found out or taken yet.
func (c *consumer) rebalance(ctx context.Context) (settled bool) {
	settled = true
	members := map[string][]string{} // by broker address
	subs := c.subscriptions()
	for _, topic := range slices.Sorted(maps.Keys(subs)) {
		if c.isClosed() {
			return true
		}
		mine, err := c.myQueues(ctx, topic, members)
		switch {
		case err == nil:
			settled = c.take(topic, subs[topic], mine) && settled
		case isAbsent(err):
			c.take(topic, subs[topic], nil)
			settled = false
		default:
			settled = false
			if ctx.Err() == nil {
				c.log.Warn("client: queues not shared out, what was is kept", "topic", c.client.ns.Unwrap(topic), "error", err)
			}
		}
	}
	c.dropOthers(subs)
	return settled
}

// myQueues is this member's share of a topic.
func (c *consumer) myQueues(ctx context.Context, topic string, members map[string][]string) ([]Queue, error) {
	r, err := c.client.cluster.Route(ctx, topic)
	if err != nil {
		return nil, err
	}
	if c.o.broadcast || len(r.Readable) == 0 {
		return r.Readable, nil
	}
	ids, err := c.members(ctx, r, members)
	if err != nil {
		return nil, err
	}
	queues := slices.Clone(r.Readable)
	slices.SortFunc(queues, allocate.Queue.Compare)
	return c.o.strategy.Allocate(c.client.id, queues, ids)
}

// members asks a broker of the topic who is in the group, sorted. A broker that does not know us yet is told first: else the others
// would keep our share from us.
func (c *consumer) members(ctx context.Context, r *cluster.Route, known map[string][]string) ([]string, error) {
	addr, err := anyBroker(r)
	if err != nil {
		return nil, err
	}
	if ids := known[addr]; ids != nil {
		return ids, nil
	}
	ids, err := c.askMembers(ctx, addr)
	if err == nil && !slices.Contains(ids, c.client.id) || isRefusal(err) {
		if err := c.client.beat(ctx); err != nil {
			return nil, err
		}
		ids, err = c.askMembers(ctx, addr)
	}
	if err != nil {
		return nil, err
	}
	known[addr] = ids
	return ids, nil
}

func isRefusal(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal)
}

func (c *consumer) askMembers(ctx context.Context, addr string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	f := protocol.Frame{Code: protocol.ReqGetConsumerListByGroup}
	header := protocol.ConsumerGroupHeader{ConsumerGroup: c.o.group}
	header.Append(&f.Fields)
	answer, err := c.client.ask(ctx, addr, &f)
	if err != nil {
		return nil, err
	}
	var list protocol.ConsumerIDList
	if err := protocol.UnmarshalBody(answer.Body, &list); err != nil {
		return nil, fmt.Errorf("client: members of the group: %w", err)
	}
	slices.Sort(list.ConsumerIDs)
	return slices.Compact(list.ConsumerIDs), nil
}

// anyBroker is the address of one of the topic's brokers, of a master if there is one.
func anyBroker(r *cluster.Route) (string, error) {
	for _, id := range [...]int64{protocol.MasterID, 1} {
		for name := range r.Brokers { // in no order: the load spreads
			if addr, ok := r.Addr(name, id); ok {
				return addr, nil
			}
		}
	}
	return "", fmt.Errorf("client: no broker of topic %s has an address: %w", r.Topic, ErrNoRoute)
}

// take makes the given queues of a topic ours, and gives up those that are not. settled is false when one cannot be begun yet.
func (c *consumer) take(topic string, sub *subscription.Told, mine []Queue) (settled bool) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return true
	}
	lost := map[Queue]int64{}
	for q, s := range c.shares {
		if q.Topic == topic && !slices.Contains(mine, q) {
			c.dropLocked(s, lost)
		}
	}
	settled = true
	gained := 0
	for _, q := range mine {
		switch {
		case c.shares[q] != nil:
			c.shares[q].sub = sub
		case c.leaving[q] != nil:
			settled = false
		default:
			c.beginLocked(q, sub)
			gained++
		}
	}
	dropped := len(lost)
	c.mu.Unlock()
	c.saveDropped(lost)
	if gained+dropped > 0 {
		c.log.Debug("client: queues shared out", "topic", topic, "queues", len(mine), "new", gained, "given up", dropped)
	}
	return settled
}

// dropOthers gives up the queues of topics that are no longer subscribed.
func (c *consumer) dropOthers(subs map[string]*subscription.Told) {
	lost := map[Queue]int64{}
	c.mu.Lock()
	for q, s := range c.shares {
		if subs[q.Topic] == nil && !s.assigned {
			c.dropLocked(s, lost)
		}
	}
	c.mu.Unlock()
	c.saveDropped(lost)
}

// dropLocked gives a queue up. Its offset goes to lost, to be told at once, unless a handler works on an ordered queue or its lock is
// being asked for: then the end of that tells it and gives the lock back.
func (c *consumer) dropLocked(s *share, lost map[Queue]int64) {
	delete(c.shares, s.queue)
	s.dropped = true
	s.cancel()
	if c.o.orderly && (s.running > 0 || s.acquiring) {
		c.leaving[s.queue] = s
		return
	}
	if s.begun || !s.lockedAt.IsZero() {
		lost[s.queue] = s.lastOffset()
	}
	s.pq.Empty(s.pq.Next)
}

// lastOffset is what is told of a queue that is given up, -1 for nothing: without a lock another member may have gone on.
func (s *share) lastOffset() int64 {
	if !s.begun {
		return -1
	}
	return s.committable()
}

// saveDropped tells the offsets of queues that were given up. Ordered queues are unlocked behind it, so that the next owner finds the
// offset. Who commits by hand has said all that is to be told.
func (c *consumer) saveDropped(lost map[Queue]int64) {
	if len(lost) == 0 || c.o.commit == 0 {
		return
	}
	locked := c.o.orderly && !c.o.broadcast
	queues := slices.Collect(maps.Keys(lost))
	maps.DeleteFunc(lost, func(_ Queue, offset int64) bool { return offset < 0 })
	var err error
	if locked {
		err = c.offsets.Save(c.ctx, lost)
		if c.takeLocks() {
			c.unlock(c.ctx, queues)
			<-c.locks
		}
	} else {
		err = c.offsets.SaveSoon(c.ctx, lost)
	}
	if err != nil && c.ctx.Err() == nil {
		c.log.Warn("client: offsets of queues given up were not told: messages will come again", "queues", len(lost), "error", err)
	}
}

// takeLocks waits for the turn to talk about locks, until the consumer has ended.
func (c *consumer) takeLocks() bool { return takeTurn(c.ctx, c.locks) == nil }

// leftLocked is called when what has kept a queue in leaving may have ended: its last handler, or the asking for its lock.
func (c *consumer) leftLocked(s *share) {
	if c.leaving[s.queue] != s || s.running > 0 || s.acquiring {
		return
	}
	lost := map[Queue]int64{s.queue: s.lastOffset()}
	s.pq.Empty(s.pq.Next)
	c.spawn(func() {
		c.saveDropped(lost)
		c.mu.Lock()
		delete(c.leaving, s.queue)
		c.mu.Unlock()
		c.kick() // the queue may be ours again
	})
}

// unlock gives queues back to the brokers that locked them for us.
func (c *consumer) unlock(ctx context.Context, queues []Queue) {
	eachBroker(queues, func(part []Queue) {
		f := protocol.Frame{Code: protocol.ReqUnlockBatchMQ, Body: c.lockBody(part)}
		if _, err := c.client.askQueue(ctx, part[0], &f); err != nil && c.ctx.Err() == nil {
			c.log.Warn("client: queues not unlocked, their locks run out", "broker", part[0].BrokerName, "queues", len(part), "error", err)
		}
	})
}

func (c *consumer) lockBody(queues []Queue) []byte {
	return protocol.MarshalBody(protocol.LockBatchRequest{ClientID: c.client.id, ConsumerGroup: c.o.group, Queues: queues})
}

// eachBroker calls fn with the queues of each broker, for all brokers at once so that none waits for one that does not answer, and
// returns when all calls have.
func eachBroker(queues []Queue, fn func(part []Queue)) {
	parts := map[string][]Queue{}
	for _, q := range queues {
		parts[q.BrokerName] = append(parts[q.BrokerName], q)
	}
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() { fn(part) })
	}
	wg.Wait()
}

// lock asks a broker to lock queues of its own for us, and returns those that are.
func (c *consumer) lock(ctx context.Context, queues []Queue) ([]Queue, error) {
	f := protocol.Frame{Code: protocol.ReqLockBatchMQ, Body: c.lockBody(queues)}
	answer, err := c.client.askQueue(ctx, queues[0], &f)
	if err != nil {
		return nil, err
	}
	var locked protocol.LockBatchResponse
	if err := protocol.UnmarshalBody(answer.Body, &locked); err != nil {
		return nil, fmt.Errorf("client: locked queues: %w", err)
	}
	return locked.Locked, nil
}

// renewLocks renews the locks of all ordered queues. One that is lost to another member is no longer handled until it is ours again.
func (c *consumer) renewLocks() {
	if !c.takeLocks() {
		return
	}
	defer func() { <-c.locks }()
	c.mu.Lock()
	var queues []Queue
	for _, all := range [...]map[Queue]*share{c.shares, c.leaving} {
		for q, s := range all {
			if !s.lockedAt.IsZero() {
				queues = append(queues, q)
			}
		}
	}
	c.mu.Unlock()
	eachBroker(queues, c.renew)
}

// renew renews the locks of queues of one broker.
func (c *consumer) renew(part []Queue) {
	asked := time.Now()
	locked, err := c.lock(c.ctx, part)
	if err != nil {
		if c.ctx.Err() == nil {
			c.log.Warn("client: locks not renewed", "broker", part[0].BrokerName, "queues", len(part), "error", err)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range part {
		s := c.shares[q]
		if s == nil || s.lockedAt.IsZero() {
			continue
		}
		if slices.Contains(locked, q) {
			s.lockedAt = asked
		} else {
			c.log.Warn("client: the lock of an ordered queue was lost", "queue", q.String())
			s.unlockedLocked()
		}
	}
}

// unlockAll gives back every lock at the end.
func (c *consumer) unlockAll(ctx context.Context) {
	if !c.takeLocks() {
		return
	}
	defer func() { <-c.locks }()
	c.mu.Lock()
	var queues []Queue
	for q, s := range c.shares { // those too whose lock was being asked for
		queues = append(queues, q)
		s.lockedAt = time.Time{} // no more renewals
	}
	for q := range c.leaving {
		queues = append(queues, q)
	}
	c.mu.Unlock()
	c.unlock(ctx, queues)
}
