package pop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

// held is a delivery with its receipt taken apart.
type held struct {
	d *wire.Delivery
	h protocol.PopHandle
}

func heldOf(d *wire.Delivery) (held, error) {
	h, err := protocol.ParsePopHandle(d.Receipt)
	if err != nil {
		return held{}, fmt.Errorf("client: message %s: %w: %w", d.ID, cluster.ErrIllegal, err)
	}
	return held{d, h}, nil
}

// mostBits is how far from the beginning of its pop a message may lie that is acknowledged with others.
const mostBits = 4096

func (in held) far() bool {
	n := in.h.QueueOffset - in.h.StartOffset
	return n < 0 || n >= mostBits
}

// addr is the address of the broker that a delivery came from.
func (c *Consumer) addr(ctx context.Context, in *held) (string, error) {
	for _, ask := range [...]func(context.Context, string) (*cluster.Route, error){c.o.Cluster.Route, c.o.Cluster.Refresh} {
		route, err := ask(ctx, in.d.Queue.Topic)
		if err != nil {
			return "", err
		}
		if addr, ok := route.Master(in.h.BrokerName); ok {
			return addr, nil
		}
	}
	return "", fmt.Errorf("client: broker %s of topic %s has no master: %w", in.h.BrokerName, in.d.Queue.Topic, cluster.ErrNoRoute)
}

// Ack tells the brokers that messages are done; they do not come again. Several of one broker go in one request. A message whose invisible
// time has passed may come again all the same. The error names each broker that did not take its part.
func (c *Consumer) Ack(ctx context.Context, ds ...*wire.Delivery) error {
	parts := map[string][]held{}
	var order []string
	for _, d := range ds {
		in, err := heldOf(d)
		if err != nil {
			return err
		}
		if parts[in.h.BrokerName] == nil {
			order = append(order, in.h.BrokerName)
		}
		parts[in.h.BrokerName] = append(parts[in.h.BrokerName], in)
	}
	var errs []error
	for _, broker := range order {
		errs = append(errs, c.ackAt(ctx, parts[broker]))
	}
	return errors.Join(errs...)
}

// ackAt acknowledges what came from one broker.
func (c *Consumer) ackAt(ctx context.Context, part []held) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	addr, err := c.addr(ctx, &part[0])
	if err != nil {
		return err
	}
	near := slices.DeleteFunc(slices.Clone(part), held.far)
	var frames []protocol.Frame
	for i := range part {
		if len(near) == 1 || part[i].far() {
			frames = append(frames, c.oneAck(&part[i]))
		}
	}
	if len(near) > 1 {
		frames = append(frames, c.batchAck(near))
	}
	var errs []error
	for i := range frames {
		if _, err := c.ask(ctx, addr, &frames[i]); err != nil {
			errs = append(errs, fmt.Errorf("client: acknowledgement of %d messages: %w", len(part), err))
		}
	}
	return errors.Join(errs...)
}

func (c *Consumer) oneAck(in *held) protocol.Frame {
	f := protocol.Frame{Code: protocol.ReqAckMessage}
	h := protocol.AckMessageHeader{ConsumerGroup: c.o.Group, Topic: in.h.Topic.Name(c.o.Group, in.d.Queue.Topic), QueueID: in.h.QueueID, ExtraInfo: in.d.Receipt,
		Offset: in.h.QueueOffset, BrokerName: in.h.BrokerName}
	h.Append(&f.Fields)
	return f
}

// batchAck is one request for many (200151): those of one pop of one queue are bits of one entry.
func (c *Consumer) batchAck(part []held) protocol.Frame {
	type pop struct {
		topic string
		h     protocol.PopHandle // without what is a single message's
	}
	at := map[pop]int{}
	body := protocol.BatchAckRequest{BrokerName: part[0].h.BrokerName}
	for _, in := range part {
		key := pop{in.d.Queue.Topic, in.h}
		key.h.QueueOffset, key.h.CommitLogOffset = 0, 0
		i, ok := at[key]
		if !ok {
			i = len(body.Acks)
			at[key] = i
			body.Acks = append(body.Acks, protocol.BatchAck{ConsumerGroup: c.o.Group, InvisibleTime: in.h.InvisibleTime, PopTime: in.h.PopTime, QueueID: in.h.QueueID,
				Retry: string('0' + rune(in.h.Topic)), ReviveQueue: in.h.ReviveQueue, StartOffset: in.h.StartOffset, Topic: in.d.Queue.Topic})
		}
		body.Acks[i].Bits.Set(int(in.h.QueueOffset - in.h.StartOffset))
	}
	return protocol.Frame{Code: protocol.ReqBatchAckMessage, Body: protocol.MarshalBody(body)}
}

// ChangeInvisible has a message come again after d from now, sooner or later than it would have; 0 is as soon as the broker can. Its Receipt
// is a new one then, and the old one counts no more.
func (c *Consumer) ChangeInvisible(ctx context.Context, m *wire.Delivery, d time.Duration) error {
	in, err := heldOf(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	addr, err := c.addr(ctx, &in)
	if err != nil {
		return err
	}
	f := protocol.Frame{Code: protocol.ReqChangeMessageInvisibleTime}
	h := protocol.ChangeInvisibleHeader{ConsumerGroup: c.o.Group, Topic: in.h.Topic.Name(c.o.Group, m.Queue.Topic), QueueID: in.h.QueueID, ExtraInfo: m.Receipt,
		Offset: in.h.QueueOffset, InvisibleTime: max(d.Milliseconds(), 0), BrokerName: in.h.BrokerName}
	h.Append(&f.Fields)
	answer, err := c.ask(ctx, addr, &f)
	var changed protocol.ChangeInvisibleResponseHeader
	if err == nil {
		err = changed.Decode(answer.Fields)
	}
	if err != nil {
		return fmt.Errorf("client: invisible time of message %s: %w", m.ID, err)
	}
	next := in.h
	next.PopTime, next.InvisibleTime, next.ReviveQueue = changed.PopTime, changed.InvisibleTime, changed.ReviveQueue
	next.StartOffset, next.CommitLogOffset = in.h.QueueOffset, -1 // a pop of its own
	m.Receipt = string(next.Append(nil))
	return nil
}

// GiveUp puts a message among the group's dead letters, and acknowledges it.
func (c *Consumer) GiveUp(ctx context.Context, m *wire.Delivery) error {
	in, err := heldOf(m)
	if err != nil {
		return err
	}
	own, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	addr, err := c.addr(own, &in)
	if err != nil {
		return err
	}
	f := protocol.Frame{Code: protocol.ReqConsumerSendMsgBack}
	h := protocol.SendBackHeader{Offset: int64(m.LogOffset), Group: c.o.Group, DelayLevel: -1, OriginMsgID: m.ID, OriginTopic: m.Queue.Topic, BrokerName: in.h.BrokerName}
	h.Append(&f.Fields)
	if _, err := c.ask(own, addr, &f); err != nil {
		return fmt.Errorf("client: message %s was not given up: %w", m.ID, err)
	}
	return c.Ack(ctx, m)
}
