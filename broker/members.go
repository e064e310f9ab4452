package broker

// GET_CONSUMER_LIST_BY_GROUP (38), GET_CONSUMER_CONNECTION_LIST (203), GET_PRODUCER_CONNECTION_LIST (204),
// QUERY_TOPIC_CONSUME_BY_WHO (300).
//
// Callers: 38 clustering consumers at each rebalance; the others admin tools and the dashboard.
//
// Behaviour: what the client table knows now. 300 joins the groups that subscribe with those that have offsets in the topic.
//
// Codes: 0 with a JSON body; 1 no member (38, 204) or unreadable header; 206 no member (203).

import (
	"slices"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleMembers(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumerGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	var list protocol.ConsumerIDList
	b.clientMu.Lock()
	if g := b.clients.Group(h.ConsumerGroup); g != nil {
		for _, m := range g.Clients() {
			list.ConsumerIDs = append(list.ConsumerIDs, m.ID)
		}
	}
	b.clientMu.Unlock()
	if len(list.ConsumerIDs) == 0 {
		b.answer(c, f, protocol.ResSystemError, "no consumer for this group, "+h.ConsumerGroup)
		return
	}
	b.answerBody(c, f, protocol.MarshalBody(list), nil)
}

func connections(members []member.Client[*session]) []protocol.Connection {
	out := make([]protocol.Connection, 0, len(members))
	for _, m := range members {
		out = append(out, protocol.Connection{ClientAddr: m.Conn.remote.String(), ClientID: m.ID, Language: m.Language, Version: m.Version})
	}
	return out
}

func (b *Broker) handleConsumerConnections(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumerGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	var body *protocol.ConsumerConnection
	b.clientMu.Lock()
	if g := b.clients.Group(h.ConsumerGroup); g != nil {
		body = &protocol.ConsumerConnection{ConnectionSet: connections(g.Clients()), ConsumeFromWhere: g.From, ConsumeType: g.Type, MessageModel: g.Model,
			SubscriptionTable: map[string]protocol.SubscriptionData{}}
		for _, s := range g.Subscriptions() {
			body.SubscriptionTable[s.Topic] = subscriptionData(s)
		}
	}
	b.clientMu.Unlock()
	if body == nil {
		b.answer(c, f, protocol.ResConsumerNotOnline, "the consumer group["+h.ConsumerGroup+"] not online")
		return
	}
	b.answerBody(c, f, protocol.MarshalBody(body), nil)
}

// notNil makes an empty list of none: JSON null is not what clients expect.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (b *Broker) handleProducerConnections(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ProducerGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.clientMu.Lock()
	members := b.clients.Producers(h.ProducerGroup)
	b.clientMu.Unlock()
	if len(members) == 0 {
		b.answer(c, f, protocol.ResSystemError, "the producer group["+h.ProducerGroup+"] not exist")
		return
	}
	b.answerBody(c, f, protocol.MarshalBody(protocol.ProducerConnection{ConnectionSet: connections(members)}), nil)
}

func (b *Broker) handleConsumersOf(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.TopicHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.clientMu.Lock()
	groups := b.clients.GroupsOf(h.Topic)
	b.clientMu.Unlock()
	b.store.EachOffset(func(group string, q message.Queue, _ message.QueueOffset) {
		if q.Topic == h.Topic {
			groups = append(groups, group)
		}
	})
	slices.Sort(groups)
	b.answerBody(c, f, protocol.MarshalBody(protocol.GroupList{Groups: notNil(slices.Compact(groups))}), nil)
}

// Disagreements says of what the members of a group that are connected here do not say the same.
func (b *Broker) Disagreements(group string) []member.Disagreement {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	if g := b.clients.Group(group); g != nil {
		return g.Disagreements()
	}
	return nil
}
