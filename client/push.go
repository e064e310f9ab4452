package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/identity"
	"github.com/aerobee-mq/aerobee/client/localoffset"
	"github.com/aerobee-mq/aerobee/client/running"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/internal/fifo"
	"github.com/aerobee-mq/aerobee/message"
)

// Handler handles messages. An error, or a panic, means that all of them failed; a [*RetryError] can say more. A message that failed
// comes again later, to any member of the group: after 10 s, then 30 s, 1 m, …, and goes to the dead letter topic %DLQ%group when it has
// failed too often. With an ordered consumer the queue waits and the same messages come again at once. ctx ends when the consumer
// is closed and its time to do so has run out. The list is the handler's, the deliveries in it are not to be changed.
type Handler func(ctx context.Context, ds []*Delivery) error

// RetryError is an error of a [Handler] that says how to go on.
type RetryError struct {
	Err        error       // why
	DelayLevel int         // when to try again: one of the broker's levels; 0 lets the broker choose, below 0 gives the message up into the dead letter topic
	Failed     []*Delivery // which of the messages; nil: all. Not with an ordered consumer
}

// Error is the reason's text.
func (e *RetryError) Error() string {
	if e.Err == nil {
		return "handling failed"
	}
	return e.Err.Error()
}

// Unwrap is the reason.
func (e *RetryError) Unwrap() error { return e.Err }

// PushConfig configures a [PushConsumer]. Group, Subscriptions and Handler must be given.
type PushConfig struct {
	Group         string
	Subscriptions []Subscription
	Handler       Handler

	// Orderly handles each queue's messages strictly one after the other, in order. Only one member of the group, in any
	// language, works on a queue at a time.
	Orderly bool
	// Broadcast gives every member all messages. The offsets are kept on this host, in OffsetDir, and what fails does not come again.
	Broadcast bool

	From     Start             // where a new group begins; default FromLast
	Strategy allocate.Strategy // how members share queues; all of a group must have the same. Default allocate.Averagely

	Concurrency    int // handlers at once; default 20
	MaxBatch       int // messages for one call of Handler, at most; default 1
	PullBatch      int // messages asked for at once; default 32, which is the most that brokers give by default
	MaxCached      int // messages that each queue may have waiting here; default 1000
	MaxCachedBytes int // what waits here, of all queues together; default 64 MiB

	// RetryDelays are how long a message that failed waits before it comes again: the first time, the second, …; the last one serves for all beyond.
	// Brokers know delay levels only, so it is the next longer one (1s 5s 10s 30s 1m … 10m 20m 30m 1h 2h); an ordered queue waits exactly
	// so long, up to 30 s. Default: as the broker does, 10 s, 30 s, 1 m, …; ordered: SuspendTime.
	RetryDelays       []time.Duration
	MaxReconsumeTimes int           // how often a message comes again before it is given up; default 16, ordered: without end. Below 0: never
	SuspendTime       time.Duration // how long an ordered queue waits after a failure; default 1 s, 10 ms to 30 s
	HandleTimeout     time.Duration // after this a message that a handler still has is put to come again, so that the queue's offset can move on; default 15 min. Not when ordered

	CommitInterval    time.Duration // how often offsets are told; default 5 s
	RebalanceInterval time.Duration // how often queues are shared out without a reason; default 20 s

	// OffsetDir is where a broadcasting consumer keeps its offsets, in <OffsetDir>/<group>/offsets.json. Default: a directory of the host
	// and, if it was given, [Config.InstanceName] in .rocketmq_offsets in the user's home, as Java's clients have it.
	OffsetDir string
}

// PushConsumer has messages handled as they come. See [Client.NewPushConsumer].
type PushConsumer struct {
	consumer
	config PushConfig
	max    int // reconsume times

	workers  sync.WaitGroup // goroutines that run handlers
	handling context.Context
	cut      context.CancelFunc // ends handling

	// Guarded by consumer.mu:
	queue  fifo.Queue[*share] // those that have something to hand out
	pacer  pacer
	stop   bool // no more handlers
	result running.Counts
}

const (
	defaultConcurrency = 20
	defaultPullBatch   = 32
	defaultMaxCached   = 1000
	defaultCacheBytes  = 64 << 20
	defaultMaxSpan     = 2000 // as Java: a message that is stuck lets so many behind it go
	defaultReconsume   = 16
	defaultCommit      = 5 * time.Second
	defaultRebalance   = 20 * time.Second
	defaultSuspend     = time.Second
	shortestSuspend    = 10 * time.Millisecond
	longestSuspend     = 30 * time.Second
	defaultHandle      = 15 * time.Minute
	brokerHolds        = 15 * time.Second // a pull, as Java's clients ask
	maxPullBatch       = 1024
)

func orDefault[T int | time.Duration](v, by T) T {
	if v <= 0 {
		return by
	}
	return v
}

func (p PushConfig) withDefaults() PushConfig {
	p.Concurrency, p.MaxBatch = orDefault(p.Concurrency, defaultConcurrency), orDefault(p.MaxBatch, 1)
	p.PullBatch = min(orDefault(p.PullBatch, defaultPullBatch), maxPullBatch)
	p.MaxCached, p.MaxCachedBytes = orDefault(p.MaxCached, defaultMaxCached), orDefault(p.MaxCachedBytes, defaultCacheBytes)
	p.SuspendTime = min(max(orDefault(p.SuspendTime, defaultSuspend), shortestSuspend), longestSuspend)
	p.HandleTimeout, p.CommitInterval = orDefault(p.HandleTimeout, defaultHandle), orDefault(p.CommitInterval, defaultCommit)
	p.RebalanceInterval = orDefault(p.RebalanceInterval, defaultRebalance)
	if p.Strategy == nil {
		p.Strategy = allocate.Averagely{}
	}
	return p
}

// reconsumeTimes is how often a message may fail before it is given up.
func (p *PushConfig) reconsumeTimes() int {
	switch {
	case p.MaxReconsumeTimes < 0:
		return 0
	case p.MaxReconsumeTimes > 0:
		return p.MaxReconsumeTimes
	case p.Orderly:
		return 1<<31 - 1
	}
	return defaultReconsume
}

// NewPushConsumer starts a consumer: it makes it known to the brokers and begins to pull. Topics that do not exist yet are taken up when
// they appear. ctx bounds the start only. A client can have one consumer of a group ([ErrExists]).
func (c *Client) NewPushConsumer(ctx context.Context, config PushConfig) (*PushConsumer, error) {
	config = config.withDefaults()
	if config.Handler == nil {
		return nil, fmt.Errorf("client: a push consumer needs a Handler: %w", ErrIllegal)
	}
	if len(config.Subscriptions) == 0 {
		return nil, fmt.Errorf("client: a push consumer needs Subscriptions: %w", ErrIllegal)
	}
	if err := cluster.CheckName("group", config.Group, false); err != nil {
		return nil, err
	}
	p := &PushConsumer{config: config, max: config.reconsumeTimes()}
	group := c.ns.Wrap(config.Group)
	o := consumerOptions{group: group, broadcast: config.Broadcast, orderly: config.Orderly, from: config.From, strategy: config.Strategy,
		rebalance: config.RebalanceInterval, commit: config.CommitInterval, pullBatch: config.PullBatch, maxCached: config.MaxCached,
		maxBytes: config.MaxCachedBytes, pullWait: brokerHolds}
	if !config.Orderly {
		o.maxSpan = defaultMaxSpan
	}
	if !config.Broadcast {
		o.retryTopic = message.RetryTopic(group)
	}
	p.init(c, o)
	p.retrieve = p.offerLocked
	p.handling, p.cut = context.WithCancel(context.Background())
	p.pacer.init(p)
	err := p.subscribeAll(config.Subscriptions)
	if err == nil && config.Broadcast {
		err = p.keepLocally()
	}
	var more []func()
	if !config.Orderly {
		more = append(more, p.expireLoop)
	}
	if err == nil {
		err = p.announce(ctx, p, more...)
	}
	if err != nil {
		p.cancel()
		p.cut()
		return nil, err
	}
	return p, nil
}

// readSubscriptions reads subscriptions, by topic with its namespace.
func (c *Client) readSubscriptions(list []Subscription) (map[string]*subscription.Told, error) {
	subs := map[string]*subscription.Told{}
	for _, s := range list {
		if err := cluster.CheckName("topic", s.Topic, false); err != nil {
			return nil, err
		}
		topic := c.ns.Wrap(s.Topic)
		if subs[topic] != nil {
			return nil, fmt.Errorf("client: topic %s is subscribed twice: %w", s.Topic, ErrIllegal)
		}
		sub, err := subscribe(topic, s, time.Now())
		if err != nil {
			return nil, err
		}
		subs[topic] = sub
	}
	return subs, nil
}

// subscribeAll reads the subscriptions; the group's retries belong to them.
func (c *consumer) subscribeAll(list []Subscription) error {
	subs, err := c.client.readSubscriptions(list)
	if err != nil {
		return err
	}
	if retry := c.o.retryTopic; retry != "" && subs[retry] == nil {
		sub, err := subscribe(retry, Subscription{Topic: retry}, time.Now())
		if err != nil {
			return err
		}
		subs[retry] = sub
	}
	c.mu.Lock()
	c.subs = subs
	c.mu.Unlock()
	return nil
}

// keepLocally keeps the offsets in a file of this host.
func (p *PushConsumer) keepLocally() error {
	dir := p.config.OffsetDir
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("client: OffsetDir is not given, and there is no home: %w", err)
		}
		dir = filepath.Join(home, ".rocketmq_offsets", identity.OffsetOwner(p.client.ip, p.client.config.InstanceName))
	}
	local := localoffset.New(filepath.Join(dir, p.o.group, "offsets.json"))
	if _, _, err := local.Load(context.Background(), Queue{}); err != nil {
		return err
	}
	p.offsets = local
	return nil
}

// Close stops pulling, waits for the handlers, tells how far they have come, and leaves the group, so that the other members go on at
// once. What was pulled and not handled yet is left to them. When ctx ends first, the handlers' context ends, and what they have comes
// again; Close still returns only when they have, so it must not be called from a handler. Calling it again waits for the first call and
// returns nil.
func (p *PushConsumer) Close(ctx context.Context) error {
	if !p.stopPulling() {
		return p.awaitEnd(ctx)
	}
	defer close(p.ended)
	p.mu.Lock()
	p.stop = true
	p.pacer.stop()
	p.mu.Unlock()
	err := p.awaitHandlers(ctx)
	err = errors.Join(err, p.finish(ctx, p))
	p.cut()
	return err
}

// awaitHandlers returns when no handler runs any more.
func (p *PushConsumer) awaitHandlers(ctx context.Context) error {
	done := make(chan struct{})
	go func() { // ends with the handlers
		p.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	p.cut()
	<-done
	return fmt.Errorf("client: handlers of group %s were cut off: %w", p.client.ns.Unwrap(p.o.group), ctx.Err())
}
