package message

import "strings"

// Topics and prefixes with a meaning of their own. Source: TopicValidator and MixAll of RocketMQ 5.
const (
	RetryPrefix   = "%RETRY%"
	DLQPrefix     = "%DLQ%"
	LMQPrefix     = "%LMQ%"
	SystemPrefix  = "rmq_sys_"
	TopicAutoName = "TBW102"
	TopicSchedule = "SCHEDULE_TOPIC_XXXX"
	TopicHalf     = "RMQ_SYS_TRANS_HALF_TOPIC"
	TopicOpHalf   = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
	TopicTrace    = "RMQ_SYS_TRACE_TOPIC"
	TopicCheckMax = "TRANS_CHECK_MAX_TIME_TOPIC"
	TopicSelfTest = "SELF_TEST_TOPIC"
	TopicBench    = "BenchmarkTest"
	TopicMoved    = "OFFSET_MOVED_EVENT"
	TopicWheel    = "rmq_sys_wheel_timer"
	// TopicState holds Aerobee's own state records; no client request may read or write it.
	TopicState = "rmq_sys_aerobee_state"
)

// RetryTopic is where a group's failed messages come back.
func RetryTopic(group string) string { return RetryPrefix + group }

// DLQTopic is where a group's messages go that failed too often.
func DLQTopic(group string) string { return DLQPrefix + group }

// IsRetry reports whether topic is a group's retry topic.
func IsRetry(topic string) bool { return strings.HasPrefix(topic, RetryPrefix) }

// IsDLQ reports whether topic is a group's dead letter topic.
func IsDLQ(topic string) bool { return strings.HasPrefix(topic, DLQPrefix) }

// Hidden reports whether no client may consume a topic, by pulling or by popping, nor have a group's place in it moved: half messages are
// nobody's yet, and state records may hold what is not for everybody.
func Hidden(topic string) bool { return topic == TopicHalf || topic == TopicState }
