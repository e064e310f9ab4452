package mqadmin

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/member"
)

// monitorInterval is how long startMonitoring waits between two rounds.
const monitorInterval = time.Minute

// startMonitoring prints what mqadmin writes into its log: for each group and topic how much is not consumed, and of members that
// are online whether they agree and move.
func startMonitoring(ctx context.Context, c *call) error {
	for {
		if err := c.monitorRound(ctx); err != nil {
			c.warn("%v", err)
		}
		if err := c.Flush(); err != nil || !c.pause(ctx, monitorInterval) {
			return err
		}
	}
}

func (c *call) monitorRound(ctx context.Context) error {
	c.Fact("at", c.env.Now().UnixMilli(), "[MONITOR] =========================================beginRound\n")
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return err
	}
	groups, err := c.retryGroups(ctx)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := c.monitorGroup(ctx, brokers, group); err != nil {
			c.warn("group %s: %v", group, err)
		}
	}
	c.Say("[MONITOR] =========================================endRound\n")
	return nil
}

// undone is what a group has not consumed of a topic.
type undone struct {
	total, most, delayMillis int64
}

func (c *call) monitorGroup(ctx context.Context, brokers []admin.Broker, group string) error {
	stats, err := c.consumed(ctx, brokers, group, "")
	if err != nil {
		return err
	}
	byTopic, now := map[string]undone{}, c.env.Now().UnixMilli()
	for q, w := range stats.OffsetTable {
		u, lag := byTopic[q.Topic], w.BrokerOffset-w.ConsumerOffset
		u.total, u.most = u.total+lag, max(u.most, lag)
		if lag > 0 && w.LastTimestamp > 0 {
			u.delayMillis = max(u.delayMillis, now-w.LastTimestamp)
		}
		byTopic[q.Topic] = u
	}
	t := c.Quiet("undone", "[MONITOR] reportUndoneMsgs: UndoneMsgs [consumerGroup=%s, topic=%s, undoneMsgsTotal=%d, undoneMsgsSingleMQ=%d, undoneMsgsDelayTimeMills=%d]\n",
		"consumerGroup", "topic", "undoneMsgsTotal", "undoneMsgsSingleMQ", "undoneMsgsDelayTimeMills")
	for _, topic := range slices.Sorted(maps.Keys(byTopic)) {
		t.Add(group, topic, byTopic[topic].total, byTopic[topic].most, byTopic[topic].delayMillis)
	}
	online, err := c.onlineAt(ctx, brokers, group)
	if err != nil {
		return nil //nolint:nilerr // nobody is online: what is undone has been said
	}
	infos := map[string]*member.Info{}
	for _, m := range online.ConnectionSet {
		if info, err := c.runningInfo(ctx, group, m.ClientID, false); err == nil {
			infos[m.ClientID] = info
		}
	}
	notes := c.Quiet("notes", "[MONITOR]  [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: %s, %s\n", "consumerGroup", "note")
	if !member.Same(infos) {
		notes.Add(group, "Subscription different")
	}
	for _, id := range slices.Sorted(maps.Keys(infos)) {
		for _, text := range infos[id].Troubles(id, c.env.Now().UnixMilli()) {
			notes.Add(group, "ClientId: "+id+", "+text)
		}
	}
	return nil
}
