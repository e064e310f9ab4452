// Package relay serves remoting clients in front of other brokers. To a client it is the NameServer and every broker: routes name the proxy's own
// address for each broker, and a request goes to the broker that it names. Each client has its own connections to the brokers
// (package proxy/remote), so that they know it as they would without a proxy between, and what they ask of it reaches it.
//
// Requests that are not relayed are answered with "not supported", as Apache's proxy does: administration goes to the brokers themselves.
// [Relay.Mount] and [Relay.Closed] are called by the process's root; the handlers are safe to call at once.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/remote"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Options configure a [Relay].
type Options struct {
	// Advertised is the address by which a client reaches this process, "" for that which it has dialled.
	Advertised func(remote, local netip.AddrPort) string
	Logger     *slog.Logger
}

// Relay is the handlers.
type Relay struct {
	brokers *remote.Backend
	opt     Options
}

// New makes a relay to the brokers.
func New(brokers *remote.Backend, o Options) *Relay { return &Relay{brokers: brokers, opt: o} }

const (
	// answerTimeout is how long a broker may take: longer than clients have their requests held.
	answerTimeout = 2 * time.Minute
	// askTimeout is how long NameServers, and clients that a broker asks, may take.
	askTimeout = 10 * time.Second
)

// Mount registers the requests that Apache's proxy serves on its port 8080, and the question which queues a member pops (400).
func (r *Relay) Mount(mux *remoting.Mux) {
	for _, e := range []struct {
		code   int32
		name   string
		handle remoting.Handler
	}{
		{protocol.ReqSendMessage, "send", r.toBroker},
		{protocol.ReqSendMessageV2, "send", r.toBroker},
		{protocol.ReqSendBatchMessage, "send batch", r.toBroker},
		{protocol.ReqConsumerSendMsgBack, "send back", r.toBroker},
		{protocol.ReqEndTransaction, "end transaction", r.toBroker},
		{protocol.ReqRecallMessage, "recall", r.toBroker},
		{protocol.ReqPullMessage, "pull", r.toBroker},
		{protocol.ReqLitePullMessage, "lite pull", r.toBroker},
		{protocol.ReqPopMessage, "pop", r.toBroker},
		{protocol.ReqAckMessage, "ack", r.toBroker},
		{protocol.ReqChangeMessageInvisibleTime, "change invisible time", r.toBroker},
		{protocol.ReqUpdateConsumerOffset, "update offset", r.toBroker},
		{protocol.ReqQueryConsumerOffset, "query offset", r.toBroker},
		{protocol.ReqGetMaxOffset, "max offset", r.toBroker},
		{protocol.ReqGetMinOffset, "min offset", r.toBroker},
		{protocol.ReqSearchOffsetByTimestamp, "search offset", r.toBroker},
		{protocol.ReqLockBatchMQ, "lock", r.toBroker},
		{protocol.ReqUnlockBatchMQ, "unlock", r.toBroker},
		{protocol.ReqGetConsumerListByGroup, "members", r.toAny},
		{protocol.ReqGetConsumerConnectionList, "connections", r.toAny},
		{protocol.ReqCheckClientConfig, "check", r.toAny},
		{protocol.ReqQueryAssignment, "assignment", r.toAny},
		{protocol.ReqHeartBeat, "heartbeat", r.toAll},
		{protocol.ReqUnregisterClient, "unregister", r.toAll},
		{protocol.ReqGetRouteInfoByTopic, "route", r.route},
	} {
		mux.Handle(e.code, e.name, e.handle)
	}
}

// Closed forgets a client whose connection is closed, at all brokers.
func (r *Relay) Closed(c *remoting.Conn) {
	if l, ok := c.Session().(*remote.Link); ok {
		l.Close()
	}
}

// link is the client's link, made with its first request. It runs on the connection's reader goroutine, as handlers do.
func (r *Relay) link(c *remoting.Conn) (*remote.Link, error) {
	if l, ok := c.Session().(*remote.Link); ok {
		return l, nil
	}
	l, err := r.brokers.Link(backend.Client{ID: c.RemoteAddr().String(), Remote: c.RemoteAddr(), Local: c.LocalAddr()},
		func(broker string, f *protocol.Frame, answer func(*protocol.Frame)) { asked(c, broker, f, answer) })
	if err != nil {
		return nil, err
	}
	c.SetSession(l)
	return l, nil
}

// asked hands a broker's request to the client.
func asked(c *remoting.Conn, broker string, f *protocol.Frame, answer func(*protocol.Frame)) {
	if answer == nil {
		own := *f
		if _, named := f.Fields.Get("bname"); !named && f.Code == protocol.ReqCheckTransactionState {
			own.Fields = append(own.Fields[:len(own.Fields):len(own.Fields)], protocol.Field{Key: []byte("bname"), Value: []byte(broker)})
		}
		_ = c.Send(&own) // who is gone is told by its closed connection
		return
	}
	own := f.Clone()
	c.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		got, err := c.Invoke(ctx, own)
		if err != nil {
			reply := own.Reply(protocol.ResSystemError, err.Error())
			got = &reply
		}
		answer(got)
	})
}

// refuse answers a request that could not be relayed.
func refuse(c *remoting.Conn, f *protocol.Frame, err error) {
	code := int32(protocol.ResServiceNotAvailable)
	named := (*unnamed)(nil)
	switch {
	case errors.As(err, &named):
		code = protocol.ResVersionNotSupported
	case errors.Is(err, backend.ErrNoTopic):
		code = protocol.ResTopicNotExist
	case errors.Is(err, remoting.ErrNoAnswer), errors.Is(err, context.DeadlineExceeded):
		code = protocol.ResSystemBusy
	}
	reply := f.Reply(code, "proxy: "+err.Error())
	_ = c.Send(&reply)
}

// pending is a client's request at a broker.
type pending struct {
	c       *remoting.Conn
	request protocol.Frame // without fields and body
}

// Answered gives the client the broker's answer.
func (p *pending) Answered(f *protocol.Frame, err error) {
	if err != nil {
		refuse(p.c, &p.request, err)
		return
	}
	give(p.c, &p.request, f)
}

// give answers a request with a broker's answer.
func give(c *remoting.Conn, request, f *protocol.Frame) {
	own := *f
	own.Opaque, own.Encoding, own.Flag = request.Opaque, request.Encoding, f.Flag|request.Flag&protocol.FlagOneway
	_ = c.Send(&own)
}

// bare is what answering a request needs of it.
func bare(f *protocol.Frame) protocol.Frame {
	return protocol.Frame{Encoding: f.Encoding, Code: f.Code, Opaque: f.Opaque, Flag: f.Flag, Version: f.Version}
}

// relay sends a request to a broker, in the order of the client's requests to it.
func relay(c *remoting.Conn, l *remote.Link, broker string, f *protocol.Frame) {
	if f.IsOneway() {
		_ = l.Begin(broker, f, time.Time{}, nil) // nobody waits to hear of it
		return
	}
	p := &pending{c: c, request: bare(f)}
	if err := l.Begin(broker, f, time.Now().Add(answerTimeout), p); err != nil {
		refuse(c, f, err)
	}
}

// toBroker relays a request to the broker that it names. Where it names none, as older clients do not, there must be but one that can be meant.
func (r *Relay) toBroker(c *remoting.Conn, f *protocol.Frame) {
	l, err := r.link(c)
	if err != nil {
		refuse(c, f, err)
		return
	}
	if broker := named(f); broker != "" {
		relay(c, l, broker, f)
		return
	}
	r.later(c, f, func(ctx context.Context, f *protocol.Frame) error {
		broker, err := r.meant(ctx, f)
		if err == nil {
			relay(c, l, broker, f)
		}
		return err
	})
}

// later does what may wait on a goroutine, with a copy of the request.
func (r *Relay) later(c *remoting.Conn, f *protocol.Frame, do func(ctx context.Context, f *protocol.Frame) error) {
	own := f.Clone()
	started := c.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		if err := do(ctx, own); err != nil {
			refuse(c, own, err)
		}
	})
	if !started {
		reply := f.Reply(protocol.ResSystemBusy, fmt.Sprintf("proxy: %d requests are served at once, which is the limit", c.MaxTasks()))
		_ = c.Send(&reply)
	}
}

// named is the broker that a request names, "" for none.
func named(f *protocol.Frame) string {
	key := "bname"
	if f.Code == protocol.ReqSendMessageV2 || f.Code == protocol.ReqSendBatchMessage {
		key = "n"
	}
	if b := f.Fields.String(key); b != "" {
		return b
	}
	if f.Code == protocol.ReqLockBatchMQ || f.Code == protocol.ReqUnlockBatchMQ {
		var body protocol.LockBatchRequest
		if err := protocol.UnmarshalBody(f.Body, &body); err == nil && len(body.Queues) > 0 {
			return body.Queues[0].BrokerName
		}
	}
	return ""
}

// unnamed is the error of a request that does not say which broker it is for.
type unnamed struct {
	code    int32
	brokers int
}

func (e *unnamed) Error() string {
	return fmt.Sprintf("request %d doesn't have field bname, and %d brokers may be meant: use a client of 4.9.4 or newer, or connect to the brokers directly", e.code, e.brokers)
}

// meant finds the broker of a request that names none: the only one that has its topic, or the only one of all.
func (r *Relay) meant(ctx context.Context, f *protocol.Frame) (string, error) {
	topic := f.Fields.String("topic")
	switch f.Code {
	case protocol.ReqSendMessageV2, protocol.ReqSendBatchMessage:
		topic = f.Fields.String("b")
	case protocol.ReqConsumerSendMsgBack:
		topic = f.Fields.String("originTopic")
	}
	if topic != "" {
		parts, err := r.brokers.Route(ctx, topic)
		if err == nil && len(parts) == 1 {
			return parts[0].Broker, nil
		}
	}
	all, err := r.brokers.Brokers(ctx)
	if err != nil {
		return "", err
	}
	if len(all) != 1 {
		return "", &unnamed{code: f.Code, brokers: len(all)}
	}
	return all[0], nil
}
