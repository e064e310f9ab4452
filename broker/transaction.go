package broker

// END_TRANSACTION (37).
//
// Callers: transactional producers, mostly one-way: after their local transaction, and when they were asked (39).
//
// Behaviour: the half message is named by its log offset and queue offset, as its send was answered, and ended by its producer
// group alone: a commit puts it to its topic, a rollback forgets it, and who does not know yet is thanked. The first end counts,
// however often the half message has been carried forward since; any other is told that nothing waits for it. (Apache commits once
// more.) The end that follows the send is handled at once, so that a producer's messages keep their order; the answer of a producer
// that was asked, on a goroutine of its own, since its message may have to be read from the disk. The answer waits until the end is on disk.
//
// Codes: 0; 1 no such half message, not its group's or its queue offset, unreadable header; 16 no right to its topic, whatever topic the request
// names: what was asked says that of half messages; 604 the message asked for a time of
// immunity and that has passed: who was not asked may not end it any more; 2, 10, 14 as for sends.

import (
	"context"
	"errors"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

func (b *Broker) handleEndTransaction(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.EndTransactionHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	switch end := message.SysFlag(h.CommitOrRollback); {
	case end != message.FlagTransactionCommit && end != message.FlagTransactionRollback:
		b.answer(c, f, protocol.ResSuccess, "")
	case h.FromTransactionCheck:
		b.endLater(c, f, &h)
	default:
		err := b.endTransaction(&h, b.rightTo(c, f), b.answering(c, f))
		switch {
		case errors.Is(err, store.ErrNoTopic):
			b.endLater(c, f, &h)
		case err != nil:
			b.refuse(c, f, err)
		}
	}
}

// endLater ends a transaction on a goroutine of the connection. A topic that was deleted meanwhile is made again: what a producer
// has committed is not lost.
func (b *Broker) endLater(c *remoting.Conn, f *protocol.Frame, h *protocol.EndTransactionHeader) {
	b.later(c, f, func(f *protocol.Frame) {
		err := b.endTransaction(h, b.rightTo(c, f), b.answering(c, f))
		if errors.Is(err, store.ErrNoTopic) {
			if err = b.reviveTopic(message.LogOffset(h.CommitLogOffset)); err == nil {
				err = b.endTransaction(h, b.rightTo(c, f), b.answering(c, f))
			}
		}
		if err != nil {
			b.refuse(c, f, err)
		}
		b.store.Kick()
	})
}

// endTransaction appends a transaction's end; the sink hears of the outcome.
func (b *Broker) endTransaction(h *protocol.EndTransactionHeader, may func(topic string) error, sink store.Sink) error {
	handle := message.LogOffset(h.CommitLogOffset)
	e, r, err := b.store.Half(handle)
	if err != nil {
		return apart.Refuse(protocol.ResSystemError, "Find prepared transaction message failed: %v", err)
	}
	immune, own := transaction.Immunity(&r, b.opt.TransactionTimeout.Milliseconds())
	age := b.opt.Now().UnixMilli() - e.Stored
	real := r.Properties.GetString(message.PropRealTopic)
	switch group := transaction.Group(&r); {
	case own && !h.FromTransactionCheck && age > immune:
		return apart.Refuse(protocol.ResIllegalOperation, "the message asked for %d ms, %d ms have passed: the producer will be asked", immune, age)
	case group != h.ProducerGroup:
		return apart.Refuse(protocol.ResSystemError, "The producer group wrong: it is not %.300s", h.ProducerGroup)
	case int64(e.Queue) != h.TranStateTableOffset:
		return apart.Refuse(protocol.ResSystemError, "The transaction state table offset wrong: it is %d, not %d", e.Queue, h.TranStateTableOffset)
	}
	if err = may(real); err != nil {
		return err
	}
	if message.SysFlag(h.CommitOrRollback) == message.FlagTransactionRollback {
		if err = b.store.EndHalf(handle, nil, sink, 0); err == nil {
			b.meters.RolledBack(real)
			b.opt.Spans.Ended(&r, false)
		}
		return err
	}
	if err = transaction.Committed(&r, e); err != nil {
		return err
	}
	topic := string(r.Topic)
	if err = b.delayCommitted(&r); err != nil {
		return err
	}
	if err = b.store.EndHalf(handle, &r, sink, 0); err == nil {
		b.meters.Committed(topic, time.Duration(age)*time.Millisecond)
		b.opt.Spans.Ended(&r, true)
	}
	return err
}

// reviveTopic makes the topic of a half message again.
func (b *Broker) reviveTopic(handle message.LogOffset) error {
	_, r, err := b.store.Half(handle)
	if err != nil {
		return err
	}
	real, err := transaction.Real(&r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	b.opt.Logger.Warn("a message is committed to a topic that does not exist; the topic is made", "topic", real.Topic, "queue", real.ID)
	_, err = b.ensureTopic(ctx, plainTopic(real.Topic, int32(real.ID)+1))
	return err
}

// answering is a sink that answers a request with what became of its append.
func (b *Broker) answering(c *remoting.Conn, f *protocol.Frame) store.Sink {
	return &answerSink{b: b, conn: c, request: protocol.Frame{Encoding: f.Encoding, Code: f.Code, Opaque: f.Opaque, Flag: f.Flag, Received: f.Received}}
}

type answerSink struct {
	b       *Broker
	conn    *remoting.Conn
	request protocol.Frame
}

// Committed builds the answer.
func (k *answerSink) Committed(_ uint64, _ []store.Appended, err error) {
	if k.request.IsOneway() {
		return
	}
	out := k.request.Reply(protocol.ResSuccess, "")
	if err != nil {
		r := k.b.refusalOf(err)
		out.Code, out.Remark = r.Code, r.Remark
	}
	k.conn.Append(&out)
}

// Flush writes it.
func (k *answerSink) Flush() {
	if !k.request.IsOneway() {
		k.conn.Flush()
	}
}
