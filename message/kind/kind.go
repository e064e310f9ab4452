// Package kind tells the kinds of messages apart for which a topic may be made: normal, ordered, delayed and so on. It is pure; everything in it is
// safe to call at once.
//
// A topic says its kind in the attribute message.type. RocketMQ's broker keeps the attribute and enforces nothing: old clients send what they like to
// any topic. Its proxy enforces it (enableTopicMessageTypeCheck), for sends and recalls alike. So package broker only checks the attribute's value,
// and a proxy calls [Of], [OfTopic] and [Check].
package kind

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// Attribute is the topic attribute that holds the kind.
const Attribute = "message.type"

// Kind is what a message is, or what a topic takes, in RocketMQ's words. Source: TopicMessageType of RocketMQ 5.5.
type Kind string

// The kinds. A message is never Mixed or Unspecified.
const (
	Unspecified Kind = "UNSPECIFIED" // nobody has said it; nothing passes
	Normal      Kind = "NORMAL"
	FIFO        Kind = "FIFO"
	Delay       Kind = "DELAY"
	Transaction Kind = "TRANSACTION"
	Priority    Kind = "PRIORITY"
	Lite        Kind = "LITE"
	Mixed       Kind = "MIXED" // everything passes
)

// Names of properties that package message has no use for. Source: MessageConst of RocketMQ 5.5.
const (
	propPriority  = "_SYS_MSG_PRIORITY_"
	propLiteTopic = "__LITE_TOPIC"
)

// Of returns the kind of a message by its properties. What has the marks of several kinds is of the first one in this order: transaction, delay, FIFO,
// priority, lite.
func Of(p message.Properties) Kind {
	has := func(name string) bool {
		_, ok := p.Get(name)
		return ok
	}
	half, _ := p.Get(message.PropTransaction)
	switch {
	case isTrue(half):
		return Transaction
	case has(message.PropDelay) || has(message.PropTimerDeliverMS) || has(message.PropTimerDelaySec) || has(message.PropTimerDelayMS):
		return Delay
	case has(message.PropShardingKey):
		return FIFO
	case has(propPriority):
		return Priority
	case has(propLiteTopic):
		return Lite
	}
	return Normal
}

// isTrue reads a boolean as Java does: "true" in any case.
func isTrue(b []byte) bool {
	return len(b) == 4 && b[0]|0x20 == 't' && b[1]|0x20 == 'r' && b[2]|0x20 == 'u' && b[3]|0x20 == 'e'
}

// OfTopic returns what a topic with these attributes takes: Normal if they do not say it.
func OfTopic(attributes map[string]string) Kind {
	if k, ok := attributes[Attribute]; ok {
		return Kind(k)
	}
	return Normal
}

// Check refuses a message that is not of its topic's kind. The error's text is the one by which programs know it; RocketMQ's proxy sends it with
// code 13 (MESSAGE_ILLEGAL), or MESSAGE_PROPERTY_CONFLICT_WITH_TYPE over gRPC.
func Check(topic, message Kind) error {
	if message == Unspecified || topic != message && topic != Mixed {
		return fmt.Errorf("TopicMessageType validate failed, the expected type is %s, but actual type is %s", topic, message)
	}
	return nil
}
