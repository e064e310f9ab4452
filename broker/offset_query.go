package broker

// QUERY_CONSUMER_OFFSET (14).
//
// Callers: all consumers, at each rebalance.
//
// Behaviour: the committed offset if there is one. Without one the answer decides where a new group starts: with
// setZeroIfNotFound=false it is 22; else 0 when the queue still has its first message and that message is recent (it lies
// no further than MemoryWindow behind the end of the log; Apache asks whether it is in memory), else 22, and the client
// goes by its own consumeFromWhere.
//
// Codes: 0 with offset; 22 unknown; 1 unreadable header.

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleQueryOffset(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.QueryConsumerOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	q := message.Queue{Topic: h.Topic, ID: message.QueueID(h.QueueID)}
	if off, ok := b.store.Offset(h.ConsumerGroup, q); ok {
		b.answerHeader(c, f, &protocol.OffsetResponseHeader{Offset: int64(off)})
		return
	}
	if !h.SetZeroIfNotFound {
		b.answer(c, f, protocol.ResQueryNotFound, "Not found, do not set to zero, maybe this group boot first")
		return
	}
	if b.store.MinOffset(q) > 0 || b.store.MaxOffset(q) <= 0 {
		b.answer(c, f, protocol.ResQueryNotFound, firstBoot)
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		if b.firstIsRecent(q) {
			b.answerHeader(c, f, &protocol.OffsetResponseHeader{Offset: 0})
			return
		}
		b.answer(c, f, protocol.ResQueryNotFound, firstBoot)
	})
}

const firstBoot = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first"

// firstIsRecent reports whether a queue's message 0 lies within MemoryWindow of the end of the log.
func (b *Broker) firstIsRecent(q message.Queue) bool {
	buf := b.buffers.get()
	defer b.buffers.put(buf)
	rec, got := b.store.Get((*buf)[:0], q, 0, 1, 1, nil)
	*buf = rec
	if got.Err != nil || got.Count == 0 {
		return false
	}
	r, err := message.ParseRecord(rec)
	return err == nil && light.OffsetIn(q.Topic, &r) == 0 && int64(b.store.Stats().LogEnd-r.LogOffset) <= b.opt.MemoryWindow
}
