// Package request asks a question through a topic and waits for the reply of whoever consumes it: RocketMQ's request and reply,
// as DefaultMQProducer.request of its Java client and any replying consumer have it. A [Requester] stands beside a client.Client, with
// connections of its own, over which the replies come. It is safe for use by several goroutines at once.
package request

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Errors of requests and replies; test for them with errors.Is.
var (
	// ErrNoReply: nobody has replied in time. It wraps the context's error.
	ErrNoReply = errors.New("no reply")
	// ErrNotAsked: a delivery that wants no reply.
	ErrNotAsked = errors.New("the message is no request")
	// ErrClosed: the requester has been closed.
	ErrClosed = errors.New("the requester is closed")
)

// Options configure a [Requester]. Only NameServers must be given.
type Options struct {
	NameServers []string // "host:port"
	// Group is the producer group as which it is known to brokers: "REQUESTERS".
	Group string
	// Timeout is how long a request waits whose context has no deadline: 3 s. The replier is told of the time that a request has.
	Timeout time.Duration
	// MaxMessageSize bounds bodies, in bytes: 4 MiB.
	MaxMessageSize int
	Dial           func(ctx context.Context, addr string) (net.Conn, error)
	Logger         *slog.Logger // nil: silent
}

// Reply is what came back.
type Reply struct {
	Body       []byte
	Properties map[string]string // all of them, RocketMQ's own among them
}

// Requester asks and replies.
type Requester struct {
	opt     Options
	id      string
	unique  *message.UniqueKeys
	cluster *cluster.Cluster

	mu      sync.Mutex // guards what follows
	closed  bool
	waiting map[string]chan *Reply // by correlation id
	beats   map[string]beat        // by address
}

// beat is when a connection was told of us last: a broker knows clients by their connections.
type beat struct {
	conn *remoting.Conn
	at   time.Time
}

// beatEvery is how often brokers are told that we are there while somebody waits; they forget clients after 120 s.
const beatEvery = 30 * time.Second

// New returns a requester. It does no I/O.
func New(o Options) (*Requester, error) {
	if o.Group == "" {
		o.Group = "REQUESTERS"
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.MaxMessageSize <= 0 {
		o.MaxMessageSize = 4 << 20
	}
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	r := &Requester{opt: o, waiting: map[string]chan *Reply{}, beats: map[string]beat{},
		unique: message.NewUniqueKeys(local, os.Getpid(), rand.Uint32(), time.Now)} // #nosec G404 -- tells clients apart, keeps no secret
	r.id = "request@" + string(r.unique.AppendAt(nil, time.Now()))
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqPushReplyMessageToClient, "PUSH_REPLY_MESSAGE_TO_CLIENT", r.serveReply)
	var err error
	r.cluster, err = cluster.New(cluster.Options{NameServers: o.NameServers, Mux: mux, Dial: o.Dial, Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return r, nil
}

// Close ends the requester; requests that wait end with [ErrClosed].
func (r *Requester) Close() error {
	r.mu.Lock()
	r.closed = true
	for id, ch := range r.waiting {
		close(ch)
		delete(r.waiting, id)
	}
	r.mu.Unlock()
	return r.cluster.Close()
}

// Request sends a message and waits for the first reply to it, until ctx ends. An error before the message was stored is that of
// the send; the request is sent once.
func (r *Requester) Request(ctx context.Context, m *wire.Message) (*Reply, error) {
	if err := wire.Check(m, r.opt.MaxMessageSize); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.opt.Timeout)
		defer cancel()
	}
	id := string(r.unique.AppendAt(nil, time.Now()))
	ch, err := r.expect(id)
	if err != nil {
		return nil, err
	}
	defer r.forget(id)
	route, err := r.announce(ctx, m.Topic)
	if err != nil {
		return nil, err
	}
	own := *m
	own.Properties = map[string]string{"CORRELATION_ID": id, message.PropReplyTo: r.id, "TTL": strconv.FormatInt(millisLeft(ctx), 10)}
	for name, value := range m.Properties {
		if _, taken := own.Properties[name]; !taken {
			own.Properties[name] = value
		}
	}
	if err := r.send(ctx, route, protocol.ReqSendMessageV2, &own); err != nil {
		if r.isClosed() { // which has closed the connection under it
			return nil, fmt.Errorf("request: %w: %w", ErrClosed, err)
		}
		return nil, err
	}
	return r.await(ctx, m.Topic, ch)
}

func (r *Requester) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func millisLeft(ctx context.Context) int64 {
	deadline, _ := ctx.Deadline()
	return max(time.Until(deadline).Milliseconds(), 0)
}

func (r *Requester) expect(id string) (chan *Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fmt.Errorf("request: %w", ErrClosed)
	}
	ch := make(chan *Reply, 1)
	r.waiting[id] = ch
	return ch, nil
}

func (r *Requester) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// await waits for the reply, and keeps brokers from forgetting us meanwhile.
func (r *Requester) await(ctx context.Context, topic string, ch chan *Reply) (*Reply, error) {
	again := time.NewTicker(beatEvery)
	defer again.Stop()
	for {
		select {
		case reply, ok := <-ch:
			if !ok {
				return nil, fmt.Errorf("request: %w", ErrClosed)
			}
			return reply, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("request: to topic %s: %w: %w", topic, ErrNoReply, ctx.Err())
		case <-again.C:
			_, _ = r.announce(ctx, topic) // a broker that is away for now is told at the next turn, or the time runs out
		}
	}
}

// announce tells the brokers by which a reply may come that we are there: all that have the topic, and all of their cluster. It returns the
// topic's route.
func (r *Requester) announce(ctx context.Context, topic string) (*cluster.Route, error) {
	route, err := r.cluster.Route(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	brokers := map[string]bool{}
	add := func(of *cluster.Route) {
		for name := range of.Brokers {
			if addr, ok := of.Master(name); ok {
				brokers[addr] = true
			}
		}
	}
	add(route)
	for _, b := range route.Brokers {
		if replies, err := r.cluster.Route(ctx, b.Cluster+replyTopic); err == nil {
			add(replies)
		}
	}
	for addr := range brokers {
		if err := r.beat(ctx, addr); err != nil {
			return nil, err
		}
	}
	return route, nil
}

// beat tells one broker, unless it knows.
func (r *Requester) beat(ctx context.Context, addr string) error {
	conn, err := r.cluster.Conn(ctx, addr)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	r.mu.Lock()
	last := r.beats[addr]
	r.mu.Unlock()
	if last.conn == conn && time.Since(last.at) < beatEvery/2 {
		return nil
	}
	body := protocol.MarshalBody(protocol.HeartbeatData{ClientID: r.id, ProducerDataSet: []protocol.ProducerData{{GroupName: r.opt.Group}}, ConsumerDataSet: []protocol.ConsumerData{}})
	f := frame(protocol.ReqHeartBeat, body)
	answer, err := conn.Invoke(ctx, &f)
	if err == nil {
		err = cluster.Check(answer, addr, protocol.ReqHeartBeat)
	}
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	r.mu.Lock()
	r.beats[addr] = beat{conn, time.Now()}
	r.mu.Unlock()
	return nil
}

func frame(code int32, body []byte) protocol.Frame {
	return protocol.Frame{Code: code, Language: protocol.LanguageGo, Version: protocol.CurrentVersion, Body: body}
}

// send sends a message once, to any queue.
func (r *Requester) send(ctx context.Context, route *cluster.Route, code int32, m *wire.Message) error {
	if len(route.Writable) == 0 {
		return fmt.Errorf("request: topic %s has no queue that can be written", m.Topic)
	}
	queue := route.Writable[rand.IntN(len(route.Writable))] // #nosec G404 -- spreads load, guards nothing
	addr, ok := route.Master(queue.BrokerName)
	if !ok {
		return fmt.Errorf("request: broker %s has no master now", queue.BrokerName)
	}
	props, err := wire.AppendProperties(nil, m, r.unique.AppendAt(nil, time.Now()), "")
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	h := protocol.SendMessageHeader{ProducerGroup: []byte(r.opt.Group), Topic: []byte(m.Topic), DefaultTopic: []byte(message.TopicAutoName), DefaultTopicQueueNums: 4,
		QueueID: queue.QueueID, BornTimestamp: time.Now().UnixMilli(), Flag: m.Flag, Properties: props}
	f := frame(code, m.Body)
	h.AppendV2(&f.Fields)
	answer, err := r.cluster.Invoke(ctx, addr, &f)
	if err == nil {
		err = cluster.Check(answer, addr, code)
	}
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return nil
}

// serveReply takes a reply from a broker (326). One that nobody waits for any more is taken too: its replier can do nothing about it.
func (r *Requester) serveReply(conn *remoting.Conn, f *protocol.Frame) {
	var h protocol.ReplyMessageHeader
	err := h.Decode(f.Fields)
	var body []byte
	if err == nil {
		body, err = compression.Body(bytes.Clone(f.Body), message.SysFlag(h.SysFlag))
	}
	answer := f.Reply(protocol.ResSuccess, "")
	if err != nil {
		answer.Code, answer.Remark = protocol.ResSystemError, err.Error()
	} else {
		reply := &Reply{Body: body, Properties: map[string]string{}}
		for name, value := range message.Properties(h.Properties).All() {
			reply.Properties[string(name)] = string(value)
		}
		r.deliver(reply)
	}
	_ = conn.Send(&answer) // the connection may be gone, and then nobody wants the answer
}

func (r *Requester) deliver(reply *Reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := reply.Properties["CORRELATION_ID"]
	if ch := r.waiting[id]; ch != nil {
		delete(r.waiting, id)
		ch <- reply // it has room for one, and gets one
	}
}
