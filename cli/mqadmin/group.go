package mqadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/tostring"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

func updateSubGroup(ctx context.Context, c *call) error {
	g, err := c.groupConfig()
	if err != nil {
		return err
	}
	if err := c.onBrokers(ctx, false, func(addr string) error {
		if err := c.SetGroup(ctx, addr, g); err != nil {
			return err
		}
		c.Say("create subscription group to %s success.\n", addr)
		c.Add("brokers", addr)
		return nil
	}); err != nil {
		return err
	}
	c.Fact("group", g.GroupName, "%s\n", tostring.Group(&g))
	return nil
}

// groupConfig is the group that the options describe. What they leave out is as mqadmin has it, not as a new group has.
func (c *call) groupConfig() (protocol.SubscriptionGroupConfig, error) {
	g := protocol.NewSubscriptionGroupConfig(c.text("groupName"))
	g.ConsumeBroadcastEnable, g.ConsumeFromMinEnable = false, false
	for name, to := range map[string]*bool{"consumeEnable": &g.ConsumeEnable, "consumeFromMinEnable": &g.ConsumeFromMinEnable,
		"consumeBroadcastEnable": &g.ConsumeBroadcastEnable, "consumeMessageOrderly": &g.ConsumeMessageOrderly,
		"notifyConsumerIdsChanged": &g.NotifyConsumerIDsChangedEnable} {
		if c.has(name) {
			*to = c.truth(name)
		}
	}
	var errs [4]error
	g.RetryQueueNums, errs[0] = c.small("retryQueueNums", g.RetryQueueNums)
	g.RetryMaxTimes, errs[1] = c.small("retryMaxTimes", g.RetryMaxTimes)
	g.BrokerID, errs[2] = c.number("brokerId", g.BrokerID)
	g.WhichBrokerWhenConsumeSlowly, errs[3] = c.number("whichBrokerWhenConsumeSlowly", g.WhichBrokerWhenConsumeSlowly)
	if c.has("groupRetryPolicy") {
		policy := json.RawMessage(c.text("groupRetryPolicy"))
		if !json.Valid(policy) {
			return g, c.usage("option groupRetryPolicy: %s is no JSON", policy)
		}
		g.Extra = map[string]json.RawMessage{"groupRetryPolicy": policy}
	}
	if c.has("attributes") {
		g.Attributes = map[string]string{}
		for part := range strings.SplitSeq(c.text("attributes"), ",") {
			name, value, _ := strings.Cut(part, "=")
			g.Attributes[strings.TrimSpace(name)] = value
		}
	}
	return g, errors.Join(errs[:]...)
}

func deleteSubGroup(ctx context.Context, c *call) error {
	group, offsets := c.text("groupName"), c.truth("removeOffset")
	c.Set("group", group)
	err := c.onBrokers(ctx, false, func(addr string) error {
		if err := c.DropGroup(ctx, addr, group, offsets); err != nil {
			return err
		}
		c.Add("brokers", addr)
		if c.has("brokerAddr") {
			c.Say("delete subscription group [%s] from broker [%s] success.\n", group, addr)
		} else {
			c.Say("delete subscription group [%s] from broker [%s] in cluster [%s] success.\n", group, addr, c.text("clusterName"))
		}
		return nil
	})
	if err != nil || c.has("brokerAddr") {
		return err
	}
	for _, topic := range []string{message.RetryTopic(group), message.DLQPrefix + group} {
		if err := c.dropEverywhere(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// dropEverywhere deletes a topic that goes with a group, where there is one.
func (c *call) dropEverywhere(ctx context.Context, topic string) error {
	if _, err := c.Route(ctx, topic); errors.Is(err, cluster.ErrTopicNotFound) {
		return nil
	}
	name := c.text("clusterName")
	if err := c.onMembers(ctx, name, false, func(addr string) error { return c.DropTopic(ctx, addr, topic) }); err != nil {
		return err
	}
	if err := c.ForgetTopic(ctx, name, topic); err != nil {
		return err
	}
	c.Add("topics", topic)
	return nil
}

func getConsumerConfig(ctx context.Context, c *call) error {
	group := c.text("groupName")
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return err
	}
	all, err := c.groupsNamed(ctx, brokers, group)
	for _, b := range brokers {
		g, ok := all[b.Name]
		if !ok {
			continue
		}
		c.Say("=============================%s:%s=============================\n", b.Cluster, b.Name)
		for _, f := range tostring.GroupFields(&g) {
			c.Say("%-40s=  %s\n", f[0], f[1])
		}
	}
	c.Set("brokers", all)
	return err
}

// groupsNamed is a group's configuration by the names of the brokers that have it. None is an error.
func (c *call) groupsNamed(ctx context.Context, brokers []admin.Broker, group string) (map[string]protocol.SubscriptionGroupConfig, error) {
	var errs []error
	all := map[string]protocol.SubscriptionGroupConfig{}
	for _, b := range brokers {
		table, err := c.GroupTable(ctx, anyAddr(b.Addrs))
		errs = append(errs, err)
		if g, ok := table.Groups[group]; ok {
			all[b.Name] = g
		}
	}
	err := errors.Join(errs...)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no broker has a consumer group %s", group)
	}
	return all, err
}

func setConsumeMode(ctx context.Context, c *call) error {
	share, err := c.small("popShareQueueNum", 0)
	if err != nil {
		return err
	}
	m := protocol.RequestMode{Topic: c.text("topicName"), ConsumerGroup: c.text("groupName"), Mode: c.text("mode"), PopShareQueueNum: share}
	if m.Mode != protocol.ModePull && m.Mode != protocol.ModePop {
		return c.usage("the mode %q is neither PULL nor POP", m.Mode)
	}
	if err := c.onBrokers(ctx, false, func(addr string) error {
		if err := c.SetRequestMode(ctx, addr, m); err != nil {
			return err
		}
		c.Say("set consume mode to %s success.\n", addr)
		c.Add("brokers", addr)
		return nil
	}); err != nil {
		return err
	}
	c.Fact("mode", m, "topic[%s] group[%s] consume mode[%s] popShareQueueNum[%d]\n", m.Topic, m.ConsumerGroup, m.Mode, m.PopShareQueueNum)
	return nil
}
