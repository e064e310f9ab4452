package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/client/callback"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/identity"
	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Client is one process's access to one RocketMQ cluster. Producers and consumers are made from it and share its connections.
type Client struct {
	config  Config
	ns      namespace.Namespace
	id      string     // "ip@instance", as brokers know us
	ip      netip.Addr // the host's, for ids
	cluster *cluster.Cluster
	unique  *message.UniqueKeys
	beats   heartbeats
	tracer  *tracer // nil without [Config.Trace]
	callers callback.Starter

	closing chan struct{} // held by who closes

	mu      sync.Mutex
	closed  bool     // guarded by mu, as all below
	members []member // in the order of their beginning; replaced, never changed
	running int      // goroutines of background
	idle    *sync.Cond
}

// background runs fn on a goroutine that [Client.Close] waits for. fn ends soon after its member's context has.
func (c *Client) background(fn func()) {
	c.mu.Lock()
	c.running++
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			if c.running--; c.running == 0 {
				c.idle.Broadcast()
			}
			c.mu.Unlock()
		}()
		fn()
	}()
}

// member is a producer or consumer of a Client. Its methods are called without any lock held, and must not wait.
type member interface {
	// consumerGroup is the consumer's group with its namespace, "" for a producer.
	consumerGroup() string
	// heartbeat adds the member's part to what brokers are told.
	heartbeat(h *protocol.HeartbeatData)
	// topicsInUse are the topics, with their namespace, whose brokers must know the member.
	topicsInUse() []string
	// routeChanged is told of each topic whose route differs from the one before; nil when the topic is gone. It may be none of its own.
	routeChanged(topic string, r *cluster.Route)
	// serve answers a broker's request to a consumer: 40, 220, 221, 307, 309. It runs on the connection's reader goroutine, and f is
	// valid until it returns: slow work goes to conn.Go with f.Clone().
	serve(conn *remoting.Conn, f *protocol.Frame)
	// Close ends the member and takes it out of the registry with [Client.unregister].
	Close(ctx context.Context) error
}

// New returns a client. It does no I/O and starts no goroutine: NameServers that cannot be reached are found out by the first send
// or subscription.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	ip := identity.IP()
	c := &Client{config: config, ns: namespace.Namespace(config.Namespace), id: ip.String() + "@" + config.InstanceName, ip: ip}
	c.idle, c.closing = sync.NewCond(&c.mu), make(chan struct{}, 1)
	c.unique = message.NewUniqueKeys(ip, os.Getpid(), rand.Uint32(), time.Now) // #nosec G404 -- tells clients apart, keeps no secret
	var err error
	c.cluster, err = cluster.New(cluster.Options{
		NameServers: config.NameServers, Discovery: config.Discovery, Mux: c.mux(), Dial: config.Dial, TLS: config.TLS, DialTimeout: config.DialTimeout,
		RouteInterval: config.RouteInterval, Sign: (&sign.Credentials{User: config.AccessKey, Password: config.SecretKey}).Signer(), SignTo: config.SignTo,
		Logger: config.Logger, ConnOpened: c.connOpened, RouteChanged: c.routeChanged, AfterRead: func(*remoting.Conn, bool) { c.callers.Now() },
	})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.beats.init(c)
	if config.Trace {
		c.tracer = newTracer(c)
	}
	return c, nil
}

// ID is the name by which brokers know this client: "ip@instance".
func (c *Client) ID() string { return c.id }

// Close closes what is still open on the client, consumers first, and returns when no goroutine is left. What is in flight is waited
// for as long as ctx lets it; then it is cut off, and the error is ctx's. Calling it again is harmless; a call beside another one waits
// for it. It must not be called from a handler or a callback.
func (c *Client) Close(ctx context.Context) error {
	if err := takeTurn(ctx, c.closing); err != nil {
		return fmt.Errorf("client: it is still being closed: %w", err)
	}
	defer func() { <-c.closing }()
	c.mu.Lock()
	c.closed = true
	members := append([]member(nil), c.members...)
	c.mu.Unlock()
	errs := make([]error, len(members))
	for _, consumers := range [...]bool{true, false} { // handlers may send, senders do not handle
		var wg sync.WaitGroup
		for i, m := range members { // at once: a slow one does not use up the time of the others
			if (m.consumerGroup() != "") == consumers {
				wg.Go(func() { errs[i] = m.Close(ctx) })
			}
		}
		wg.Wait()
	}
	if c.tracer != nil {
		errs = append(errs, c.tracer.close(ctx))
	}
	c.beats.close()
	errs = append(errs, c.cluster.Close())
	c.mu.Lock()
	for c.running > 0 {
		c.idle.Wait()
	}
	c.mu.Unlock()
	return errors.Join(errs...)
}

// register adds a member and tells the brokers soon. A consumer that needs them told before it goes on calls [Client.beat] then.
func (c *Client) register(m member) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fmt.Errorf("client: %w", ErrClosed)
	}
	if group := m.consumerGroup(); group != "" {
		for _, other := range c.members {
			if other.consumerGroup() == group {
				c.mu.Unlock()
				return fmt.Errorf("client: %w: %s", ErrExists, c.ns.Unwrap(group))
			}
		}
	}
	c.members = append(c.members[:len(c.members):len(c.members)], m)
	c.mu.Unlock()
	c.beats.joined()
	c.beats.kick()
	return nil
}

// unregister takes a member out and tells the brokers that its group has left, unless another member of the client has the same
// producer group.
func (c *Client) unregister(ctx context.Context, m member) {
	c.mu.Lock()
	for i, other := range c.members {
		if other == m {
			c.members = append(append([]member(nil), c.members[:i]...), c.members[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	c.leave(ctx, m)
}

func (c *Client) snapshot() []member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]member(nil), c.members...)
}

func (c *Client) routeChanged(topic string, r *cluster.Route) {
	for _, m := range c.snapshot() {
		m.routeChanged(topic, r)
	}
	if c.tracer != nil {
		c.tracer.producer.routeChanged(topic, r) // it is no member
	}
	c.beats.kick() // there may be new brokers
}

func (c *Client) connOpened(string, *remoting.Conn) { c.beats.kick() }

// mux is the table of what brokers ask of clients.
func (c *Client) mux() *remoting.Mux {
	m := remoting.NewMux()
	m.Handle(protocol.ReqNotifyConsumerIDsChanged, "NOTIFY_CONSUMER_IDS_CHANGED", c.serveConsumer("consumerGroup"))
	m.Handle(protocol.ReqResetConsumerClientOffset, "RESET_CONSUMER_CLIENT_OFFSET", c.serveConsumer("group"))
	m.Handle(protocol.ReqGetConsumerStatusFromClient, "GET_CONSUMER_STATUS_FROM_CLIENT", c.serveConsumer("group"))
	m.Handle(protocol.ReqGetConsumerRunningInfo, "GET_CONSUMER_RUNNING_INFO", c.serveConsumer("consumerGroup"))
	m.Handle(protocol.ReqCheckTransactionState, "CHECK_TRANSACTION_STATE", c.serveCheck)
	m.Handle(protocol.ReqConsumeMessageDirectly, "CONSUME_MESSAGE_DIRECTLY", c.serveConsumer("consumerGroup"))
	return m
}

// serveConsumer hands a request to the consumer of the group that the named field says.
func (c *Client) serveConsumer(field string) remoting.Handler {
	return func(conn *remoting.Conn, f *protocol.Frame) {
		group, _ := f.Fields.Get(field)
		if m := c.consumer(string(group)); m != nil {
			m.serve(conn, f)
			return
		}
		r := f.Reply(protocol.ResSystemError, fmt.Sprintf("The Consumer Group <%s> not exist in this consumer", group))
		_ = conn.Send(&r) // the connection may be gone, and then nobody wants the answer
	}
}

func (c *Client) consumer(group string) member {
	if group == "" {
		return nil
	}
	c.mu.Lock()
	members := c.members
	c.mu.Unlock()
	for _, m := range members { // the slice is replaced, never changed, so it can be read without the lock
		if m.consumerGroup() == group {
			return m
		}
	}
	return nil
}
