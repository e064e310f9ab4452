package mqadmin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// The texts that Java makes of values, as far as mqadmin prints them.

// javaAddrs are the addresses of a broker by id.
func javaAddrs(addrs map[int64]string) string {
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

func javaTopic(h *protocol.CreateTopicHeader, attributes string) string {
	return fmt.Sprintf("TopicConfig [topicName=%s, readQueueNums=%d, writeQueueNums=%d, perm=%s, topicFilterType=%s, topicSysFlag=%d, order=%t, attributes=%s]",
		h.Topic, h.ReadQueueNums, h.WriteQueueNums, permText(h.Perm), h.TopicFilterType, h.TopicSysFlag, h.Order, attributes)
}

// javaMessage is a message as MessageExt.toString writes it.
func javaMessage(m *admin.Message) string {
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
