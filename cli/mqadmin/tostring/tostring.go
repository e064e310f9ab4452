// Package tostring writes topics, groups and messages as the toString methods of RocketMQ's classes do, as far as mqadmin prints them. Package mqadmin calls
// it; it is pure and safe to call at once.
package tostring

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Addrs are the addresses of a broker by id.
func Addrs(addrs map[int64]string) string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(addrs)) {
		parts = append(parts, fmt.Sprintf("%d=%s", id, addrs[id]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// permText is a topic's perm as PermName.perm2String writes it.
func permText(perm int32) string {
	out := []byte("---")
	for i, bit := range []int32{protocol.PermRead, protocol.PermWrite, protocol.PermInherit} {
		if perm&bit != 0 {
			out[i] = "RWX"[i]
		}
	}
	return string(out)
}

// Topic is what a topic is to be as TopicConfig.toString writes it, with the text of [Attributes].
func Topic(h *protocol.CreateTopicHeader, attributes string) string {
	return fmt.Sprintf("TopicConfig [topicName=%s, readQueueNums=%d, writeQueueNums=%d, perm=%s, topicFilterType=%s, topicSysFlag=%d, order=%t, attributes=%s]",
		h.Topic, h.ReadQueueNums, h.WriteQueueNums, permText(h.Perm), h.TopicFilterType, h.TopicSysFlag, h.Order, attributes)
}

// Message is a message as MessageExt.toString writes it.
func Message(m *admin.Message) string {
	transaction := ""
	if m.Properties[message.PropTransaction] == "true" {
		transaction = m.ID
	}
	inner := fmt.Sprintf("Message{topic='%s', flag=%d, properties=%s, body=%s, transactionId='%s'}", m.Topic, m.Flag, javatext.Map(m.Properties), javatext.Bytes(m.Body),
		javatext.Text(transaction))
	return fmt.Sprintf("MessageExt [brokerName=%s, queueId=%d, storeSize=%d, queueOffset=%d, sysFlag=%d, bornTimestamp=%d, bornHost=/%s, storeTimestamp=%d, storeHost=/%s, "+
		"msgId=%s, commitLogOffset=%d, bodyCRC=%d, reconsumeTimes=%d, preparedTransactionOffset=%d, toString()=%s]",
		m.BrokerName, m.QueueID, m.StoreSize, m.Offset, m.SysFlag, m.BornAt.UnixMilli(), m.BornHost, m.StoredAt.UnixMilli(), m.StoreHost,
		m.OffsetID, m.LogOffset, m.BodyCRC, m.ReconsumeTimes, m.Prepared, inner)
}

// Attributes are changes of attributes as mqadmin prints them; one that is taken away has no value.
func Attributes(changes string) string {
	parts := strings.Split(changes, ",")
	for i, part := range parts {
		if part != "" && !strings.Contains(part, "=") {
			parts[i] += "="
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// policy is when a group retries, as toString writes it.
func policy(raw json.RawMessage) string {
	p := struct {
		Type        string                                    `json:"type"`
		Exponential *struct{ Initial, Max, Multiplier int64 } `json:"exponentialRetryPolicy"`
		Customized  *struct{ Next []int64 }                   `json:"customizedRetryPolicy"`
	}{Type: "CUSTOMIZED"}
	if len(raw) > 0 && json.Unmarshal(raw, &p) != nil {
		return string(raw)
	}
	exponential, customized := "null", "null"
	if e := p.Exponential; e != nil {
		exponential = fmt.Sprintf("ExponentialRetryPolicy{initial=%d, max=%d, multiplier=%d}", e.Initial, e.Max, e.Multiplier)
	}
	if p.Customized != nil {
		customized = fmt.Sprintf("CustomizedRetryPolicy{next=[%s]}", strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Customized.Next), " ", ", "), "[]"))
	}
	return fmt.Sprintf("GroupRetryPolicy{type=%s, exponentialRetryPolicy=%s, customizedRetryPolicy=%s}", p.Type, exponential, customized)
}

// GroupFields are the names and values of a group's settings, in the order in which mqadmin prints them.
func GroupFields(g *protocol.SubscriptionGroupConfig) [][2]string {
	text := func(v any) string { return fmt.Sprint(v) }
	subscriptions := ""
	if raw, ok := g.Extra["subscriptionDataSet"]; ok && string(raw) != "null" {
		subscriptions = string(raw)
	}
	return [][2]string{{"groupName", g.GroupName}, {"consumeEnable", text(g.ConsumeEnable)}, {"consumeFromMinEnable", text(g.ConsumeFromMinEnable)},
		{"consumeBroadcastEnable", text(g.ConsumeBroadcastEnable)}, {"consumeMessageOrderly", text(g.ConsumeMessageOrderly)},
		{"retryQueueNums", text(g.RetryQueueNums)}, {"retryMaxTimes", text(g.RetryMaxTimes)}, {"groupRetryPolicy", policy(g.Extra["groupRetryPolicy"])},
		{"brokerId", text(g.BrokerID)}, {"whichBrokerWhenConsumeSlowly", text(g.WhichBrokerWhenConsumeSlowly)},
		{"notifyConsumerIdsChangedEnable", text(g.NotifyConsumerIDsChangedEnable)}, {"groupSysFlag", text(g.GroupSysFlag)},
		{"consumeTimeoutMinute", text(g.ConsumeTimeoutMinute)}, {"subscriptionDataSet", subscriptions}, {"attributes", javatext.Map(g.Attributes)}}
}

// Group is a group's settings on one line, as SubscriptionGroupConfig.toString writes them.
func Group(g *protocol.SubscriptionGroupConfig) string {
	var parts []string
	for _, f := range GroupFields(g) {
		value := f[1]
		if f[0] == "subscriptionDataSet" {
			value = javatext.Text(value)
		}
		parts = append(parts, f[0]+"="+value)
	}
	return "SubscriptionGroupConfig{" + strings.Join(parts, ", ") + "}"
}
