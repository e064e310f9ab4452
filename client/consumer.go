package client

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/protocol"
)

// consumer is what both kinds of consumers are made of: a member of a group that is given queues, pulls from them, and keeps the
// group's offsets. It has one goroutine for rebalancing, one for what is periodic, and one for each queue that it holds.
type consumer struct {
	client  *Client
	log     *slog.Logger
	o       consumerOptions
	offsets offsetStore
	started time.Time

	ctx      context.Context // ends when nothing may run any more
	cancel   context.CancelFunc
	wg       sync.WaitGroup // all goroutines but handlers
	wake     chan struct{}  // rebalance now
	retrieve func(*share)   // called under mu when a queue has got something to hand out
	locks    chan struct{}  // held by who renews locks or gives them back: a renewal must not overtake a giving back
	locking  sync.WaitGroup // requests for the lock of one queue; none begins when closed
	commits  chan struct{}  // held by who tells offsets and waits: an older one must not overtake a newer
	ended    chan struct{}  // closed when Close has done its work

	mu      sync.Mutex
	subs    map[string]*subscription.Told // guarded by mu, as all below: by topic; the map is replaced, never changed
	shares  map[Queue]*share              // the queues that are ours
	leaving map[Queue]*share              // orderly: no longer ours, but a handler still works on them
	closed  bool
}

// consumerOptions are the settings that both kinds have.
type consumerOptions struct {
	group      string // with the namespace
	retryTopic string // "" when broadcasting
	active     bool   // a pull consumer
	broadcast  bool
	orderly    bool
	from       Start
	strategy   allocate.Strategy
	rebalance  time.Duration
	commit     time.Duration // 0: never by itself
	pullBatch  int
	maxCached  int
	maxSpan    int64 // 0: none
	maxBytes   int
	pullWait   time.Duration // how long a broker may hold a pull
}

const (
	lockLife     = 30 * time.Second // how long a lock is believed without renewal, as Java's clients do
	lockInterval = 20 * time.Second
	lockRetry    = 500 * time.Millisecond
)

func (c *consumer) init(client *Client, o consumerOptions) {
	c.client, c.o, c.log = client, o, client.config.Logger.With("group", client.ns.Unwrap(o.group))
	c.offsets = &brokerOffsets{client, o.group, o.from == FromLast}
	c.started = time.Now()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wake = make(chan struct{}, 1)
	c.commits = make(chan struct{}, 1)
	c.locks, c.ended = make(chan struct{}, 1), make(chan struct{})
	c.subs, c.shares, c.leaving = map[string]*subscription.Told{}, map[Queue]*share{}, map[Queue]*share{}
}

// consumerGroup is the group with its namespace.
func (c *consumer) consumerGroup() string { return c.o.group }

// heartbeat adds what brokers must know of this member.
func (c *consumer) heartbeat(h *protocol.HeartbeatData) {
	data := protocol.ConsumerData{GroupName: c.o.group, ConsumeType: protocol.ConsumePassively, MessageModel: protocol.ModelClustering,
		ConsumeFromWhere: c.o.from.Enum(), SubscriptionData: []protocol.SubscriptionData{}}
	if c.o.active {
		data.ConsumeType = protocol.ConsumeActively
	}
	if c.o.broadcast {
		data.MessageModel = protocol.ModelBroadcasting
	}
	subs := c.subscriptions()
	for _, topic := range slices.Sorted(maps.Keys(subs)) {
		data.SubscriptionData = append(data.SubscriptionData, subs[topic].Data)
	}
	h.ConsumerDataSet = append(h.ConsumerDataSet, data)
}

func (c *consumer) topicsInUse() []string { return sortedTopics(c.subscriptions()) }

func sortedTopics(subs map[string]*subscription.Told) []string { return slices.Sorted(maps.Keys(subs)) }

// subscriptions are the present ones; the map must not be changed.
func (c *consumer) subscriptions() map[string]*subscription.Told {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subs
}

func (c *consumer) routeChanged(topic string, _ *cluster.Route) {
	if c.subscriptions()[topic] != nil {
		c.kick()
	}
}

// kick has the queues shared out again soon.
func (c *consumer) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// announce makes the member known and starts its goroutines, and those of more. An error means that nothing was started. Topics that do not exist yet are
// no error: they are taken up when they appear.
func (c *consumer) announce(ctx context.Context, m member, more ...func()) error {
	for _, topic := range c.topicsInUse() {
		if _, err := c.client.cluster.Route(ctx, topic); err != nil && !isAbsent(err) {
			return err
		}
	}
	if err := c.client.register(m); err != nil {
		return err
	}
	if err := c.client.beat(ctx); err != nil {
		if ctx.Err() != nil {
			c.client.unregister(context.WithoutCancel(ctx), m)
			return err
		}
		c.log.Warn("client: not every broker knows the new consumer", "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // the client was, meanwhile
		return fmt.Errorf("client: %w", ErrClosed)
	}
	c.spawn(c.rebalanceLoop)
	c.spawn(c.tickLoop)
	for _, fn := range more {
		c.spawn(fn)
	}
	c.kick()
	return nil
}

// spawn runs fn on a goroutine that stop waits for.
func (c *consumer) spawn(fn func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		fn()
	}()
}

// tickLoop does what is periodic: offsets are told, locks renewed.
func (c *consumer) tickLoop() {
	commit := newTicker(c.o.commit)
	defer commit.Stop()
	lock := newTicker(0)
	if c.o.orderly && !c.o.broadcast {
		lock = newTicker(lockInterval)
	}
	defer lock.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-commit.C:
			c.commitSoon()
		case <-lock.C:
			c.renewLocks()
		}
	}
}

// newTicker never ticks for 0.
func newTicker(d time.Duration) *time.Ticker {
	if d > 0 {
		return time.NewTicker(d)
	}
	t := time.NewTicker(time.Hour)
	t.Stop()
	return t
}

// commitSoon tells the offsets that have moved since they were told last.
func (c *consumer) commitSoon() {
	moved := c.moved(func(s *share) int64 { return s.told })
	if len(moved) == 0 {
		return
	}
	if err := c.offsets.SaveSoon(c.ctx, moved); err != nil {
		c.forgetTold(moved)
		c.log.Warn("client: offsets not told, they will be again", "queues", len(moved), "error", err)
	}
}

// moved are the offsets that differ from what is known of before, and notes them as told.
func (c *consumer) moved(before func(*share) int64) map[Queue]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := map[Queue]int64{}
	for _, all := range [...]map[Queue]*share{c.shares, c.leaving} {
		for q, s := range all {
			if offset := s.committable(); s.begun && offset != before(s) {
				moved[q], s.told = offset, offset
			}
		}
	}
	return moved
}

func (c *consumer) forgetTold(offsets map[Queue]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for q := range offsets {
		if s := c.shares[q]; s != nil {
			s.told, s.kept = -1, -1
		}
	}
}

// commitNow tells all offsets that nobody has confirmed yet, and waits until they are kept.
func (c *consumer) commitNow(ctx context.Context) error {
	if err := takeTurn(ctx, c.commits); err != nil {
		return err
	}
	defer func() { <-c.commits }()
	moved := c.moved(func(s *share) int64 { return s.kept })
	if len(moved) == 0 {
		return nil
	}
	if err := c.offsets.Save(ctx, moved); err != nil {
		c.forgetTold(moved)
		return fmt.Errorf("client: commit offsets: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for q, offset := range moved {
		if s := c.shares[q]; s != nil && s.told == offset { // else it was moved meanwhile, or has gone on
			s.kept = offset
		}
	}
	return nil
}

// stopPulling ends the goroutines of all queues and the rebalancing; what was pulled stays for the handlers that have it.
func (c *consumer) stopPulling() (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	for _, s := range c.shares {
		s.cancel()
	}
	return true
}

func (c *consumer) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// finish commits, gives the locks back and leaves the group, at the very end. Each is short and must be done even if ctx has ended.
func (c *consumer) finish(ctx context.Context, m member) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	if c.o.commit > 0 {
		end, cancel := context.WithTimeout(ctx, queryTimeout)
		err = c.commitNow(end)
		cancel()
	}
	if c.o.orderly && !c.o.broadcast {
		c.locking.Wait() // see acquire
		end, cancel := context.WithTimeout(ctx, queryTimeout)
		c.unlockAll(end)
		cancel()
	}
	c.client.unregister(ctx, m)
	c.cancel()
	c.wg.Wait()
	return err
}

// awaitEnd waits for the Close that another goroutine has begun.
func (c *consumer) awaitEnd(ctx context.Context) error {
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("client: group %s is still being closed: %w", c.client.ns.Unwrap(c.o.group), ctx.Err())
	}
}
