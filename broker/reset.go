package broker

// INVOKE_BROKER_TO_RESET_OFFSET (222).
//
// Callers: mqadmin resetOffsetByTime and skipAccumulatedMessage, the dashboard.
//
// Behaviour: the group's offsets of all readable queues, or of the one named, are set to the first message at or after the
// time, to the end (time -1), or to the given offset. They are committed at once, and until the group's next pull of a queue
// its own commits there do not count: that pull is answered with 21 and the new offset, and the client goes on from there. A
// pull on hold is answered so at once (Apache's waits for its end).
// That consumers run is not needed; isForce is not looked at, as with RocketMQ's reset on the server's side.
//
// Codes: 0 with the offsets by queue; 17 no such topic; 26 no such group; 1 queue or offset out of range, or unreadable
// header.

import (
	"math"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleReset(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ResetOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		table, err := b.resetOffsets(&h)
		b.answerBody(c, f, table.Append(nil), err)
	})
}

func (b *Broker) resetOffsets(h *protocol.ResetOffsetHeader) (protocol.ResetOffset, error) {
	table := protocol.ResetOffset{OffsetTable: map[protocol.MessageQueue]int64{}}
	t, ok := b.store.Topic(h.Topic)
	if !ok || readForbidden(h.Topic) {
		return table, refuse(protocol.ResTopicNotExist, "Topic %.300s does not exist", h.Topic)
	}
	if _, ok := b.store.Group(h.Group); !ok {
		return table, refuse(protocol.ResSubscriptionGroupNotExist, "Group %.300s does not exist", h.Group)
	}
	queues, err := resetQueues(h, &t)
	if err != nil {
		return table, err
	}
	to := make(map[message.Queue]message.QueueOffset, len(queues))
	for _, q := range queues {
		off, err := b.resetTarget(h, q)
		if err != nil {
			return table, err
		}
		to[q] = off
	}
	for q, off := range to {
		b.clientMu.Lock()
		b.resets[pulledKey{h.Group, q}] = off
		b.clientMu.Unlock()
		b.wakeHolds(q)
		if err := b.store.CommitOffset(h.Group, q, off); err != nil {
			return table, err
		}
		table.OffsetTable[b.messageQueue(q)] = int64(off)
	}
	b.opt.Logger.Info("offsets reset", "group", h.Group, "topic", h.Topic, "queues", len(to), "timestamp", h.Timestamp)
	return table, nil
}

// wakeHolds answers the pulls on hold of a queue, so that the group hears of its reset now and not when a message comes; other
// groups' pulls find nothing and come again.
func (b *Broker) wakeHolds(q message.Queue) {
	b.takeHolds(func() []*heldPull { return b.holds.Behind(nil, q, math.MaxInt64) })
}

// resetQueues are the queues that a reset is about.
func resetQueues(h *protocol.ResetOffsetHeader, t *topic.Config) ([]message.Queue, error) {
	var out []message.Queue
	switch {
	case h.QueueID >= t.ReadQueues:
		return nil, refuse(protocol.ResSystemError, "queue %d is out of range: topic %s has %d readable queues", h.QueueID, t.Name, t.ReadQueues)
	case h.QueueID >= 0:
		return append(out, message.Queue{Topic: t.Name, ID: message.QueueID(h.QueueID)}), nil
	}
	for id := range t.ReadQueues {
		out = append(out, message.Queue{Topic: t.Name, ID: message.QueueID(id)})
	}
	return out, nil
}

// resetTarget is where a queue's offset goes.
func (b *Broker) resetTarget(h *protocol.ResetOffsetHeader, q message.Queue) (message.QueueOffset, error) {
	least, end := max(b.store.MinOffset(q), 0), max(b.store.MaxOffset(q), 0)
	switch {
	case h.Offset >= 0 && (message.QueueOffset(h.Offset) < least || message.QueueOffset(h.Offset) > end):
		return 0, refuse(protocol.ResSystemError, "offset %d is out of range: queue %d of topic %s holds %d to %d", h.Offset, q.ID, q.Topic, least, end)
	case h.Offset >= 0:
		return message.QueueOffset(h.Offset), nil
	case h.Timestamp < 0:
		return end, nil
	}
	return b.store.OffsetByTime(q, message.StoreTime(h.Timestamp), false)
}

// resetPending reports whether a reset of a group's place waits for the group's next pull.
func (b *Broker) resetPending(group string, q message.Queue) bool {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	_, ok := b.resets[pulledKey{group, q}]
	return ok
}

// answerReset answers a pull of a queue whose offset has been reset, and reports whether it has.
func (b *Broker) answerReset(p *pullRequest) bool {
	key := pulledKey{p.hdr.ConsumerGroup, p.queue}
	b.clientMu.Lock()
	off, ok := b.resets[key]
	delete(b.resets, key)
	b.clientMu.Unlock()
	if !ok {
		return false
	}
	out := p.request.Reply(protocol.ResPullOffsetMoved, "OFFSET_RESET")
	h := protocol.PullMessageResponseHeader{NextBeginOffset: int64(off), MinOffset: max(int64(b.store.MinOffset(p.queue)), 0),
		MaxOffset: max(int64(b.store.MaxOffset(p.queue)), 0), TopicSysFlag: p.topicSysFlag, GroupSysFlag: p.groupSysFlag}
	h.Append(&out.Fields)
	b.send(p.session.conn, &out)
	return true
}
