package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/tostring"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

func updateTopic(ctx context.Context, c *call) error {
	h := &protocol.CreateTopicHeader{Topic: c.text("topic"), DefaultTopic: message.TopicAutoName, TopicFilterType: "SINGLE_TAG", Attributes: c.text("attributes"),
		Order: c.truth("order")}
	var errs [3]error
	h.ReadQueueNums, errs[0] = c.small("readQueueNums", 8)
	h.WriteQueueNums, errs[1] = c.small("writeQueueNums", 8)
	h.Perm, errs[2] = c.small("perm", protocol.PermRead|protocol.PermWrite)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if c.truth("unit") {
		h.TopicSysFlag |= protocol.TopicFlagUnit
	}
	if c.truth("hasUnitSub") {
		h.TopicSysFlag |= protocol.TopicFlagUnitSub
	}
	err := c.onBrokers(ctx, false, func(addr string) error {
		if err := c.SetTopic(ctx, addr, h); err != nil {
			return err
		}
		c.Say("create topic to %s success.\n", addr)
		c.Add("brokers", addr)
		return nil
	})
	if err == nil && h.Order {
		err = c.orderTopic(ctx, h)
	}
	if err != nil {
		return err
	}
	c.Fact("topic", h.Topic, "%s\n", tostring.Topic(h, tostring.Attributes(h.Attributes)))
	return nil
}

// orderTopic notes the queues of an ordered topic: of one broker beside those of others, of a cluster instead of all.
func (c *call) orderTopic(ctx context.Context, h *protocol.CreateTopicHeader) error {
	if c.has("brokerAddr") {
		b, err := c.brokerOf(ctx, c.text("brokerAddr"))
		if err != nil {
			return err
		}
		conf := fmt.Sprintf("%s:%d", b.Name, h.WriteQueueNums)
		old, err := c.KV(ctx, protocol.NamespaceOrderTopic, h.Topic)
		if err != nil && !errors.Is(err, cluster.ErrNotFound) {
			return err
		}
		err = c.PutKV(ctx, protocol.NamespaceOrderTopic, h.Topic, mergeOrder(old, b.Name, conf))
		c.Fact("orderConf", conf, "set broker orderConf. isOrder=%t, orderConf=[%s]\n", h.Order, conf)
		return err
	}
	brokers, err := c.fleet(ctx, c.text("clusterName"))
	if err != nil {
		return err
	}
	var parts []string
	for _, b := range brokers {
		parts = append(parts, fmt.Sprintf("%s:%d", b.Name, h.WriteQueueNums))
	}
	conf := strings.Join(parts, ";")
	err = c.PutKV(ctx, protocol.NamespaceOrderTopic, h.Topic, conf)
	c.Fact("orderConf", conf, "set cluster orderConf. isOrder=%t, orderConf=[%s]\n", h.Order, conf)
	return err
}

// mergeOrder replaces one broker's part of an order configuration.
func mergeOrder(old, broker, conf string) string {
	parts := []string{}
	for part := range strings.SplitSeq(old, ";") {
		if name, _, _ := strings.Cut(part, ":"); part != "" && name != broker {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, conf), ";")
}

func deleteTopic(ctx context.Context, c *call) error {
	topic, name := c.text("topic"), c.text("clusterName")
	if err := c.onMembers(ctx, name, false, func(addr string) error { return c.DropTopic(ctx, addr, topic) }); err != nil {
		return err
	}
	c.Fact("topic", topic, "delete topic [%s] from cluster [%s] success.\n", topic, name)
	if err := c.ForgetTopic(ctx, name, topic); err != nil {
		return err
	}
	c.Fact("cluster", name, "delete topic [%s] from NameServer success.\n", topic)
	return nil
}

func updateTopicPerm(ctx context.Context, c *call) error {
	topic := c.text("topic")
	perm, err := c.small("perm", 0)
	if err != nil {
		return err
	}
	done := c.Quiet("brokers", "update topic perm from %d to %d in %s success.\n", "from", "to", "addr")
	change := func(addr string) error {
		old, err := c.TopicConfig(ctx, addr, topic)
		if err != nil {
			return err
		}
		if old.Perm == perm && c.has("brokerAddr") {
			c.Say("new perm equals to the old one!\n")
			return nil
		}
		h := &protocol.CreateTopicHeader{Topic: topic, DefaultTopic: message.TopicAutoName, ReadQueueNums: old.ReadQueueNums, WriteQueueNums: old.WriteQueueNums,
			Perm: perm, TopicFilterType: "SINGLE_TAG", TopicSysFlag: old.TopicSysFlag, Order: old.Order}
		if err := c.SetTopic(ctx, addr, h); err != nil {
			return err
		}
		done.Add(old.Perm, perm, addr)
		if c.has("brokerAddr") {
			c.Say("%s.\n", tostring.Topic(h, "{}"))
		}
		return nil
	}
	if c.has("brokerAddr") {
		b, err := c.brokerOf(ctx, c.text("brokerAddr"))
		if err != nil {
			return err
		}
		if addr, _ := b.Master(); addr != c.text("brokerAddr") {
			return fmt.Errorf("the broker at %s is no master: its master is at %q", c.text("brokerAddr"), addr)
		}
	}
	if _, err := c.Route(ctx, topic); err != nil {
		return err
	}
	return c.onBrokers(ctx, false, change)
}

func updateOrderConf(ctx context.Context, c *call) error {
	topic, conf := c.text("topic"), c.text("orderConf")
	c.Set("topic", topic)
	switch c.text("method") {
	case "get":
		conf, err := c.KV(ctx, protocol.NamespaceOrderTopic, topic)
		if err != nil {
			return err
		}
		c.Fact("orderConf", conf, "get orderConf success. topic=[%s], orderConf=[%s] \n", topic, conf)
		return nil
	case "put":
		if conf == "" {
			return c.usage("please set orderConf with option -v")
		}
		if err := c.PutKV(ctx, protocol.NamespaceOrderTopic, topic, conf); err != nil {
			return err
		}
		c.Fact("orderConf", conf, "update orderConf success. topic=[%s], orderConf=[%s]\n", topic, conf)
		return nil
	case "delete":
		if err := c.DeleteKV(ctx, protocol.NamespaceOrderTopic, topic); err != nil {
			return err
		}
		c.Say("delete orderConf success. topic=[%s]\n", topic)
		return nil
	}
	return c.usage("the method %q is none of put, get and delete", c.text("method"))
}

// masterOf is the address of a broker's master.
func masterOf(b *admin.Broker) (string, error) {
	addr, ok := b.Master()
	if !ok {
		return "", fmt.Errorf("broker %s has no master now", b.Name)
	}
	return addr, nil
}
