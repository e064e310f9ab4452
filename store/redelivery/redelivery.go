// Package redelivery makes, of a message that a group has popped and not acknowledged in time, the copy that stands for it in a
// retry topic or among the group's dead letters. The store calls it. It keeps no state, and everything here is safe to
// call at once.
package redelivery

import (
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Properties of copies, which are Apache's.
const (
	FirstPopTime = "1ST_POP_TIME" // when the message was popped first, in milliseconds
	OriginGroup  = "ORIGIN_GROUP" // the group that has popped it
)

// Group says how the group wants its messages back.
type Group struct {
	Name string
	// RetryMaxTimes is after how many redeliveries a message is a dead letter; -1 is RocketMQ's 16.
	RetryMaxTimes int32
	// V2 names retry topics %RETRY%group+topic instead of %RETRY%group_topic.
	V2 bool
}

// defaultMaxTimes is RocketMQ's, for groups that leave it to the broker.
const defaultMaxTimes = 16

// Make turns the record of the message into its copy: of the topic that it returns, in queue 0, under the message's handle. at
// is where the record lies. A message that was suspended counts no redelivery; one that has had all of them is dead.
func Make(r *message.Record, at message.LogOffset, m pop.Message, g Group) (topicName string, dead bool) {
	from := string(r.Topic)
	limit := g.RetryMaxTimes
	if limit < 0 {
		limit = defaultMaxTimes
	}
	p := r.Properties.Without(message.PropCRC, message.PropTimerDelaySec, message.PropTimerDelayMS, message.PropTimerDeliverMS)
	if _, ok := p.Get(FirstPopTime); !ok || r.ReconsumeTimes == 0 {
		p = p.With(FirstPopTime, strconv.FormatInt(m.PopTime, 10))
	}
	p = p.With(OriginGroup, g.Name)
	switch {
	case !m.Suspended && r.ReconsumeTimes >= limit:
		dead, topicName = true, message.DLQTopic(g.Name)
		p = p.With(message.PropDLQOriginTopic, Origin(g.Name, from))
		p = p.With(message.PropRetryTopic, Origin(g.Name, from)) // by which RocketMQ's tools know where to send it again
		p = p.With(message.PropDLQOriginID, string(message.AppendID(nil, r.StoreHost, at)))
	case message.IsRetry(from):
		topicName = from
	case g.V2:
		topicName = protocol.PopRetryV2.Name(g.Name, from)
	default:
		topicName = protocol.PopRetryV1.Name(g.Name, from)
	}
	if !m.Suspended {
		r.ReconsumeTimes++
	}
	r.Topic, r.QueueID, r.Properties, r.PreparedOffset = []byte(topicName), 0, p, m.Handle
	r.BornHost = r.StoreHost
	r.SysFlag &^= message.FlagTransactionMask
	return topicName, dead
}

// Bare takes from a copy what Make has added to its properties, for a message that has no room for it: that it comes again counts for
// more than what is told of it.
func Bare(r *message.Record) {
	r.Properties = r.Properties.Without(FirstPopTime, OriginGroup, message.PropDLQOriginTopic, message.PropDLQOriginID)
	if message.IsDLQ(string(r.Topic)) { // on its way to a retry topic it may have one of its own
		r.Properties = r.Properties.Without(message.PropRetryTopic)
	}
}

// Origin is the topic of which a group's retry topic holds messages; any other topic is its own origin.
func Origin(groupName, topicName string) string {
	rest, ok := strings.CutPrefix(topicName, message.RetryPrefix+groupName)
	if ok && len(rest) > 1 && (rest[0] == '_' || rest[0] == '+') {
		return rest[1:]
	}
	return topicName
}

// Config is the configuration of a topic that a copy goes to, where there is none yet.
func Config(topicName string) topic.Config {
	return topic.Config{Name: topicName, ReadQueues: 1, WriteQueues: 1, Perm: topic.PermRead | topic.PermWrite}
}
