package broker

// SEND_REPLY_MESSAGE (324), SEND_REPLY_MESSAGE_V2 (325); sends PUSH_REPLY_MESSAGE_TO_CLIENT (326).
//
// Callers: consumers that answer a request (DefaultMQProducer.request of the other side), with a message to CLUSTER_REPLY_TOPIC.
//
// Behaviour: checks as a send (10). The reply goes to the producer whose client id its property REPLY_TO_CLIENT names, which has
// 10 s to take it, and is stored besides unless storeReplyMessageEnable is off, whether it was taken or not. That it could
// not be stored is no failure: the log says so, and the answer names no place.
//
// Codes: 0 taken; 1 no property, no such producer, not taken (then with the place at which it is stored), or unreadable header;
// those of a send that is refused.

import (
	"context"
	"math/rand/v2"

	"github.com/aerobee-mq/aerobee/broker/ask"
	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

func (b *Broker) handleReply(c *remoting.Conn, f *protocol.Frame) {
	s := b.session(c)
	b.later(c, f, func(f *protocol.Frame) {
		w := b.works.Get().(*sendWork)
		defer b.works.Put(w)
		ctx, cancel := context.WithTimeout(context.Background(), 2*makeTimeout)
		defer cancel()
		if err := b.prepareReply(w, s, f); err != nil {
			b.refuseSend(s, f, err)
			return
		}
		out := f.Reply(protocol.ResSuccess, "")
		h := protocol.SendMessageResponseHeader{MsgID: []byte("0"), QueueID: int32(w.rec.QueueID)}
		err := b.pushReply(ctx, w, s, f)
		if err != nil {
			out.Code, out.Remark = protocol.ResSystemError, b.refusalOf(err).Remark
		}
		stored := !b.live.Load().DropReplies && b.storeReply(ctx, w, &h)
		if err == nil || stored {
			h.Append(&out.Fields)
		}
		out.Fields = append(out.Fields, b.regionFields...)
		if !f.IsOneway() {
			b.send(c, &out)
		}
	})
}

// prepareReply makes the record of a reply, and its topic if that is not there yet.
func (b *Broker) prepareReply(w *sendWork, s *session, f *protocol.Frame) error {
	w.resumed = true // the order among sends that wait for a topic is none of a reply's business
	if err := w.hdr.DecodeSend(f.Code, f.Fields); err != nil {
		return apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	h := &w.hdr
	cfg, err := b.checkSend(w, h)
	if n, missing := err.(*needs); missing {
		if err = b.make(n.want, h); err == nil {
			cfg, err = b.checkSend(w, h)
		}
	}
	if err != nil {
		return err
	}
	queue := message.QueueID(h.QueueID)
	if queue < 0 {
		queue = message.QueueID(rand.Int32N(max(cfg.WriteQueues, 1))) // #nosec G404 -- spreads load, guards nothing
	}
	if len(f.Body) == 0 {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: its body is empty: msg body is %d bytes, the least is 1", len(f.Body))
	}
	w.props = b.withRegion(w.found.Scan(w.props[:0], h.Properties))
	w.rec = message.Record{
		QueueID: queue, Flag: h.Flag, SysFlag: message.SysFlag(h.SysFlag), BornTime: h.BornTimestamp, BornHost: s.remote,
		ReconsumeTimes: h.ReconsumeTimes, Body: f.Body, Topic: h.Topic, Properties: w.props,
	}
	return b.checkProperties(&w.found, &w.rec, cfg)
}

// withRegion appends MSG_REGION and TRACE_ON, which replies have as they go on, and as they are stored.
func (b *Broker) withRegion(p message.Properties) message.Properties {
	for i := range b.regionFields {
		p = message.AppendProperty(p, string(b.regionFields[i].Key), string(b.regionFields[i].Value))
	}
	return p
}

// pushReply hands a reply to the client that it is for.
func (b *Broker) pushReply(ctx context.Context, w *sendWork, s *session, f *protocol.Frame) error {
	id, _ := message.Properties(w.hdr.Properties).Get(message.PropReplyTo)
	if len(id) == 0 {
		return apart.Refuse(protocol.ResSystemError, "reply message properties[%s] is null", message.PropReplyTo)
	}
	b.clientMu.Lock()
	to, ok := b.clients.ProducerConn(string(id))
	b.clientMu.Unlock()
	if !ok {
		return apart.Refuse(protocol.ResSystemError, "push reply message fail, channel of <%.300s> not found.", id)
	}
	if err := b.asking.Enter(to); err != nil {
		return apart.Refuse(protocol.ResSystemError, "push reply message to %.300s fail: %v", id, err)
	}
	defer b.asking.Leave(to)
	known := message.Properties(w.hdr.Properties).Without(message.PropRegion, message.PropTraceOn)
	r := ask.Reply{Header: &w.hdr, Properties: b.withRegion(known), Body: f.Body, From: s.remote, At: b.opt.StoreHost, Now: b.opt.Now()}
	if err := r.Push(ctx, to.conn); err != nil {
		return apart.Refuse(protocol.ResSystemError, "push reply message to %.300s fail: %v", id, err)
	}
	return nil
}

// storeReply stores a reply, notes its place in the answer's header, and reports whether it could.
func (b *Broker) storeReply(ctx context.Context, w *sendWork, h *protocol.SendMessageResponseHeader) bool {
	if len(w.rec.Body) > b.live.Load().MaxMessageSize {
		b.opt.Logger.Warn("reply not stored: too large", "topic", string(w.rec.Topic), "bytes", len(w.rec.Body), "limit", b.live.Load().MaxMessageSize)
		return false
	}
	k := &placeSink{done: make(chan error, 1)}
	err := b.store.Put(&w.rec, k, 0)
	if err == nil {
		b.store.Kick()
		select {
		case err = <-k.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		b.opt.Logger.Warn("reply not stored", "topic", string(w.rec.Topic), "error", err)
		return false
	}
	var counted meter.Tally
	counted.Add(b.meters.In(string(w.rec.Topic), meter.Normal), int(k.size))
	counted.Flush()
	h.MsgID, h.QueueOffset = message.AppendID(nil, b.opt.StoreHost, k.at), int64(k.offset)
	return true
}

// placeSink hands the place of one record to a goroutine that waits for it.
type placeSink struct {
	done   chan error
	at     message.LogOffset
	size   int64 // bytes of the record
	offset message.QueueOffset
}

// Committed passes the place on.
func (k *placeSink) Committed(_ uint64, recs []store.Appended, err error) {
	if len(recs) > 0 {
		k.at, k.offset, k.size = recs[0].LogOffset, recs[0].QueueOffset, int64(len(recs[0].Record))
	}
	k.done <- err
}

// Flush does nothing: Committed has said it all.
func (k *placeSink) Flush() {}
