package broker

// QUERY_MESSAGE (12), VIEW_MESSAGE_BY_ID (33).
//
// Callers: queryMessage and viewMessage of the clients, admin tools, the dashboard.
//
// Behaviour: 12 finds messages of a topic by one of their keys or their unique key (RocketMQ's index files do not tell the two
// apart either), with index type T by their tag, stored between two times; the newest maxNum, at most 64 (32 with the extra
// field _UNIQUE_KEY_QUERY), in the order in which they were stored. 33 reads one record at the log offset that
// a message id names; only this broker's log is looked at, whatever address the id was reached by and whatever topic is named.
//
// Codes: 0 with the records as body; 22 no such key (12); 1 no record at the offset (33), or unreadable header.

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/find"
	"github.com/aerobee-mq/aerobee/broker/reach"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

const (
	maxQuery       = 64
	maxQueryUnique = 32
	indexTag       = "T"
)

func (b *Broker) handleQuery(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.QueryMessageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if h.MaxNum < 0 {
		b.answer(c, f, protocol.ResSystemError, fmt.Sprintf("maxNum is %d, the smallest is 0", h.MaxNum))
		return
	}
	limit := min(int(h.MaxNum), maxQuery)
	if h.UniqueKey {
		limit = maxQueryUnique
	}
	b.later(c, f, func(f *protocol.Frame) {
		body, lastTime, lastAt, err := b.find(&h, limit)
		if err != nil {
			b.refuse(c, f, err)
			return
		}
		code, remark := int32(protocol.ResSuccess), ""
		if len(body) == 0 || readForbidden(h.Topic) {
			code, remark, body = protocol.ResQueryNotFound, "can not find message, maybe time range not correct", nil
		}
		out := f.Reply(code, remark)
		rh := protocol.QueryMessageResponseHeader{IndexLastUpdateTimestamp: int64(lastTime), IndexLastUpdatePhyOffset: int64(lastAt)}
		rh.Append(&out.Fields)
		out.Body = body
		b.send(c, &out)
	})
}

// find returns the newest messages that a query asks for, as they were stored, and how far the index reaches.
func (b *Broker) find(h *protocol.QueryMessageHeader, limit int) (body []byte, lastTime message.StoreTime, lastAt message.LogOffset, err error) {
	from, to := message.StoreTime(h.BeginTimestamp), message.StoreTime(h.EndTimestamp)
	if h.IndexType != indexTag {
		buf := b.buffers.get()
		defer b.buffers.put(buf)
		*buf, _, lastTime, lastAt, err = b.store.Query((*buf)[:0], h.Topic, h.Key, false, limit, from, to)
		if err == nil {
			body, err = find.Reversed(*buf)
		}
		return body, lastTime, lastAt, err
	}
	var queues []message.Queue
	t, _ := b.store.Topic(h.Topic)
	for id := range max(t.ReadQueues, t.WriteQueues) {
		queues = append(queues, message.Queue{Topic: h.Topic, ID: message.QueueID(id)})
	}
	if body, err = find.ByTag(search{b.store}, queues, h.Key, limit, from, to); err == nil {
		_, _, lastTime, lastAt, err = b.store.Query(nil, h.Topic, h.Key, false, 0, from, to)
	}
	return body, lastTime, lastAt, err
}

func (b *Broker) handleView(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ViewMessageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		rec, r, err := b.record(message.LogOffset(h.Offset))
		if err != nil {
			b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "can not find message by the offset, %d: %v", h.Offset, err))
			return
		}
		if err := b.rightTo(c, f)(reach.Topic(&r)); err != nil {
			b.refuse(c, f, err)
			return
		}
		b.answerBody(c, f, rec, nil)
	})
}

// record reads one message for clients: state records do not exist for them.
func (b *Broker) record(at message.LogOffset) ([]byte, message.Record, error) {
	raw, err := b.store.View(nil, at)
	if err != nil {
		return nil, message.Record{}, err
	}
	r, err := message.ParseRecord(raw)
	if err == nil && readForbidden(string(r.Topic)) {
		err = apart.Refuse(protocol.ResNoPermission, "the topic[%s] is not for clients", r.Topic)
	}
	return raw, r, err
}

// rightTo asks for the right to a message's topic where a request names the offset: users have rights to topics.
func (b *Broker) rightTo(c *remoting.Conn, f *protocol.Frame) func(topic string) error {
	return func(topic string) error {
		if b.opt.MayReach == nil {
			return nil
		}
		return b.opt.MayReach(c, f, topic)
	}
}
