package broker

// RECALL_MESSAGE (370), and the part of a send that timer messages need.
//
// Callers: producers, with the handle that the answer to the send of a timer message bore.
//
// Behaviour: a record that takes the message back is stored, and answered when it is durable. A handle whose message is not
// there (any more) is a success as in Apache: whatever it names will not be delivered. Unlike there, the message is gone at
// once. A message whose delivery has begun is refused. See package broker/recall for what else is.
//
// Codes: 0; 14 not yet accepting; 16 recall is switched off; 17 no such topic; 604 handle; 2, 14 as for a send.

import (
	"bytes"
	"context"

	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/broker/recall"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

func (b *Broker) handleRecall(c *remoting.Conn, f *protocol.Frame) {
	b.later(c, f, func(f *protocol.Frame) {
		id, err := b.recall(c, f)
		out := f.Reply(protocol.ResSuccess, "")
		out.Fields.Add(message.PropRegion, b.opt.Region)
		if err == nil {
			out.Fields.Add("msgId", id)
		} else {
			r := b.refusalOf(err)
			out.Code, out.Remark = r.Code, r.Remark
		}
		if !f.IsOneway() {
			b.send(c, &out)
		}
	})
}

func (b *Broker) recall(c *remoting.Conn, f *protocol.Frame) (id string, err error) {
	topic, now := f.Fields.String("topic"), b.opt.Now().UnixMilli()
	if b.live.Load().DenyRecall {
		return "", apart.Refuse(protocol.ResNoPermission, "recall failed, operation is forbidden: recallMessageEnable is false")
	}
	if now < b.opt.StartAccept {
		return "", apart.Refuse(protocol.ResServiceNotAvailable, "recall failed, broker service not available until %d ms since 1970", b.opt.StartAccept)
	}
	if _, ok := b.store.Topic(topic); !ok {
		return "", apart.Refuse(protocol.ResTopicNotExist, "recall failed, the topic[%.300s] not exist", topic)
	}
	h, no := b.timed.Check(topic, f.Fields.String("recallHandle"), now)
	if no != nil {
		return "", no
	}
	r := recall.Record(h, f.Fields.String("producerGroup"), now)
	r.BornHost = b.session(c).remote
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	_, err = b.store.Withdraw(ctx, &r, h.Millis)
	return h.UniqueKey, err
}

// putSingle stores one message: at once, after its delay level, or at its time. answered is the queue that the sender is told.
func (b *Broker) putSingle(w *sendWork, s *session, f *protocol.Frame, answered message.QueueID) error {
	at, err := b.timeOf(&w.found)
	if err != nil {
		return err
	}
	unique, handle := w.found.UniqueKey(w.props), ""
	if at > 0 && !isRetry(w.rec.Topic) {
		handle = message.RecallHandle{
			Topic: string(w.rec.Topic), Broker: b.opt.BrokerName, Millis: b.store.Times().HandleMillis(at), UniqueKey: string(unique),
		}.String()
	}
	if at > 0 && w.found.Deletes {
		return b.withdraw(w, s, f, at, handle)
	}
	token := s.sink.open(f, w.in, answered, unique, handle)
	switch {
	case w.found.Delay > 0:
		err = b.store.PutDelayed(&w.rec, w.found.Delay, &s.sink, token)
	case at > 0:
		err = b.store.PutTimed(&w.rec, at, &s.sink, token)
	default:
		err = b.store.Put(&w.rec, &s.sink, token)
	}
	if err != nil {
		s.sink.close(token)
	}
	return err
}

// timeOf returns for when a message asks, in milliseconds since 1970, 0 if it is not to wait for a time.
func (b *Broker) timeOf(found *property.Found) (int64, error) {
	if !found.IsTimer() {
		return 0, nil
	}
	now := b.opt.Now().UnixMilli()
	wait, at := found.Time(now, b.timed.MaxDelay.Milliseconds())
	if no := b.timed.Timer(wait == property.WaitIllegal, at, now); no != nil {
		return 0, no
	}
	if wait == property.WaitNone {
		at = 0
	}
	return at, nil
}

// withdraw stores a message that takes others back, away from the connection's reader: it may have to wait.
func (b *Broker) withdraw(w *sendWork, s *session, f *protocol.Frame, at int64, handle string) error {
	own, size, err := b.copyToWait(f)
	if err != nil {
		return err
	}
	rec, answered := w.rec, w.rec.QueueID
	rec.Body, rec.Topic, rec.Properties = own.Body, bytes.Clone(rec.Topic), bytes.Clone(rec.Properties)
	token := s.sink.open(own, w.in, answered, w.found.UniqueKey(w.props), handle)
	started := s.conn.Go(func() {
		defer b.waitingBytes.Add(-size)
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		a, err := b.store.Withdraw(ctx, &rec, at)
		var stored []store.Appended
		if a.Record != nil {
			stored = append(stored, a)
		}
		s.sink.Committed(token, stored, err)
		s.sink.Flush()
	})
	if !started {
		b.waitingBytes.Add(-size)
		s.sink.close(token)
		return apart.Refuse(protocol.ResSystemBusy, "%s", s.conn.TooMany())
	}
	return nil
}
