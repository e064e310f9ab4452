package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client/avoid"
	"github.com/aerobee-mq/aerobee/client/callback"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/gate"
	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/client/transaction"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// ProducerConfig configures a [Producer]. The zero value is useful.
type ProducerConfig struct {
	Group string // default "aerobee-producer"

	// SendTimeout is how long one try may take; the context of a call bounds all tries together. Default 3 s.
	SendTimeout time.Duration

	// Retries is how often a message is tried again after a try has failed, on another broker if there is one. Default 2; negative: never.
	// A message whose answer was lost may then be stored twice.
	Retries int

	// RetryNotStored tries a message again whose status is not SendOK. Default off: such a message is stored.
	RetryNotStored bool

	CompressOver     int              // bodies of more bytes are compressed; default 4096, negative never
	Compression      compression.Kind // default zlib, which every RocketMQ client reads
	CompressionLevel int              // 1 to 9; default 5

	MaxMessageSize  int   // the largest body in bytes, before compression; default 4 MiB, as brokers have it
	MaxBatchSize    int   // the largest request of SendBatch in bytes; default 1 MiB
	MaxPendingBytes int64 // how much may wait for answers, and for room in the connection; who sends more waits. Default 32 MiB

	NoAutoCreate       bool // do not send to topics that do not exist yet
	DefaultTopicQueues int  // how many queues a topic gets that is created by the first message; default 4
}

func (c ProducerConfig) withDefaults() ProducerConfig {
	if c.Group == "" {
		c.Group = "aerobee-producer"
	}
	if c.SendTimeout <= 0 {
		c.SendTimeout = 3 * time.Second
	}
	if c.Retries == 0 {
		c.Retries = 2
	}
	if c.CompressOver == 0 {
		c.CompressOver = 4096
	}
	if c.MaxMessageSize <= 0 {
		c.MaxMessageSize = 4 << 20
	}
	if c.MaxBatchSize <= 0 {
		c.MaxBatchSize = 1 << 20
	}
	if c.MaxPendingBytes <= 0 {
		c.MaxPendingBytes = 32 << 20
	}
	if c.DefaultTopicQueues <= 0 {
		c.DefaultTopicQueues = 4
	}
	return c
}

// Producer sends messages. It is made by [Client.NewProducer]; all its methods are safe to call at once, and one producer for a whole
// process is the best use of it.
type Producer struct {
	client *Client
	config ProducerConfig
	ns     namespace.Namespace
	group  string // with the namespace
	faults avoid.Table
	gate   *gate.Gate
	topics atomic.Pointer[map[string]*publishing] // by the user's name; replaced, never changed
	pool   sync.Pool                              // of *sending
	ctx    context.Context                        // ends when Close has waited: no more retries
	cancel context.CancelFunc

	flying  atomic.Int64  // sends that have begun and not ended, callbacks included
	closed  atomic.Bool   // no more may begin
	landed  chan struct{} // gets a value when the last one has ended after the close
	closing chan struct{} // held by who closes
	ended   bool          // guarded by closing: Close has done its work

	callbacks *callback.Queue[*sending] // whose callbacks are to be called

	checks *transaction.Checks // of a producer of transactions, all of whose messages are half messages; else nil

	mu sync.Mutex // guards the replacing of topics
}

// NewProducer returns a producer. It does no I/O.
func (c *Client) NewProducer(config ProducerConfig) (*Producer, error) {
	p, err := c.prepareProducer(config)
	if err != nil {
		return nil, err
	}
	if err := c.register(p); err != nil {
		p.cancel()
		return nil, err
	}
	return p, nil
}

// prepareProducer makes a producer that is to be registered.
func (c *Client) prepareProducer(config ProducerConfig) (*Producer, error) {
	config = config.withDefaults()
	if err := cluster.CheckName("group", config.Group, false); err != nil {
		return nil, err
	}
	switch config.Compression {
	case compression.Zlib, compression.LZ4, compression.ZSTD:
	default:
		return nil, fmt.Errorf("client: unknown compression %s", config.Compression)
	}
	return c.newProducer(config), nil
}

// newProducer makes a producer that is not a member yet.
func (c *Client) newProducer(config ProducerConfig) *Producer {
	p := &Producer{client: c, config: config, ns: c.ns, group: c.ns.Wrap(config.Group), landed: make(chan struct{}, 1), closing: make(chan struct{}, 1)}
	p.gate = gate.New(config.MaxPendingBytes)
	p.callbacks = callback.NewQueue(c.background, func(s *sending) {
		s.outcome(s.result, s.err)
		p.end(s)
	})
	p.topics.Store(&map[string]*publishing{})
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Close lets no new message in, waits until every message in flight has its answer and every callback has returned, and tells the
// brokers that the producer is gone. If ctx ends before, what is in flight is tried no more, and the error is ctx's. It must not be
// called from a callback. Calling it again is harmless.
func (p *Producer) Close(ctx context.Context) error {
	if err := takeTurn(ctx, p.closing); err != nil {
		return fmt.Errorf("client: producer %s is still being closed: %w", p.config.Group, err)
	}
	defer func() { <-p.closing }()
	if p.ended {
		return nil
	}
	p.closed.Store(true)
	var err error
	for p.flying.Load() > 0 && err == nil {
		select {
		case <-p.landed:
		case <-ctx.Done():
			err = fmt.Errorf("client: producer %s closed with %d sends in flight: %w", p.config.Group, p.flying.Load(), ctx.Err())
		}
	}
	p.ended = true
	p.cancel()
	p.client.unregister(ctx, p)
	if p.checks != nil {
		p.checks.Close(ctx)
	}
	return err
}

// takeOff counts a send that begins; land one that has ended.
func (p *Producer) takeOff() error {
	p.flying.Add(1)
	if p.closed.Load() {
		p.land()
		return fmt.Errorf("client: producer %s: %w", p.config.Group, ErrClosed)
	}
	return nil
}

func (p *Producer) land() {
	if p.flying.Add(-1) == 0 && p.closed.Load() {
		select {
		case p.landed <- struct{}{}:
		default:
		}
	}
}

func (p *Producer) consumerGroup() string { return "" }

func (p *Producer) heartbeat(h *protocol.HeartbeatData) {
	h.ProducerDataSet = append(h.ProducerDataSet, protocol.ProducerData{GroupName: p.group})
}

// serve is never called: brokers ask consumers, and producers of transactions by way of [Client.serveCheck].
func (p *Producer) serve(conn *remoting.Conn, f *protocol.Frame) {
	r := f.Reply(protocol.ResRequestCodeNotSupported, "a producer answers no requests")
	_ = conn.Send(&r) // the connection may be gone, and then nobody wants the answer
}
