package broker

// CHECK_TRANSACTION_STATE (39), from us to producers; RESUME_CHECK_HALF_MESSAGE (323), from administrators.
//
// 39 goes one-way to one connected producer of the half message's group, in turn, with the message as it is to be; the answer
// is a 37. Package checkback says when.
//
// 323 takes a message that was given up out of TRANS_CHECK_MAX_TIME_TOPIC (where it stays for reading) and makes it a half message
// again, about which producers are asked anew. msgId is the one with its log offset. While it waits for its end, resuming it
// once more changes nothing.
//
// Codes of 323: 0; 1 no such message, or it lies elsewhere, or the store refused.

import (
	"context"

	"github.com/aerobee-mq/aerobee/broker/checkback"
	"github.com/aerobee-mq/aerobee/broker/reach"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) newCheckback() *checkback.Loop {
	return checkback.New(b.store, checkback.Options{
		Interval: b.opt.TransactionInterval, Max: b.opt.TransactionChecks, MaxAge: b.opt.TransactionMaxAge, Ask: b.askProducer,
		Ready: func(ctx context.Context) error {
			_, err := b.ensureTopic(ctx, plainTopic(message.TopicCheckMax, 1))
			return err
		},
		Now: b.opt.Now, Logger: b.opt.Logger,
	})
}

// checkLoop asks producers until the broker stops.
func (b *Broker) checkLoop() {
	ctx, cancel := context.WithCancel(context.Background())
	b.wg.Go(func() {
		<-b.stop
		cancel()
	})
	b.checkback.Run(ctx)
}

// askProducer sends a 39 to one producer of the group; false if none is connected.
func (b *Broker) askProducer(group string, e transaction.Entry, r *message.Record) bool {
	b.clientMu.Lock()
	members := b.clients.Producers(group)
	b.clientMu.Unlock()
	if len(members) == 0 {
		return false
	}
	id := r.Properties.GetString(message.PropUniqueKey)
	h := protocol.CheckTransactionHeader{Topic: message.TopicHalf, TranStateTableOffset: int64(e.Queue), CommitLogOffset: int64(e.Created),
		MsgID: id, TransactionID: id, OffsetMsgID: string(message.AppendID(nil, r.StoreHost, e.Created)), BrokerName: b.opt.BrokerName}
	out := protocol.Frame{Code: protocol.ReqCheckTransactionState, Flag: protocol.FlagOneway, Language: protocol.LanguageJava, Version: protocol.CurrentVersion}
	h.Append(&out.Fields)
	out.Body = message.AppendRecord(nil, r)
	message.Seal(out.Body, e.Created, e.Queue, message.StoreTime(e.Stored))
	first := b.asked.Add(1)
	for i := range members {
		if to := members[(first+uint64(i))%uint64(len(members))].Conn; to.conn.Send(&out) == nil {
			return true
		}
	}
	return false
}

func (b *Broker) handleResumeCheck(c *remoting.Conn, f *protocol.Frame) {
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		if err := b.resumeCheck(ctx, f.Fields.String("msgId"), b.rightTo(c, f)); err != nil {
			b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "Exception was thrown when putting message back to %s: %v", message.TopicHalf, err))
			return
		}
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

func (b *Broker) resumeCheck(ctx context.Context, id string, may func(topic string) error) error {
	_, at, err := message.ParseID(id)
	if err != nil {
		return err
	}
	if _, _, err := b.store.Half(at); err == nil {
		return nil
	}
	_, r, err := b.record(at)
	if err == nil {
		err = may(reach.Topic(&r))
	}
	if err == nil {
		err = transaction.Resumed(&r, at)
	}
	if err == nil {
		_, err = b.ensureTopic(ctx, plainTopic(message.TopicHalf, 1))
	}
	if err != nil {
		return err
	}
	return b.putAndWait(ctx, &r, 0)
}
