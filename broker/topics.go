package broker

// UPDATE_AND_CREATE_TOPIC (17), DELETE_TOPIC_IN_BROKER (215).
//
// Callers: mqadmin updateTopic, updateTopicPerm, deleteTopic; createTopic of the clients; the dashboard.
//
// Behaviour: the answer waits until the change is durable and the topic in the route. Attributes come as "+name=value,-name";
// queue.type and cleanup.policy cannot change once set, and their values BatchCQ and COMPACTION are refused by name. A request
// that changes nothing is a success. Deleting a topic that does not exist is one too.
//
// Codes: 0; 29 name, system topic, queue count or permission wrong; 1 attribute or filter type wrong, unreadable header, or
// the store refused.

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
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
		if err := b.changeTopic(ctx, &h); err != nil {
			b.refuse(c, f, err)
			return
		}
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

func (b *Broker) checkTopicChange(name string) error {
	if wrong := checkTopicName(name); wrong != "" {
		return refuse(protocol.ResInvalidParameter, "%s", wrong)
	}
	if b.isSystemTopic(name) {
		return refuse(protocol.ResInvalidParameter, "The topic[%s] is conflict with system topic.", name)
	}
	return nil
}

func (b *Broker) changeTopic(ctx context.Context, h *protocol.CreateTopicHeader) error {
	done, err := b.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	old, exists := b.store.Topic(h.Topic)
	c := topic.Config{Name: h.Topic, ReadQueues: h.ReadQueueNums, WriteQueues: h.WriteQueueNums, Perm: topic.Perm(h.Perm), SysFlag: h.TopicSysFlag, Order: h.Order}
	switch h.TopicFilterType {
	case topic.MultiTag.String():
		c.FilterType = topic.MultiTag
	case "", topic.SingleTag.String():
	default:
		return refuse(protocol.ResSystemError, "topicFilterType = [%.40s] value invalid, there are SINGLE_TAG and MULTI_TAG", h.TopicFilterType)
	}
	switch {
	case c.ReadQueues < 0 || c.WriteQueues < 0 || c.ReadQueues > maxTopicQueues || c.WriteQueues > maxTopicQueues:
		return refuse(protocol.ResInvalidParameter, "readQueueNums is %d and writeQueueNums is %d, both must lie in 0..%d", c.ReadQueues, c.WriteQueues, maxTopicQueues)
	case !c.Perm.Valid():
		return refuse(protocol.ResInvalidParameter, "perm is %d, the bits are 4 (read), 2 (write) and 1 (inherit)", c.Perm)
	}
	if c.Attributes, err = changeAttributes(old.Attributes, h.Attributes, exists); err != nil {
		return err
	}
	if exists && sameTopic(&old, &c) {
		return nil
	}
	return b.putTopic(ctx, c)
}

func sameTopic(a, b *topic.Config) bool {
	return a.ReadQueues == b.ReadQueues && a.WriteQueues == b.WriteQueues && a.Perm == b.Perm && a.SysFlag == b.SysFlag &&
		a.Order == b.Order && a.FilterType == b.FilterType && maps.Equal(a.Attributes, b.Attributes)
}

// attribute is what may be said about a topic.
type attribute struct {
	values []string // nil means a number
	fixed  bool     // cannot change once set
	missed []string // values of RocketMQ that this version does not do
}

func topicAttributes() map[string]attribute {
	return map[string]attribute{
		"queue.type":     {values: []string{"SimpleCQ"}, fixed: true, missed: []string{"BatchCQ"}},
		"cleanup.policy": {values: []string{"DELETE"}, fixed: true, missed: []string{"COMPACTION"}},
		"message.type":   {values: []string{"UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION"}, missed: []string{"MIXED"}},
		"reserve.time":   {},
	}
}

// changeAttributes applies a change such as "+message.type=FIFO,-reserve.time" to a topic's attributes.
func changeAttributes(old map[string]string, change string, exists bool) (map[string]string, error) {
	out := maps.Clone(old)
	wrong := func(format string, args ...any) (map[string]string, error) {
		return nil, refuse(protocol.ResSystemError, format, args...)
	}
	for item := range strings.SplitSeq(change, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, value, _ := strings.Cut(item[1:], "=")
		known, ok := topicAttributes()[name]
		switch {
		case item[0] != '+' && item[0] != '-':
			return wrong("add/alter attribute format is wrong: %.100q begins with neither + nor -", item)
		case !ok:
			return wrong("unsupported key: %.100s", name)
		case exists && known.fixed && old[name] != value:
			return wrong("attempt to update an unchangeable attribute. key: %s", name)
		case item[0] == '-' && !exists:
			return wrong("only add attribute is supported while creating topic. key: %s", name)
		case item[0] == '-':
			delete(out, name)
			continue
		case slices.Contains(known.missed, value):
			return wrong("%s=%s is not supported by this version", name, value)
		case known.values != nil && !slices.Contains(known.values, value):
			return wrong("value is not in set: %s=%.100s, the set is %v", name, value, known.values)
		}
		if known.values == nil {
			if _, number := property.ParseInt([]byte(value)); !number {
				return wrong("value is no number: %s=%.100s", name, value)
			}
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out, nil
}

func (b *Broker) handleDeleteTopic(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.TopicHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	switch {
	case strings.TrimSpace(h.Topic) == "":
		b.answer(c, f, protocol.ResInvalidParameter, "The specified topic is blank.")
		return
	case b.isSystemTopic(h.Topic):
		b.refuse(c, f, refuse(protocol.ResInvalidParameter, "The topic[%s] is conflict with system topic.", h.Topic))
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
		defer cancel()
		if err := b.deleteTopic(ctx, h.Topic); err != nil {
			b.refuse(c, f, err)
			return
		}
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

func (b *Broker) deleteTopic(ctx context.Context, name string) error {
	done, err := b.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := b.store.DeleteTopic(ctx, name); err != nil && !errors.Is(err, store.ErrNoTopic) {
		return err
	}
	b.forgetPulled(func(k pulledKey) bool { return k.queue.Topic == name })
	b.registrar.Publish(ctx)
	return nil
}
