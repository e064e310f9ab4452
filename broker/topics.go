package broker

// UPDATE_AND_CREATE_TOPIC (17), DELETE_TOPIC_IN_BROKER (215).
//
// Callers: mqadmin updateTopic, updateTopicPerm, deleteTopic; createTopic of the clients; the dashboard.
//
// Behaviour: the answer waits until the change is durable and the topic in the route. Attributes come as "+name=value,-name";
// queue.type and cleanup.policy cannot change once the topic is there, and their values BatchCQ and COMPACTION are refused by name. message.type
// is kept and shown, and enforced by proxies alone, as by Apache's; MIXED needs enableMixedMessageType. A request that changes nothing is a success. Deleting a topic that does not exist is one too.
//
// Codes: 0; 29 name, system topic, queue count or permission wrong, another queue count for a static topic, MIXED; 1 attribute or filter type wrong, unreadable header, or
// the store refused.

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aerobee-mq/aerobee/broker/place"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// maxTopicQueues bounds a topic's queues: each one is a line in many answers, and all of them are told at once.
const maxTopicQueues = 1 << 16

func (b *Broker) handlePutTopic(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.CreateTopicHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if err := b.checkTopicChange(h.Topic); err != nil {
		b.refuse(c, f, err)
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		start := b.steady()
		err := b.changeTopic(ctx, &h)
		b.meters.Created(false, h.Topic, b.steady().Sub(start), err)
		b.finish(c, f, err)
	})
}

func (b *Broker) checkTopicChange(name string) error {
	if wrong := checkTopicName(name); wrong != "" {
		return apart.Refuse(protocol.ResInvalidParameter, "%s", wrong)
	}
	if b.isSystemTopic(name) {
		return apart.Refuse(protocol.ResInvalidParameter, "The topic[%s] is conflict with system topic.", name)
	}
	return nil
}

func (b *Broker) changeTopic(ctx context.Context, h *protocol.CreateTopicHeader) error {
	if light.Is(h.Topic) {
		return nil // every light queue is there already, and none can be changed
	}
	done, err := b.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	c, changed, err := b.planTopic(h, nil)
	if err != nil || !changed {
		return err
	}
	return b.putTopic(ctx, c)
}

// planTopic says what a topic will be after a change, which may make it static, and whether that is another than it is. The caller has the turn.
func (b *Broker) planTopic(h *protocol.CreateTopicHeader, static *topic.Static) (c topic.Config, changed bool, err error) {
	old, exists := b.store.Topic(h.Topic)
	c = topic.Config{Name: h.Topic, ReadQueues: h.ReadQueueNums, WriteQueues: h.WriteQueueNums, Perm: topic.Perm(h.Perm), SysFlag: h.TopicSysFlag, Order: h.Order, Static: cmp.Or(static, old.Static)}
	switch h.TopicFilterType {
	case topic.MultiTag.String():
		c.FilterType = topic.MultiTag
	case "", topic.SingleTag.String():
	default:
		return c, false, apart.Refuse(protocol.ResSystemError, "topicFilterType = [%.40s] value invalid, there are SINGLE_TAG and MULTI_TAG", h.TopicFilterType)
	}
	switch {
	case c.ReadQueues < 0 || c.WriteQueues < 0 || c.ReadQueues > maxTopicQueues || c.WriteQueues > maxTopicQueues:
		return c, false, apart.Refuse(protocol.ResInvalidParameter, "readQueueNums is %d and writeQueueNums is %d, both must lie in 0..%d", c.ReadQueues, c.WriteQueues, maxTopicQueues)
	case static == nil && old.Static != nil && (c.ReadQueues != old.ReadQueues || c.WriteQueues != old.WriteQueues):
		return c, false, apart.Refuse(protocol.ResInvalidParameter, "readQueueNums is %d and writeQueueNums is %d, the topic is static and has %d queues: "+
			"mqadmin updateStaticTopic -qn gives it more", c.ReadQueues, c.WriteQueues, old.WriteQueues)
	case !c.Perm.Valid():
		return c, false, apart.Refuse(protocol.ResInvalidParameter, "perm is %d, the bits are 4 (read), 2 (write) and 1 (inherit)", c.Perm)
	}
	if c.Attributes, err = b.changeAttributes(old.Attributes, h.Attributes, exists); err != nil {
		return c, false, err
	}
	return c, !exists || !c.Equal(&old), nil
}

// changeAttributes applies a change such as "+message.type=FIFO,-reserve.time" to a topic's attributes.
func (b *Broker) changeAttributes(old map[string]string, text string, exists bool) (map[string]string, error) {
	change, err := topic.ParseAttributes(text)
	if err != nil {
		return nil, apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	if change["+"+kind.Attribute] == string(kind.Mixed) && !b.live.Load().MixedTopics {
		return nil, apart.Refuse(protocol.ResInvalidParameter, "MIXED message type is not supported. (enableMixedMessageType is false)")
	}
	out, err := topic.AlterAttributes(!exists, old, change)
	if err != nil {
		return nil, apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	switch {
	case out[topic.AttrCleanupPolicy] == "COMPACTION":
		return nil, apart.Refuse(protocol.ResSystemError, "cleanup.policy=COMPACTION is not supported by this version: the log is deleted by age, "+
			"and no message of a topic is kept beyond that for being the last of its key")
	case out[topic.AttrQueueType] == "BatchCQ":
		return nil, apart.Refuse(protocol.ResSystemError, "queue.type=BatchCQ is not supported by this version: each message of a batch has its own place in the queue")
	}
	return out, nil
}

func (b *Broker) handleDeleteTopic(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.TopicHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if err := b.checkTopicDeletion(h.Topic); err != nil {
		b.refuse(c, f, err)
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		done, err := b.turn(ctx)
		if err == nil {
			err = b.removeTopic(ctx, c.RemoteAddr().String(), h.Topic, b.mover.InTopics(h.Topic))
			done()
		}
		if err == nil {
			b.registrar.Publish(ctx)
		}
		b.finish(c, f, err)
	})
}

func (b *Broker) checkTopicDeletion(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return apart.Refuse(protocol.ResInvalidParameter, "The specified topic is blank.")
	case b.isSystemTopic(name):
		return apart.Refuse(protocol.ResInvalidParameter, "The topic[%s] is conflict with system topic.", name)
	}
	return nil
}

// removeTopic deletes a topic at somebody's wish; that there is none is no error. The caller has the turn, and publishes.
func (b *Broker) removeTopic(ctx context.Context, by, name string, offsets place.Leaving) error {
	if err := b.store.DeleteTopic(ctx, name); err != nil && !errors.Is(err, store.ErrNoTopic) {
		return err
	}
	b.forgetPulled(func(k pulledKey) bool { return k.queue.Topic == name })
	b.meters.TopicGone(name)
	b.statistics.ForgetTopic(name)
	b.mover.Gone(offsets, name, by, "topic deleted")
	return nil
}
