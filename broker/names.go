package broker

import (
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// checkTopicName says what is wrong with a topic's name, "" if nothing is.
func checkTopicName(name string) string { return textOf(topic.ValidateName(name)) }

// checkGroupName says what is wrong with a group's name, "" if nothing is.
func checkGroupName(name string) string { return textOf(group.ValidateName(name)) }

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// sendForbidden reports whether no client may send to this topic, whatever its permissions. Besides Apache's six these are
// the topics of the wheel timer and of this broker's own state records, whose contents nothing outside may shape.
func sendForbidden[T ~string | ~[]byte](name T) bool {
	switch string(name) {
	case message.TopicSchedule, message.TopicHalf, message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest,
		message.TopicMoved, message.TopicWheel, message.TopicState:
		return true
	}
	return light.Is(name) // they take what is sent to other topics
}

// readForbidden reports whether no client may pull from this topic: state records may hold what is not for everybody.
func readForbidden(name string) bool { return name == message.TopicState }

// systemTopics are the topics with a meaning of their own that do not begin with the system prefix.
func (b *Broker) systemTopics() []string {
	return []string{
		message.TopicAutoName, message.TopicSchedule, message.TopicBench, message.TopicHalf, message.TopicTrace,
		message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest, message.TopicMoved, "CHECKPOINT_TOPIC",
		b.opt.ClusterName, b.opt.BrokerName, b.opt.ClusterName + "_REPLY_TOPIC",
	}
}

func (b *Broker) isSystemPrefixed(name string) bool {
	return strings.HasPrefix(name, message.SystemPrefix)
}

func (b *Broker) isSystemTopic(name string) bool {
	return b.isSystemPrefixed(name) || slices.Contains(b.systemTopics(), name)
}

// isSystemGroup reports whether a group belongs to RocketMQ itself.
func isSystemGroup(name string) bool { return strings.HasPrefix(name, "CID_RMQ_SYS_") }
