package broker

// INVOKE_BROKER_TO_RESET_OFFSET (222), INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), CLONE_GROUP_OFFSET (314); sends
// RESET_CONSUMER_CLIENT_OFFSET (220), GET_CONSUMER_STATUS_FROM_CLIENT (221).
//
// Callers: mqadmin resetOffsetByTime, skipAccumulatedMessage, consumerStatus and cloneGroupOffset, the dashboard.
//
// Behaviour: 222 sets the group's offsets of all readable queues, or of the one named, to the first message at or after the
// time, to the end (time -1), or, of one queue, to the given offset. They are durable before the answer, and until the group's
// next pull of a queue its own commits there do not count: that pull is answered with 21 and the new offset, and the client
// goes on from there. A pull on hold is answered so at once (Apache's waits for its end). That consumers run is not needed;
// isForce is not looked at, as with RocketMQ's reset on the server's side. With useServerSideResetOffset=false the members
// are told where to go on (220) and commit it themselves. 223 asks the members, or the one named, for their offsets in a topic
// (221, 5 s each); who does not answer is left out. 314 copies a group's offsets of a topic, of all its topics when none is
// named (RocketMQ then copies nothing), and online members of the destination go on from there. Every move is logged.
//
// Codes: 0 with the offsets by queue (222) or client (223); 17 no such topic; 26 no such group (222); 206 nobody online (222 told
// to members); 1 queue or offset out of range, nobody online (223), client too old, or unreadable header.

import (
	"context"
	"math"

	"github.com/aerobee-mq/aerobee/broker/ask"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleReset(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ResetOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if readForbidden(h.Topic) {
		b.refuse(c, f, topicMissing(h.Topic))
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		do := b.resetHere
		if b.live.Load().ClientSideReset {
			do = b.resetAtClients
		}
		to, err := do(c.RemoteAddr().String(), &h, f.Language)
		table := b.offsetTable(to)
		b.answerBody(c, f, table.Append(nil), err)
	})
}

func (b *Broker) offsetTable(to map[message.Queue]message.QueueOffset) protocol.ResetOffset {
	table := protocol.ResetOffset{OffsetTable: map[protocol.MessageQueue]int64{}}
	for q, off := range to {
		table.OffsetTable[b.messageQueue(q)] = int64(off)
	}
	return table
}

func (b *Broker) resetHere(who string, h *protocol.ResetOffsetHeader, _ protocol.Language) (map[message.Queue]message.QueueOffset, error) {
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	to, err := b.mover.Reset(ctx, who, h)
	if err != nil {
		return to, err
	}
	for q := range to {
		if b.pops.Moved(h.Group, q) { // no pull is to be told
			b.mover.Take(h.Group, q)
		}
	}
	b.wakeHolds(to)
	return to, nil
}

// resetAtClients has the group's members reset their offsets. The body of what they are told depends on the language of who
// asked, as with RocketMQ.
func (b *Broker) resetAtClients(who string, h *protocol.ResetOffsetHeader, asker protocol.Language) (map[message.Queue]message.QueueOffset, error) {
	to, err := b.mover.Propose(h)
	if err != nil {
		return nil, err
	}
	members := b.membersOf(h.Group)
	if len(members) == 0 {
		return nil, apart.Refuse(protocol.ResConsumerNotOnline, "Consumer not online, so can not reset offset, Group: %.300s Topic: %.300s Timestamp: %d", h.Group, h.Topic, h.Timestamp)
	}
	table := b.offsetTable(to)
	for _, m := range members {
		if err := ask.Supports(m.Version); err != nil {
			return nil, apart.Refuse(protocol.ResSystemError, "%v", err)
		}
		if err := ask.Reset(m.Conn.conn, h, &table, asker == protocol.LanguageCPP); err != nil {
			b.opt.Logger.Warn("member not told to reset its offsets", "group", h.Group, "client", m.ID, "error", err)
		}
	}
	b.mover.Proposed(h.Group, to, who)
	return to, nil
}

// membersOf are the consumers of a group that are connected.
func (b *Broker) membersOf(group string) []member.Client[*session] {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	if g := b.clients.Group(group); g != nil {
		return g.Clients()
	}
	return nil
}

func (b *Broker) handleConsumerStatus(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumerStatusHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		members := b.membersOf(h.Group)
		if len(members) == 0 {
			b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "No Any Consumer online in the consumer group: [%.300s]", h.Group))
			return
		}
		body := protocol.ConsumerStatus{Clients: map[string]map[protocol.MessageQueue]int64{}}
		for _, m := range members {
			if err := ask.Supports(m.Version); err != nil {
				b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "%v", err))
				return
			}
			if h.ClientAddr != "" && h.ClientAddr != m.ID {
				continue
			}
			offsets, err := b.askStatus(m.Conn, &h)
			if err != nil {
				b.opt.Logger.Warn("member does not tell its offsets", "group", h.Group, "client", m.ID, "error", err)
				continue
			}
			body.Clients[m.ID] = offsets
		}
		b.answerBody(c, f, body.Append(nil), nil)
	})
}

func (b *Broker) askStatus(of *session, h *protocol.ConsumerStatusHeader) (map[protocol.MessageQueue]int64, error) {
	if err := b.asking.Enter(of); err != nil {
		return nil, err
	}
	defer b.asking.Leave(of)
	return ask.Status(context.Background(), of.conn, h.Topic, h.Group)
}

func (b *Broker) handleCloneOffsets(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.CloneGroupOffsetHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		wanted := func(topic string) bool { return h.Offline || b.subscribes(h.SrcGroup, topic) }
		to, err := b.mover.Clone(ctx, c.RemoteAddr().String(), h.SrcGroup, h.DestGroup, h.Topic, len(b.membersOf(h.DestGroup)) > 0, wanted)
		if err != nil {
			b.refuse(c, f, err)
			return
		}
		b.wakeHolds(to)
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

// subscribes reports whether a group reads a topic, as far as is known: of a group without subscriptions nothing is.
func (b *Broker) subscribes(group, topic string) bool {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	g := b.clients.Group(group)
	return g == nil || len(g.Subscriptions()) == 0 || g.Subscription(topic) != nil
}

// wakeHolds answers the pulls on hold of queues, so that the group hears of its reset now and not when a message comes; other
// groups' pulls find nothing and come again.
func (b *Broker) wakeHolds(queues map[message.Queue]message.QueueOffset) {
	for q := range queues {
		b.takeHolds(func() []*heldPull { return b.holds.Behind(nil, q, math.MaxInt64) })
	}
}

// answerReset answers a pull of a queue whose offset has been moved, and reports whether it has.
func (b *Broker) answerReset(p *pullRequest) bool {
	off, ok := b.mover.Take(p.hdr.ConsumerGroup, p.queue)
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
