package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/protocol"
)

// online is who consumes with a group: at the broker of -b, or else at all brokers together, since a member need not be connected to
// all. Nobody is an error.
func (c *call) online(ctx context.Context, group string) (protocol.ConsumerConnection, error) {
	if c.has("brokerAddr") {
		return c.ConsumerConnection(ctx, c.text("brokerAddr"), group)
	}
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return protocol.ConsumerConnection{}, err
	}
	return c.onlineAt(ctx, brokers, group)
}

// onlineAt is who consumes with a group at some of the brokers.
func (c *call) onlineAt(ctx context.Context, brokers []admin.Broker, group string) (protocol.ConsumerConnection, error) {
	all := protocol.ConsumerConnection{SubscriptionTable: map[string]protocol.SubscriptionData{}}
	var errs []error
	for _, b := range brokers {
		one, err := c.ConsumerConnection(ctx, anyAddr(b.Addrs), group)
		if errors.Is(err, cluster.ErrNotFound) {
			continue
		}
		errs = append(errs, err)
		if len(one.ConnectionSet) > 0 {
			all.ConsumeType, all.MessageModel, all.ConsumeFromWhere = one.ConsumeType, one.MessageModel, one.ConsumeFromWhere
		}
		maps.Copy(all.SubscriptionTable, one.SubscriptionTable)
		for _, m := range one.ConnectionSet {
			if !slices.ContainsFunc(all.ConnectionSet, func(have protocol.Connection) bool { return have.ClientID == m.ClientID }) {
				all.ConnectionSet = append(all.ConnectionSet, m)
			}
		}
	}
	slices.SortFunc(all.ConnectionSet, func(x, y protocol.Connection) int { return strings.Compare(x.ClientID, y.ClientID) })
	err := errors.Join(errs...)
	if err == nil && len(all.ConnectionSet) == 0 {
		err = fmt.Errorf("no member of the consumer group %s is online: %w", group, cluster.ErrNotFound)
	}
	return all, err
}

func consumerConnection(ctx context.Context, c *call) error {
	all, err := c.online(ctx, c.text("consumerGroup"))
	if err != nil {
		return err
	}
	const format = "%-36s %-22s %-10s %s\n"
	t := c.Table("connections", format, format, "#ClientId", "#ClientAddr", "#Language", "#Version")
	for _, m := range all.ConnectionSet {
		t.Add(m.ClientID, m.ClientAddr, m.Language, protocol.VersionName(m.Version))
	}
	c.Say("\nBelow is subscription:\n")
	const pair = "%-20s %s\n"
	t = c.Table("subscriptions", pair, pair, "#Topic", "#SubExpression")
	for _, topic := range slices.Sorted(maps.Keys(all.SubscriptionTable)) {
		t.Add(topic, all.SubscriptionTable[topic].SubString)
	}
	c.Say("\n")
	c.Fact("consumeType", all.ConsumeType, "ConsumeType: %s\n", javatext.Text(all.ConsumeType))
	c.Fact("messageModel", all.MessageModel, "MessageModel: %s\n", javatext.Text(all.MessageModel))
	c.Fact("consumeFromWhere", all.ConsumeFromWhere, "ConsumeFromWhere: %s\n", javatext.Text(all.ConsumeFromWhere))
	return nil
}

func producerConnection(ctx context.Context, c *call) error {
	route, err := c.routed(ctx, c.text("topic"))
	if err != nil {
		return err
	}
	var errs []error
	byID := map[string]protocol.Connection{}
	for _, b := range route.Brokers {
		all, err := c.ProducerConnection(ctx, anyAddr(b.Addrs), c.text("producerGroup"))
		errs = append(errs, err)
		for _, m := range all.ConnectionSet {
			byID[m.ClientID] = m
		}
	}
	if len(byID) == 0 {
		if err := errors.Join(errs...); err != nil {
			return err
		}
		return fmt.Errorf("nobody who produces with group %s is online", c.text("producerGroup"))
	}
	t := c.Quiet("connections", "%04d  %-32s %-22s %-8s %s\n", "number", "clientId", "clientAddr", "language", "version")
	for i, id := range slices.Sorted(maps.Keys(byID)) {
		m := byID[id]
		t.Add(i+1, m.ClientID, m.ClientAddr, m.Language, protocol.VersionName(m.Version))
	}
	return nil
}
