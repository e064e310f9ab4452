package pop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Options configure a [Consumer]. All must be given, but for the flags.
type Options struct {
	Cluster       *cluster.Cluster
	Namespace     namespace.Namespace
	Group         string                        // with the namespace
	Subscriptions map[string]*subscription.Told // by topic, with the namespace
	Invisible     time.Duration                 // how long others do not get what we have
	Wait          time.Duration                 // how long a Receive waits for a first message
	Ordered       bool                          // a queue's messages one after the other
	FromFirst     bool                          // a new group begins with the first messages
	Logger        *slog.Logger
}

// MostAtOnce is how many messages brokers give for one request.
const MostAtOnce = 32

const (
	answerTimeout = 5 * time.Second        // for an answer, beside what the broker waits for messages
	waitMargin    = 100 * time.Millisecond // a broker answers so long before the caller's time is up
	shortestWait  = 10 * time.Millisecond
)

// Consumer receives and acknowledges. It has goroutines only while it is asking brokers.
type Consumer struct {
	o      Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool             // guarded by mu, as all below
	turn   int              // which source is asked first
	late   []*wire.Delivery // came when nobody waited any more
	lateBy time.Time        // others may have the late ones from then on
}

// New returns a consumer. It does no I/O.
func New(o Options) *Consumer {
	c := &Consumer{o: o}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends what waits for messages. What was received and not acknowledged comes again after its invisible time.
func (c *Consumer) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
}

// spawn runs fn on a goroutine that Close waits for; not any more when closed.
func (c *Consumer) spawn(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.wg.Go(fn)
	}
	return !c.closed
}

func (c *Consumer) errClosed() error {
	return fmt.Errorf("client: consumer of group %s: %w", c.o.Namespace.Unwrap(c.o.Group), cluster.ErrClosed)
}

// source is what one pop asks: one topic at one broker.
type source struct {
	topic  string
	told   *subscription.Told
	broker string
	addr   string
}

// sources are all there are, beginning with another one each time. Topics that do not exist count only if no topic does.
func (c *Consumer) sources(ctx context.Context) ([]source, error) {
	var all []source
	var errs []error
	for _, topic := range slices.Sorted(maps.Keys(c.o.Subscriptions)) {
		route, err := c.o.Cluster.Route(ctx, topic)
		if err != nil {
			errs = append(errs, fmt.Errorf("client: topic %s: %w", c.o.Namespace.Unwrap(topic), err))
			continue
		}
		seen := map[string]bool{}
		for _, q := range route.Readable {
			if addr, ok := route.Master(q.BrokerName); ok && !seen[q.BrokerName] {
				seen[q.BrokerName] = true
				all = append(all, source{topic, c.o.Subscriptions[topic], q.BrokerName, addr})
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.Join(append(errs, fmt.Errorf("client: no broker to receive from: %w", cluster.ErrNoRoute))...)
	}
	c.mu.Lock()
	c.turn++
	first := c.turn % len(all)
	c.mu.Unlock()
	return append(all[first:len(all):len(all)], all[:first]...), nil
}

// Receive returns up to max messages, at most 32 from each topic and broker. It waits for a first one until Wait is over, or what time ctx
// has; then it returns none and no error. A broker that fails is an error only if all do. What arrives after ctx was cancelled is kept for the next Receive.
func (c *Consumer) Receive(ctx context.Context, max int) ([]*wire.Delivery, error) {
	if max <= 0 {
		return nil, fmt.Errorf("client: %d messages were asked for: %w", max, cluster.ErrIllegal)
	}
	wait := c.o.Wait
	if limit, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(limit)-waitMargin)
	}
	until := time.Now().Add(wait)
	if ds := c.takeLate(max); len(ds) > 0 {
		return ds, nil
	}
	all, err := c.sources(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 1 {
		return c.pop(ctx, all[0], max, wait)
	}
	for {
		ds, err := c.sweep(ctx, all, max)
		if len(ds) > 0 || err != nil {
			return ds, err
		}
		if left := time.Until(until); left < shortestWait || !c.awaitAny(ctx, all, left) {
			return nil, c.ended(ctx)
		}
	}
}

// ended is why nothing more can come, nil if the time is up.
func (c *Consumer) ended(ctx context.Context) error {
	if c.ctx.Err() != nil {
		return c.errClosed()
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("client: receive: %w", err)
	}
	return nil
}

// takeLate returns what came when nobody waited, if it is still ours.
func (c *Consumer) takeLate(max int) []*wire.Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().After(c.lateBy) {
		c.late = nil
	}
	n := min(max, len(c.late))
	ds := c.late[:n:n]
	c.late = c.late[n:]
	return ds
}

// sweep asks one source after the other for what is there. Brokers that fail do not hold up the others: it is an error when all do.
func (c *Consumer) sweep(ctx context.Context, all []source, max int) (ds []*wire.Delivery, err error) {
	failures := 0
	for _, s := range all {
		some, failed := c.pop(ctx, s, max-len(ds), 0)
		ds = append(ds, some...)
		if failed != nil {
			failures++
			err = errors.Join(err, failed)
		}
		if len(ds) == max || ctx.Err() != nil {
			break
		}
	}
	if err == nil || len(ds) == 0 && (failures == len(all) || ctx.Err() != nil) {
		return ds, err
	}
	c.o.Logger.Warn("client: not all brokers can be received from", "error", err)
	return ds, nil
}

// popping is one pop that somebody waits for, or does not any more.
type popping struct {
	done chan struct{}
	ds   []*wire.Delivery // valid when done
	err  error

	abandoned bool // guarded by Consumer.mu
}

// pop asks one source, which may wait so long for a first message.
func (c *Consumer) pop(ctx context.Context, s source, max int, wait time.Duration) ([]*wire.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("client: receive: %w", err)
	}
	p := &popping{done: make(chan struct{})}
	if wait < shortestWait {
		wait = 0
	}
	asked := time.Now()
	if !c.spawn(func() {
		own, cancel := context.WithTimeout(c.ctx, wait+answerTimeout)
		defer cancel()
		p.ds, p.err = c.request(own, s, min(max, MostAtOnce), wait)
		c.mu.Lock()
		defer c.mu.Unlock()
		if close(p.done); p.abandoned && len(p.ds) > 0 {
			c.late, c.lateBy = append(c.late, p.ds...), asked.Add(c.o.Invisible)
		}
	}) {
		return nil, c.errClosed()
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		c.mu.Lock()
		select {
		case <-p.done:
		default:
			p.abandoned = true
		}
		c.mu.Unlock()
		if p.abandoned {
			return nil, fmt.Errorf("client: receive: %w", ctx.Err())
		}
	}
	if p.err != nil && c.ctx.Err() != nil {
		return nil, c.errClosed()
	}
	return p.ds, p.err
}

// awaitAny waits until one of the sources may have a message; false when the time is up, or ctx or the consumer has ended.
func (c *Consumer) awaitAny(ctx context.Context, all []source, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, wait+answerTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	found := make(chan bool, len(all))
	for _, s := range all {
		if !c.spawn(func() { found <- c.notified(ctx, s, wait) }) {
			return false
		}
	}
	for range all {
		select {
		case has := <-found:
			if has {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// notified asks a broker to tell when there is something to pop (200054).
func (c *Consumer) notified(ctx context.Context, s source, wait time.Duration) bool {
	f := protocol.Frame{Code: protocol.ReqNotification}
	h := protocol.NotificationHeader{ConsumerGroup: c.o.Group, Topic: s.topic, QueueID: -1, PollTime: wait.Milliseconds(), BornTime: time.Now().UnixMilli(),
		Order: c.o.Ordered, ExpressionType: s.told.Data.ExpressionType, Expression: s.told.Data.SubString, BrokerName: s.broker}
	h.Append(&f.Fields)
	answer, err := c.ask(ctx, s.addr, &f)
	var r protocol.NotificationResponseHeader
	if err == nil {
		err = r.Decode(answer.Fields)
	}
	if err != nil || r.PollingFull {
		if ctx.Err() == nil {
			c.o.Logger.Warn("client: a broker does not tell of messages, it is asked again", "broker", s.broker, "topic", s.topic, "full", r.PollingFull, "error", err)
		}
		t := time.NewTimer(min(time.Second, wait)) // then it is asked for messages instead
		defer t.Stop()
		select {
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return r.HasMsg
}

// ask is a request whose answer is SUCCESS.
func (c *Consumer) ask(ctx context.Context, addr string, f *protocol.Frame) (*protocol.Frame, error) {
	answer, err := c.o.Cluster.Invoke(ctx, addr, f)
	if err != nil {
		return nil, err
	}
	return answer, cluster.Check(answer, addr, f.Code)
}
