package broker

// UPDATE_CONSUMER_OFFSET (15).
//
// Callers: all consumers, mostly one-way every 5 s; admin tools that move offsets.
//
// Behaviour: the offset is visible at once and in the log within a second. It may go backwards. Groups and topics must
// exist: an offset never makes one. A commit that comes between a reset (222) and the next pull does not count. One from a
// connection that has not announced itself as a member of the group is logged: somebody else moves the group's offset.
//
// Codes: 0; 17 no such topic; 26 no such group; 29 negative offset; 1 unreadable header, or the store has failed.

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleUpdateOffset(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.UpdateConsumerOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResInvalidParameter, err.Error())
		return
	}
	if _, ok := b.store.Group(h.ConsumerGroup); !ok {
		b.answer(c, f, protocol.ResSubscriptionGroupNotExist, "Group "+h.ConsumerGroup+" not exist!")
		return
	}
	if _, ok := b.store.Topic(h.Topic); !ok {
		b.answer(c, f, protocol.ResTopicNotExist, "Topic "+h.Topic+" not exist!")
		return
	}
	if h.CommitOffset < 0 || h.QueueID < 0 {
		b.refuse(c, f, apart.Refuse(protocol.ResInvalidParameter, "offset %d of queue %d: neither may be negative, topic is %s", h.CommitOffset, h.QueueID, h.Topic))
		return
	}
	q := message.Queue{Topic: h.Topic, ID: message.QueueID(h.QueueID)}
	if b.mover.Pending(h.ConsumerGroup, q) {
		b.answer(c, f, protocol.ResSuccess, "Offset has been previously reset")
		return
	}
	if err := b.commitOffset(b.session(c), h.ConsumerGroup, q, message.QueueOffset(h.CommitOffset), "committed"); err != nil {
		b.refuse(c, f, err)
		return
	}
	b.answer(c, f, protocol.ResSuccess, "")
}

// commitOffset commits a group's offset for a connection. how says so in the log, if that is no member of the group.
func (b *Broker) commitOffset(s *session, group string, q message.Queue, to message.QueueOffset, how string) error {
	err := b.mover.Commit(group, q, to, b.isMember(s, group), s.remote, how)
	if err == nil {
		b.opt.Spans.Committed(group, q, to)
	}
	return err
}

// isMember reports whether a connection has announced itself as a consumer of the group.
func (b *Broker) isMember(s *session, group string) bool {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	g := b.clients.Group(group)
	return g != nil && g.Has(s)
}
