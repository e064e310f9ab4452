package broker

// GET_ALL_TOPIC_CONFIG (21), GET_TOPIC_CONFIG (351), GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305), GET_TOPIC_STATS_INFO (202).
//
// Callers: slaves, mqadmin exportMetadata and topicStatus, the dashboard, the proxy's cache.
//
// Behaviour: 21 answers everything to those who ask for no page; else at most maxTopicNum topics from topicSeq on, from the
// beginning again when the data version has changed; the header has the total. 202 reads each queue's extent and the time
// of its last message. 351 tells what is static about a topic to those who ask for logical queues.
//
// Codes: 0 with a JSON body; 17 no such topic (202, 351); 1 unreadable header.

import (
	"github.com/aerobee-mq/aerobee/broker/register"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// page is the part of a table that a request for configurations wants.
func page(h *protocol.ConfigPageHeader, version any, size int) (from, to int) {
	if h.Max <= 0 {
		return 0, size
	}
	if h.DataVersion == string(protocol.MarshalBody(version)) {
		from = min(max(int(h.Seq), 0), size)
	}
	return from, min(from+int(h.Max), size)
}

func (b *Broker) handleAllTopics(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConfigPageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	version, all := b.store.TopicVersion(), b.store.Topics()
	table := protocol.TopicConfigTable{DataVersion: protocol.DataVersion(version), Topics: map[string]protocol.TopicConfig{}, Mappings: map[string]protocol.TopicQueueMappingInfo{}}
	from, to := page(&h, version, len(all))
	for i := from; i < to; i++ {
		table.Topics[all[i].Name] = register.TopicConfig(&all[i])
	}
	out := f.Reply(protocol.ResSuccess, "")
	out.Fields.AddInt("totalTopicNum", int64(len(all)))
	out.Body = protocol.MarshalBody(table)
	b.send(c, &out)
}

// topicOf reads the header that names a topic, which must exist; it answers and reports false when it does not.
func (b *Broker) topicOf(c *remoting.Conn, f *protocol.Frame, missing string) (topic.Config, bool) {
	var h protocol.TopicHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return topic.Config{}, false
	}
	t, ok := b.store.Topic(h.Topic)
	if !ok {
		b.refuse(c, f, apart.Refuse(protocol.ResTopicNotExist, missing, h.Topic))
	}
	return t, ok
}

func (b *Broker) handleGetTopic(c *remoting.Conn, f *protocol.Frame) {
	if t, ok := b.topicOf(c, f, "No topic in this broker. topic: %.300s"); ok {
		b.answerBody(c, f, b.manage.TopicConfig(f, &t, register.TopicConfig(&t)), nil)
	}
}

func (b *Broker) handleSystemTopics(c *remoting.Conn, f *protocol.Frame) {
	b.answerBody(c, f, protocol.MarshalBody(protocol.TopicList{Topics: b.systemTopics()}), nil)
}

func (b *Broker) handleTopicStats(c *remoting.Conn, f *protocol.Frame) {
	t, ok := b.topicOf(c, f, "topic[%.300s] not exist")
	if !ok {
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		stats := protocol.TopicStats{TopicPutTPS: b.statistics.TopicTPS(t.Name), OffsetTable: map[protocol.MessageQueue]protocol.TopicOffset{}}
		for id := range max(t.ReadQueues, t.WriteQueues) {
			q := message.Queue{Topic: t.Name, ID: message.QueueID(id)}
			o := protocol.TopicOffset{MinOffset: max(int64(b.store.MinOffset(q)), 0), MaxOffset: max(int64(b.store.MaxOffset(q)), 0)}
			if last, ok := b.store.StoreTimeAt(q, message.QueueOffset(o.MaxOffset-1)); ok && o.MaxOffset > 0 {
				o.LastUpdateTimestamp = int64(last)
			}
			stats.OffsetTable[b.messageQueue(q)] = o
		}
		b.answerBody(c, f, stats.Append(nil), nil)
	})
}

func (b *Broker) messageQueue(q message.Queue) protocol.MessageQueue {
	return protocol.MessageQueue{Topic: q.Topic, BrokerName: b.opt.BrokerName, QueueID: int32(q.ID)}
}
