package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/intercept"
	"github.com/aerobee-mq/aerobee/client/pop"
	"github.com/aerobee-mq/aerobee/client/retry"
	"github.com/aerobee-mq/aerobee/client/running"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// SimpleConfig configures a [SimpleConsumer]. Group and Subscriptions must be given.
type SimpleConfig struct {
	Group         string
	Subscriptions []Subscription

	// Invisible is how long nobody else gets a message that was received. Then it comes again, to any member, unless it was
	// acknowledged. Default 30 s, at least 1 s.
	Invisible time.Duration
	Wait      time.Duration // how long Receive waits for a first message; default 15 s
	From      Start         // where a new group begins: FromLast, which is the default, or FromFirst
	// Ordered hands out a queue's next messages only when those before are acknowledged. All members of the group must say the same.
	Ordered bool
}

// SimpleConsumer receives messages one by one and acknowledges each: the brokers share them out (pop consumption), queues have no owners,
// and any number of members work at once. RocketMQ has it from 5.0 on. See [Client.NewSimpleConsumer].
type SimpleConsumer struct {
	client  *Client
	config  SimpleConfig
	group   string // with the namespace
	subs    map[string]*subscription.Told
	pops    *pop.Consumer
	started time.Time
}

const (
	defaultInvisible  = 30 * time.Second
	shortestInvisible = time.Second
	defaultWait       = 15 * time.Second
)

// NewSimpleConsumer returns a consumer that is asked for messages, and makes its group known to the brokers; ctx bounds that. A client can
// have one consumer of a group ([ErrExists]).
func (c *Client) NewSimpleConsumer(ctx context.Context, config SimpleConfig) (*SimpleConsumer, error) {
	if err := cluster.CheckName("group", config.Group, false); err != nil {
		return nil, err
	}
	if len(config.Subscriptions) == 0 || config.From > 0 {
		return nil, fmt.Errorf("client: a simple consumer needs Subscriptions, and begins FromLast or FromFirst: %w", ErrIllegal)
	}
	config.Invisible = max(orDefault(config.Invisible, defaultInvisible), shortestInvisible)
	config.Wait = orDefault(config.Wait, defaultWait)
	subs, err := c.readSubscriptions(config.Subscriptions)
	if err != nil {
		return nil, err
	}
	s := &SimpleConsumer{client: c, config: config, group: c.ns.Wrap(config.Group), subs: subs, started: time.Now()}
	s.pops = pop.New(pop.Options{Cluster: c.cluster, Namespace: c.ns, Group: s.group, Subscriptions: subs, Invisible: config.Invisible, Wait: config.Wait,
		Ordered: config.Ordered, FromFirst: config.From == FromFirst, Logger: c.config.Logger.With("group", config.Group)})
	for topic := range subs {
		if _, err := c.cluster.Route(ctx, topic); err != nil && !isAbsent(err) {
			return nil, err
		}
	}
	if err = c.register(s); err != nil {
		return nil, err
	}
	if err = c.beat(ctx); err != nil && ctx.Err() != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	} else if err != nil {
		c.config.Logger.Warn("client: not every broker knows the new consumer", "group", config.Group, "error", err)
	}
	return s, nil
}

// Receive returns up to max messages, at most 32 of each topic and broker. It waits for a first one as long as Wait, or the deadline of ctx,
// says; then it returns none and no error. Of several brokers one that fails is only logged. Errors: a broker's refusal is an [*Error]; [ErrTopicNotFound], [ErrUnreachable],
// [ErrClosed], or ctx's when it was cancelled. What arrives after that is given out by the next Receive.
func (s *SimpleConsumer) Receive(ctx context.Context, max int) ([]*Delivery, error) {
	return s.pops.Receive(ctx, max)
}

// Ack tells the brokers that messages are done. Several of one broker go in one request. One whose invisible time has passed may come
// again all the same; brokers say nothing of it.
func (s *SimpleConsumer) Ack(ctx context.Context, ds ...*Delivery) error {
	return s.pops.Ack(ctx, ds...)
}

// ChangeInvisible has a message come again after d from now, later than it would have, or sooner. Its Receipt is a new one then. Apache RocketMQ
// gives what was popped without order again within a second or two of that time.
func (s *SimpleConsumer) ChangeInvisible(ctx context.Context, m *Delivery, d time.Duration) error {
	return s.pops.ChangeInvisible(ctx, m, d)
}

// GiveUp puts a message among the group's dead letters and acknowledges it. If the second of the two fails, which the error says, it comes again.
func (s *SimpleConsumer) GiveUp(ctx context.Context, m *Delivery) error {
	return s.pops.GiveUp(ctx, m)
}

// ServeConfig configures [SimpleConsumer.Serve]. Handler must be given.
type ServeConfig struct {
	// Handler handles one message. An error or a panic has it come again, as RetryDelays or a [*RetryError] say. ctx is that of Serve.
	Handler     func(ctx context.Context, d *Delivery) error
	Concurrency int // handlers at once; default 20

	RetryDelays       []time.Duration // before the first try again, the second, …; the last one serves for all beyond. Default 10 s, 30 s, 1 m, …
	MaxReconsumeTimes int             // how often a message comes again before it is given up; default 16. Below 0: never
}

// Serve has messages handled as they come, which makes a push consumer of this one, without queues that have owners: one member
// that is slow holds nobody up. It returns when ctx has ended or the consumer was closed and all handlers have returned, with the error that
// says so, or when a broker refuses for good. While a handler has a message its invisible time is prolonged.
func (s *SimpleConsumer) Serve(ctx context.Context, config ServeConfig) error {
	if config.Handler == nil {
		return fmt.Errorf("client: Serve needs a Handler: %w", ErrIllegal)
	}
	most := (&PushConfig{MaxReconsumeTimes: config.MaxReconsumeTimes}).reconsumeTimes()
	return s.pops.Serve(ctx, pop.Serving{
		Handle: func(ctx context.Context, d *Delivery) (err error) {
			ctx, end := intercept.BeginHandle(ctx, s.client.config.Interceptors, s.config.Group, []*Delivery{d})
			err = errors.New("client: the handler panicked") // unless it returns
			defer func() { end(err) }()
			err = config.Handler(ctx, d)
			return err
		},
		AtOnce: orDefault(config.Concurrency, defaultConcurrency),
		Failed: func(d *Delivery, err error) (time.Duration, bool) {
			var r *RetryError
			if errors.As(err, &r) && r.DelayLevel != 0 {
				return retry.OfLevel(r.DelayLevel), r.DelayLevel > 0 && d.ReconsumeTimes < most
			}
			return retry.After(config.RetryDelays, d.ReconsumeTimes), d.ReconsumeTimes < most
		},
		Refusal: func(err error) bool {
			var refusal *cluster.Error
			return errors.As(err, &refusal) && !errors.Is(err, ErrBusy) && !errors.Is(err, ErrUnavailable) && refusal.Code != protocol.ResSystemError
		},
	})
}

// Close ends what waits for messages, and tells the brokers that the member has left. What was received can be acknowledged until the
// client is closed.
func (s *SimpleConsumer) Close(ctx context.Context) error {
	s.pops.Close()
	s.client.unregister(ctx, s)
	return nil
}

func (s *SimpleConsumer) consumerGroup() string { return s.group }

func (s *SimpleConsumer) heartbeat(h *protocol.HeartbeatData) {
	h.ConsumerDataSet = append(h.ConsumerDataSet, protocol.ConsumerData{GroupName: s.group, ConsumeType: protocol.ConsumePop, MessageModel: protocol.ModelClustering,
		ConsumeFromWhere: s.config.From.Enum(), SubscriptionData: s.told()})
}

func (s *SimpleConsumer) told() []protocol.SubscriptionData {
	data := []protocol.SubscriptionData{}
	for _, topic := range s.topicsInUse() {
		data = append(data, s.subs[topic].Data)
	}
	return data
}

func (s *SimpleConsumer) topicsInUse() []string { return sortedTopics(s.subs) }

func (s *SimpleConsumer) routeChanged(string, *cluster.Route) {}

// serve tells who asks how the consumer is doing. It holds no queues, so there is nothing to share out and no place to go to.
func (s *SimpleConsumer) serve(conn *remoting.Conn, f *protocol.Frame) {
	switch f.Code {
	case protocol.ReqNotifyConsumerIDsChanged, protocol.ReqResetConsumerClientOffset:
	case protocol.ReqGetConsumerStatusFromClient:
		reply(conn, f, protocol.ResSuccess, "", running.AppendOffsets(nil, nil))
	case protocol.ReqGetConsumerRunningInfo:
		info := running.Info{Subscriptions: s.told(), Properties: running.Properties(s.group, protocol.ConsumePop, s.config.Ordered, s.started,
			strings.Join(s.client.config.NameServers, ";"))}
		reply(conn, f, protocol.ResSuccess, "", info.Append(nil))
	default:
		reply(conn, f, protocol.ResRequestCodeNotSupported, fmt.Sprintf("request %d is not for this kind of consumer", f.Code), nil)
	}
}
