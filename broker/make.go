package broker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// makeTimeout bounds the making of a topic or group, its registration included.
const makeTimeout = 10 * time.Second

// make makes what a send is missing, durable and in the route when it returns.
func (b *Broker) make(w want, h *protocol.SendMessageHeader) error {
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	switch {
	case w.group != "":
		_, err := b.ensureGroup(ctx, w.group)
		return err
	case w.topic == message.TopicHalf:
		_, err := b.ensureTopic(ctx, plainTopic(w.topic, 1))
		return err
	case message.IsDLQ(w.topic) && string(h.Topic) != w.topic:
		_, err := b.ensureTopic(ctx, plainTopic(w.topic, 1))
		return err
	}
	return b.makeFromTemplate(ctx, w.topic, h)
}

// makeFromTemplate makes a topic after the one that the client names as default: as many queues as the client wants and the
// template has, and its permissions without the right to be a template.
func (b *Broker) makeFromTemplate(ctx context.Context, name string, h *protocol.SendMessageHeader) error {
	template, ok := b.store.Topic(string(h.DefaultTopic))
	perm := template.Perm
	if template.Name == message.TopicAutoName && b.live.Load().DenyTopicCreation {
		perm &^= topic.PermInherit
	}
	c := plainTopic(name, 1)
	switch {
	case ok && perm.Inherited():
		queues := max(min(h.DefaultTopicQueueNums, template.WriteQueues), 0)
		c.ReadQueues, c.WriteQueues = queues, queues
		c.Perm = perm &^ topic.PermInherit
		c.FilterType = template.FilterType
	case message.IsRetry(name):
	default:
		return topicMissing(name)
	}
	c.SysFlag = unitFlag(name, h.UnitMode)
	b.opt.Logger.Info("topic made on first use", "topic", name, "queues", c.WriteQueues, "perm", c.Perm, "template", string(h.DefaultTopic))
	_, err := b.ensureTopic(ctx, c)
	return err
}

// Bits of a topic's system flag: unit 1, unit subscription 2.
func unitFlag(topic string, unit bool) int32 {
	switch {
	case !unit:
		return 0
	case message.IsRetry(topic):
		return 2
	}
	return 1
}

func plainTopic(name string, queues int32) topic.Config {
	return topic.Config{Name: name, ReadQueues: queues, WriteQueues: queues, Perm: topic.PermRead | topic.PermWrite}
}

// turn waits until no other change of topics or groups is under way: each looks before it changes. The caller calls done.
func (b *Broker) turn(ctx context.Context) (done func(), err error) {
	select {
	case b.turns <- struct{}{}:
		return func() { <-b.turns }, nil
	case <-ctx.Done():
		return nil, apart.Refuse(protocol.ResSystemBusy, "%sanother change of topics or groups has been under way for %v", remarkBusy, makeTimeout)
	}
}

// ensureTopic makes a topic unless it exists; it returns what exists then.
func (b *Broker) ensureTopic(ctx context.Context, c topic.Config) (topic.Config, error) {
	if have, ok := b.store.Topic(c.Name); ok {
		return have, nil
	}
	done, err := b.turn(ctx)
	if err != nil {
		return c, err
	}
	defer done()
	if have, ok := b.store.Topic(c.Name); ok {
		return have, nil
	}
	return c, b.putTopic(ctx, c)
}

// putTopic stores a topic and brings it into the route.
func (b *Broker) putTopic(ctx context.Context, c topic.Config) error {
	if err := b.store.PutTopic(ctx, c); err != nil {
		return err
	}
	b.registrar.Publish(ctx)
	return nil
}

// groupMakeable says why an unknown group is not made on first use, nil if it is.
func (b *Broker) groupMakeable(name string) error {
	if b.live.Load().DenyGroupCreation && !isSystemGroup(name) || checkGroupName(name) != "" {
		return groupMissing(name)
	}
	return nil
}

// ensureGroup returns a group's configuration, made with the defaults unless it exists.
func (b *Broker) ensureGroup(ctx context.Context, name string) (group.Config, error) {
	if have, ok := b.store.Group(name); ok {
		return have, nil
	}
	if err := b.groupMakeable(name); err != nil {
		return group.Config{}, err
	}
	done, err := b.turn(ctx)
	if err != nil {
		return group.Config{}, err
	}
	defer done()
	if have, ok := b.store.Group(name); ok {
		return have, nil
	}
	c := group.New(name)
	if err := b.store.PutGroup(ctx, c); err != nil {
		return c, err
	}
	b.opt.Logger.Info("group made on first use", "group", name)
	return c, nil
}

// ensureRetry makes a group's retry topic unless it exists, and sets its order flag as the group's subscriptions need it.
func (b *Broker) ensureRetry(ctx context.Context, g group.Config, order, unit bool) (topic.Config, error) {
	name := message.RetryTopic(g.Name)
	c := plainTopic(name, g.RetryQueues)
	c.Order, c.SysFlag = order, unitFlag(name, unit)
	return b.ensureTopic(ctx, c)
}

// systemTopicConfigs are the topics that every broker has, made at start where missing.
func (b *Broker) systemTopicConfigs() []topic.Config {
	template := plainTopic(message.TopicAutoName, b.opt.DefaultTopicQueueNums)
	if !b.live.Load().DenyTopicCreation {
		template.Perm |= topic.PermInherit
	}
	cluster, broker := plainTopic(b.opt.ClusterName, 1), plainTopic(b.opt.BrokerName, 1)
	cluster.Perm |= topic.PermInherit
	broker.Perm |= topic.PermInherit
	out := []topic.Config{
		template, cluster, broker,
		plainTopic(message.TopicSelfTest, 1), plainTopic(message.TopicBench, 1024), plainTopic(message.TopicMoved, 1),
		plainTopic(message.TopicSchedule, 18), plainTopic(b.opt.ClusterName+"_REPLY_TOPIC", 1),
	}
	if b.opt.TraceTopic {
		out = append(out, plainTopic(message.TopicTrace, 1))
	}
	slices.SortFunc(out, func(x, y topic.Config) int { return strings.Compare(x.Name, y.Name) })
	return slices.CompactFunc(out, func(x, y topic.Config) bool { return x.Name == y.Name })
}
