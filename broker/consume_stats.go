package broker

// GET_CONSUME_STATS (208).
//
// Callers: mqadmin consumerProgress and others, the dashboard, the exporter.
//
// Behaviour: for each queue of the topics asked for (topicList, topic, or all in which the group has offsets): the queue's
// end, the group's committed offset, how far it has pulled, and the store time of the last message it consumed. A topic that
// the group, being connected, does not subscribe to is left out.
//
// Codes: 0 with a JSON body; 1 unreadable header.

import (
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleConsumeStats(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumeStatsHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		stats := protocol.ConsumeStats{OffsetTable: map[protocol.MessageQueue]protocol.OffsetWrapper{}}
		for _, name := range b.consumedTopics(&h) {
			t, ok := b.store.Topic(name)
			if !ok {
				continue
			}
			stats.ConsumeTPS += b.statistics.GroupTPS(h.ConsumerGroup, name)
			for id := range t.ReadQueues {
				q := message.Queue{Topic: name, ID: message.QueueID(id)}
				stats.OffsetTable[b.messageQueue(q)] = b.progress(h.ConsumerGroup, q)
			}
		}
		b.answerBody(c, f, stats.Append(nil), nil)
	})
}

// consumedTopics are the topics that a request for consume stats is about.
func (b *Broker) consumedTopics(h *protocol.ConsumeStatsHeader) []string {
	var topics []string
	switch {
	case h.TopicList != "":
		topics = strings.FieldsFunc(h.TopicList, func(r rune) bool { return r == ';' })
	case h.Topic != "":
		topics = []string{h.Topic}
	default:
		for q := range b.store.Offsets(h.ConsumerGroup) {
			topics = append(topics, q.Topic)
		}
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	if g := b.clients.Group(h.ConsumerGroup); g != nil && len(g.Subscriptions()) > 0 {
		topics = slices.DeleteFunc(topics, func(name string) bool { return g.Subscription(name) == nil })
	}
	return topics
}

// progress is a group's place in one queue.
func (b *Broker) progress(group string, q message.Queue) protocol.OffsetWrapper {
	committed, _ := b.store.Offset(group, q)
	b.clientMu.Lock()
	pulled := b.pulled[pulledKey{group, q}].next
	b.clientMu.Unlock()
	w := protocol.OffsetWrapper{BrokerOffset: max(int64(b.store.MaxOffset(q)), 0), ConsumerOffset: int64(committed), PullOffset: int64(max(committed, pulled))}
	if committed > 0 {
		if t, ok := b.store.StoreTimeAt(q, committed-1); ok {
			w.LastTimestamp = int64(t)
		}
	}
	return w
}
