package broker

// SEARCH_OFFSET_BY_TIMESTAMP (29), GET_MAX_OFFSET (30), GET_MIN_OFFSET (31), GET_EARLIEST_MSG_STORETIME (32).
//
// Callers: consumers that start somewhere else than at their committed offset; admin tools.
//
// Behaviour: 29 answers the first offset at or after a time (boundaryType LOWER, the default) or the last one at or before
// it (UPPER); before the first message it is the minimum, after the last the maximum. A queue that never held
// anything has the maximum 0 and the minimum 0, and so has one of no topic. 32 answers -1 when the queue holds nothing.
//
// Codes: 0; 1 unreadable header, or the index cannot be read.

import (
	"errors"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

func (b *Broker) handleSearchOffset(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.SearchOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		q := message.Queue{Topic: h.Topic, ID: message.QueueID(h.QueueID)}
		off, err := b.store.OffsetByTime(q, message.StoreTime(h.Timestamp), h.Upper())
		if err != nil && !errors.Is(err, store.ErrNoTopic) {
			b.refuse(c, f, err)
			return
		}
		b.answerHeader(c, f, &protocol.OffsetResponseHeader{Offset: int64(off)})
	})
}

func (b *Broker) handleMaxOffset(c *remoting.Conn, f *protocol.Frame) {
	if q, ok := b.queueOf(c, f); ok {
		b.answerHeader(c, f, &protocol.OffsetResponseHeader{Offset: max(int64(b.store.MaxOffset(q)), 0)})
	}
}

func (b *Broker) handleMinOffset(c *remoting.Conn, f *protocol.Frame) {
	if q, ok := b.queueOf(c, f); ok {
		b.later(c, f, func(f *protocol.Frame) { // it may have to be looked for on the disk
			b.answerHeader(c, f, &protocol.OffsetResponseHeader{Offset: int64(b.store.MinOffset(q))})
		})
	}
}

func (b *Broker) handleEarliestTime(c *remoting.Conn, f *protocol.Frame) {
	q, ok := b.queueOf(c, f)
	if !ok {
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		h := protocol.TimestampResponseHeader{Timestamp: -1}
		if t, ok := b.store.StoreTimeAt(q, b.store.MinOffset(q)); ok {
			h.Timestamp = int64(t)
		}
		b.answerHeader(c, f, &h)
	})
}

// queueOf reads the header that names a queue; it answers and reports false when it cannot.
func (b *Broker) queueOf(c *remoting.Conn, f *protocol.Frame) (message.Queue, bool) {
	var h protocol.QueueHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return message.Queue{}, false
	}
	return message.Queue{Topic: h.Topic, ID: message.QueueID(h.QueueID)}, true
}
