package broker

// CONSUMER_SEND_MSG_BACK (36).
//
// Callers: push consumers, for a message that they failed to process; the proxy.
//
// Behaviour: the message at the given log offset is put into %RETRY%group once more, by way of a delay level: the
// request's, or else the one that fits the group's retry policy, if that has delays of its own (the next longer level; RocketMQ's
// broker looks at no policy), or else 3 + how often it came back already. It dies into %DLQ%group (one queue, no delay) when it came back as
// often as the group allows (the request's limit from 3.4.9 on) or when the request says so with a negative level. The
// original topic and message id stay in RETRY_TOPIC and ORIGIN_MESSAGE_ID. A group without retry queues loses the message,
// and gets a success. The answer waits until the copy is on disk.
//
// Codes: 0; 26 no such group; 16 broker or retry topic not writable; 1 message gone, of another topic than the request says, or of one that
// no client may consume (RocketMQ looks at neither), store refused, unreadable header.

import (
	"context"
	"math/rand/v2"
	"strconv"

	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/broker/reach"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// baseRetryLevel is the delay level of a first retry: 10 s.
const baseRetryLevel = 3

func (b *Broker) handleSendBack(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.SendBackHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		b.finish(c, f, b.sendBack(ctx, &h, f.Version, b.rightTo(c, f)))
	})
}

func (b *Broker) sendBack(ctx context.Context, h *protocol.SendBackHeader, version int32, may func(topic string) error) error {
	g, err := b.ensureGroup(ctx, h.Group)
	if err != nil {
		return err
	}
	if b.live.Load().Permission&permWrite == 0 {
		return apart.Refuse(protocol.ResNoPermission, "the broker[%s] sending message is forbidden", b.opt.StoreHost.Addr())
	}
	if g.RetryQueues <= 0 {
		return nil
	}
	retry, err := b.ensureRetry(ctx, g, false, h.UnitMode)
	if err != nil {
		return err
	}
	if !retry.Perm.Writable() {
		return apart.Refuse(protocol.ResNoPermission, "the topic[%s] sending message is forbidden", retry.Name)
	}
	raw, r, err := b.record(message.LogOffset(h.Offset))
	if err != nil {
		return apart.Refuse(protocol.ResSystemError, "look message by offset failed, %d: %v", h.Offset, err)
	}
	if err := reach.Returned(&r, h); err != nil {
		return err
	}
	if err := may(string(r.Topic)); err != nil {
		return err
	}
	level := b.returned(&r, raw, h, &g, version)
	if level > 0 {
		r.Topic, r.QueueID = []byte(retry.Name), message.QueueID(rand.Int32N(max(min(g.RetryQueues, retry.WriteQueues), 1))) // #nosec G404 -- spreads load, guards nothing
		b.stats.returned.Add(1)
	} else {
		dead, err := b.ensureTopic(ctx, plainTopic(message.DLQTopic(h.Group), 1))
		if err != nil {
			return err
		}
		r.Topic, r.QueueID = []byte(dead.Name), 0
		b.meters.Dead(b.origin(r.Properties), h.Group)
		b.opt.Logger.Info("message given up into the dead letter topic", "topic", dead.Name, "origin", h.OriginTopic, "reconsumed", r.ReconsumeTimes-1)
	}
	err = b.putAndWait(ctx, &r, int(level))
	if err == nil {
		b.statistics.Returned(h.Group, b.origin(r.Properties), level <= 0)
		b.opt.Spans.Returned(h.Group, &r)
	}
	return err
}

// returned makes the copy of a returned message, but for its topic and queue, and works out its delay level: 0 if it dies.
func (b *Broker) returned(r *message.Record, raw []byte, h *protocol.SendBackHeader, g *group.Config, version int32) int32 {
	limit, level := g.RetryMaxTimes, h.DelayLevel
	if version >= protocol.Version3_4_9 && h.HasMaxReconsumeTimes {
		limit = h.MaxReconsumeTimes
	}
	switch {
	case r.ReconsumeTimes >= limit || level < 0:
		level = 0
	case level == 0 && g.RetryPolicy.Chosen():
		level = b.levelOf(g.RetryPolicy.DelayMillis(int(r.ReconsumeTimes)))
	case level == 0:
		level = baseRetryLevel + r.ReconsumeTimes
	}
	p := r.Properties.Without(message.PropCRC, message.PropWait, message.PropDelay)
	if level > 0 {
		p = property.StripTimer(p) // it waits for its level now
	}
	if _, ok := p.Get(message.PropRetryTopic); !ok {
		p = message.AppendProperty(p, message.PropRetryTopic, string(r.Topic))
	}
	if id, _ := p.Get(message.PropOriginMessageID); len(id) == 0 {
		at, _ := message.StampedOffsets(raw)
		p = p.With(message.PropOriginMessageID, string(message.AppendID(nil, r.StoreHost, at)))
	}
	r.Properties = message.AppendProperty(p, message.PropDelay, strconv.Itoa(int(level)))
	r.ReconsumeTimes++
	r.PreparedOffset = 0
	r.SysFlag &^= message.FlagTransactionMask
	return level
}

// levelOf is the shortest delay level that is no shorter than so many ms, the highest if none is.
func (b *Broker) levelOf(millis int64) int32 {
	levels := b.opt.DelayLevels
	for i, d := range levels {
		if d.Milliseconds() >= millis {
			return int32(i + 1)
		}
	}
	return int32(len(levels))
}

// putAndWait stores one message, delayed if it has a level, and waits until it is on disk.
func (b *Broker) putAndWait(ctx context.Context, r *message.Record, level int) error {
	w := &waitSink{done: make(chan error, 1)}
	var err error
	if level > 0 {
		err = b.store.PutDelayed(r, level, w, 0)
	} else {
		err = b.store.Put(r, w, 0)
	}
	if err != nil {
		return err
	}
	b.store.Kick()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return apart.Refuse(protocol.ResSystemError, "the store has not answered for %v", makeTimeout)
	}
}

// waitSink hands the outcome of one append to a goroutine that waits for it.
type waitSink struct{ done chan error }

// Committed passes the outcome on.
func (w *waitSink) Committed(_ uint64, _ []store.Appended, err error) { w.done <- err }

// Flush does nothing: Committed has said it all.
func (w *waitSink) Flush() {}
