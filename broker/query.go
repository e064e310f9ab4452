package broker

// QUERY_MESSAGE (12), VIEW_MESSAGE_BY_ID (33).
//
// Callers: queryMessage and viewMessage of the clients, admin tools, the dashboard.
//
// Behaviour: 12 finds messages of a topic by one of their keys, or by unique key when the extra field
// _UNIQUE_KEY_QUERY is true or indexType is U; the newest first, at most 64 (32 for unique keys). 33 reads one record at the log offset that
// a message id names; only this broker's log is looked at, whatever address the id was reached by.
//
// Codes: 0 with the records as body; 22 no such key (12); 1 no record at the offset (33), or unreadable header.

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

const (
	maxQuery       = 64
	maxQueryUnique = 32
)

func (b *Broker) handleQuery(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.QueryMessageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	limit := min(max(int(h.MaxNum), 1), maxQuery)
	unique := h.UniqueKey || h.IndexType == "U"
	if unique {
		limit = maxQueryUnique
	}
	b.later(c, f, func(f *protocol.Frame) {
		buf := b.buffers.get()
		defer b.buffers.put(buf)
		body, n, lastTime, lastAt, err := b.store.Query((*buf)[:0], h.Topic, h.Key, unique, limit, message.StoreTime(h.BeginTimestamp), message.StoreTime(h.EndTimestamp))
		*buf = body
		if err != nil {
			b.refuse(c, f, err)
			return
		}
		code, remark := int32(protocol.ResSuccess), ""
		if n == 0 || readForbidden(h.Topic) {
			code, remark, body = protocol.ResQueryNotFound, "can not find message, maybe time range not correct", nil
		}
		out := f.Reply(code, remark)
		rh := protocol.QueryMessageResponseHeader{IndexLastUpdateTimestamp: int64(lastTime), IndexLastUpdatePhyOffset: int64(lastAt)}
		rh.Append(&out.Fields)
		out.Body = body
		b.send(c, &out)
	})
}

func (b *Broker) handleView(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ViewMessageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		rec, _, err := b.record(message.LogOffset(h.Offset))
		if err != nil {
			b.refuse(c, f, refuse(protocol.ResSystemError, "can not find message by the offset, %d: %v", h.Offset, err))
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
		err = refuse(protocol.ResNoPermission, "the topic[%s] is not for clients", r.Topic)
	}
	return raw, r, err
}
