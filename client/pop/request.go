package pop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// request pops once (200050).
func (c *Consumer) request(ctx context.Context, s source, max int, wait time.Duration) ([]*wire.Delivery, error) {
	f := protocol.Frame{Code: protocol.ReqPopMessage}
	h := protocol.PopMessageHeader{ConsumerGroup: c.o.Group, Topic: s.topic, QueueID: -1, MaxMsgNums: int32(max), InvisibleTime: c.o.Invisible.Milliseconds(),
		PollTime: wait.Milliseconds(), BornTime: time.Now().UnixMilli(), InitMode: 1, ExpressionType: s.told.Data.ExpressionType,
		Expression: s.told.Data.SubString, Order: c.o.Ordered, BrokerName: s.broker}
	if c.o.FromFirst {
		h.InitMode = 0
	}
	h.Append(&f.Fields)
	answer, err := c.o.Cluster.Invoke(ctx, s.addr, &f)
	if err != nil {
		return nil, err
	}
	switch answer.Code {
	case protocol.ResPullNotFound, protocol.ResPollingTimeout:
		return nil, nil
	}
	if err := cluster.Check(answer, s.addr, f.Code); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return c.read(ctx, s, answer)
}

// read makes deliveries of a pop's answer.
func (c *Consumer) read(ctx context.Context, s source, answer *protocol.Frame) ([]*wire.Delivery, error) {
	in, err := readInfo(answer.Fields)
	if err != nil {
		return nil, fmt.Errorf("client: the answer of %s: %w", s.addr, err)
	}
	d := wire.Decoder{Queue: wire.Queue{Topic: s.topic, BrokerName: s.broker}, Namespace: c.o.Namespace, AnyQueue: true}
	list, _, err := d.Decode(answer.Body)
	if err != nil {
		c.o.Logger.Error("client: messages are left out", "broker", s.broker, "topic", s.topic, "error", err)
	}
	ds := make([]*wire.Delivery, 0, len(list))
	var passed []*wire.Delivery
	for i := range list {
		d := &list[i]
		switch err := errors.Join(wire.Broken(d), in.receipt(d)); {
		case err != nil:
			c.o.Logger.Error("client: a message cannot be handed out, it comes again until it is a dead letter", "id", d.ID, "topic", d.Topic, "error", err)
		case !s.told.Wanted(d.Tag): // its tag has the hash of a wanted one
			passed = append(passed, d)
		default:
			ds = append(ds, d)
		}
	}
	if len(passed) > 0 {
		if err := c.Ack(ctx, passed...); err != nil {
			c.o.Logger.Warn("client: messages with other tags come again", "messages", len(passed), "error", err)
		}
	}
	return ds, nil
}

// info is what a pop's answer says of its messages.
type info struct {
	h      protocol.PopMessageResponseHeader
	starts map[string]int64
	counts map[string]int64
}

func readInfo(fs protocol.Fields) (in info, err error) {
	if err = in.h.Decode(fs); err != nil {
		return in, err
	}
	if in.starts, err = protocol.ParseStartOffsets(in.h.StartOffsetInfo); err != nil {
		return in, err
	}
	in.counts, err = protocol.ParseStartOffsets(in.h.OrderCountInfo)
	return in, err
}

// ofRetry reports whether the property POP_CK is the broker's receipt of a message that comes again; a producer may have sent another one.
func ofRetry(text, broker string) bool {
	h, err := protocol.ParsePopHandle(text)
	return err == nil && h.Topic != protocol.PopNormal && h.BrokerName == broker
}

// receipt gives a delivery its receipt, which messages that come again bring along, and tells ordered ones how often they have come.
func (in *info) receipt(d *wire.Delivery) error {
	from := protocol.PopTopicOf(d.Queue.Topic)
	if own := d.Property(message.PropPopCheckpoint); ofRetry(own, d.Queue.BrokerName) {
		d.Receipt = own
	} else {
		start, ok := in.starts[protocol.PopQueueKey(from, d.Queue.QueueID)]
		if !ok {
			return fmt.Errorf("client: %q does not say where queue %d was read from", in.h.StartOffsetInfo, d.Queue.QueueID)
		}
		h := protocol.PopHandle{StartOffset: start, PopTime: in.h.PopTime, InvisibleTime: in.h.InvisibleTime, ReviveQueue: in.h.ReviveQueue,
			Topic: from, BrokerName: d.Queue.BrokerName, QueueID: d.Queue.QueueID, QueueOffset: int64(d.Offset), CommitLogOffset: -1}
		d.Receipt = string(h.Append(nil))
	}
	if in.h.ReviveQueue != protocol.PopOrderQueue {
		return nil
	}
	n, ok := in.counts[protocol.PopMessageKey(from, d.Queue.QueueID, int64(d.Offset))]
	if !ok {
		n = in.counts[protocol.PopQueueKey(from, d.Queue.QueueID)]
	}
	d.ReconsumeTimes = int(n)
	return nil
}
