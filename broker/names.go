package broker

import (
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Longest names. Source: TopicValidator of RocketMQ 5; a group is shorter since its retry topic's name contains it.
const (
	maxTopicName      = 127
	maxRetryTopicName = 255
	maxGroupName      = 120
)

const namePattern = "^[%|a-zA-Z0-9_-]+$"

// checkTopicName says what is wrong with a topic's name, "" if nothing is.
func checkTopicName(topic string) string {
	if strings.TrimSpace(topic) == "" {
		return "The specified topic is blank."
	}
	if !message.LegalName(topic) {
		return fmt.Sprintf("The specified topic: %.300s, contains illegal characters, allowing only %s", topic, namePattern)
	}
	if message.IsRetry(topic) || message.IsDLQ(topic) {
		if len(topic) > maxRetryTopicName {
			return fmt.Sprintf("The specified topic is DLQ or Retry topic: %.300s, and it's longer than topic max length: %d (it has %d)", topic, maxRetryTopicName, len(topic))
		}
		return ""
	}
	if len(topic) > maxTopicName {
		return fmt.Sprintf("The specified topic: %.300s, is longer than topic max length: %d (it has %d)", topic, maxTopicName, len(topic))
	}
	return ""
}

// checkGroupName says what is wrong with a group's name, "" if nothing is.
func checkGroupName(group string) string {
	switch {
	case strings.TrimSpace(group) == "":
		return "The specified group is blank."
	case !message.LegalName(group):
		return fmt.Sprintf("The specified group: %.300s, contains illegal characters, allowing only %s", group, namePattern)
	case len(group) > maxGroupName:
		return fmt.Sprintf("The specified group: %.300s, is longer than group max length: %d (it has %d)", group, maxGroupName, len(group))
	}
	return ""
}

// sendForbidden reports whether no client may send to this topic, whatever its permissions. Besides Apache's six these are
// the topics of the wheel timer and of this broker's own state records, whose contents nothing outside may shape.
func sendForbidden[T ~string | ~[]byte](topic T) bool {
	switch string(topic) {
	case message.TopicSchedule, message.TopicHalf, message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest,
		message.TopicMoved, message.TopicWheel, message.TopicState:
		return true
	}
	return false
}

// readForbidden reports whether no client may pull from this topic: state records may hold what is not for everybody.
func readForbidden(topic string) bool { return topic == message.TopicState }

// systemTopics are the topics with a meaning of their own that do not begin with the system prefix.
func (b *Broker) systemTopics() []string {
	return []string{
		message.TopicAutoName, message.TopicSchedule, message.TopicBench, message.TopicHalf, message.TopicTrace,
		message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest, message.TopicMoved, "CHECKPOINT_TOPIC",
		b.opt.ClusterName, b.opt.BrokerName, b.opt.ClusterName + "_REPLY_TOPIC",
	}
}

func (b *Broker) isSystemTopic(topic string) bool {
	if strings.HasPrefix(topic, message.SystemPrefix) {
		return true
	}
	for _, t := range b.systemTopics() {
		if t == topic {
			return true
		}
	}
	return false
}

// isSystemGroup reports whether a group belongs to RocketMQ itself.
func isSystemGroup(group string) bool { return strings.HasPrefix(group, "CID_RMQ_SYS_") }
