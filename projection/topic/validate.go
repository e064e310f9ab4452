package topic

import (
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Limits of topic names, in characters. Source: TopicValidator of RocketMQ 5.5.
const (
	MaxName         = 127
	MaxInternalName = 255 // for names that begin with %RETRY% or %DLQ%
)

// ValidateName checks a topic name as the Java broker does. The error's text is the remark that its clients know, to be
// sent with INVALID_PARAMETER.
func ValidateName(name string) error {
	if message.BlankName(name) {
		return remark("The specified topic is blank.")
	}
	if !message.LegalName(name) {
		return remark(fmt.Sprintf("The specified topic: %.300s, contains illegal characters, allowing only ^[%%|a-zA-Z0-9_-]+$", name))
	}
	if message.IsRetry(name) || message.IsDLQ(name) {
		if len(name) > MaxInternalName {
			return remark(fmt.Sprintf("The specified topic is DLQ or Retry topic: %.300s, and it's longer than topic max length: %d (it has %d)", name, MaxInternalName, len(name)))
		}
	} else if len(name) > MaxName {
		return remark(fmt.Sprintf("The specified topic: %.300s, is longer than topic max length: %d (it has %d)", name, MaxName, len(name)))
	}
	return nil
}

// CheckSend reports whether clients may send to the topic at all; the error's text is the remark for NO_PERMISSION.
// Besides the topics that Apache protects it protects our own state.
func CheckSend(name string) error {
	switch name {
	case message.TopicSchedule, message.TopicHalf, message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest,
		message.TopicMoved, rocksHalf, rocksOpHalf, message.TopicState:
		return remark(fmt.Sprintf("Sending message to topic[%s] is forbidden.", name))
	}
	return nil
}

// CheckChange reports whether tools may create, change or delete the topic; the error's text is the remark for
// INVALID_PARAMETER. The broker adds the topics that bear its own and its cluster's name.
func CheckChange(name string) error {
	if IsSystem(name) {
		return remark(fmt.Sprintf("The topic[%s] is conflict with system topic.", name))
	}
	return nil
}

// System topics that package message has no use for.
const (
	rocksHalf       = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"
	rocksOpHalf     = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"
	rocksCheckpoint = "CHECKPOINT_TOPIC"
)

// IsSystem reports whether the topic belongs to the broker on every cluster. Source: TopicValidator of RocketMQ 5.5.
func IsSystem(name string) bool {
	switch name {
	case message.TopicAutoName, message.TopicSchedule, message.TopicBench, message.TopicHalf, message.TopicTrace,
		message.TopicOpHalf, message.TopicCheckMax, message.TopicSelfTest, message.TopicMoved,
		rocksHalf, rocksOpHalf, rocksCheckpoint:
		return true
	}
	return strings.HasPrefix(name, message.SystemPrefix)
}

// remark is an error whose text goes to clients as it is: the Java broker's words, capitals and full stops included.
type remark string

func (r remark) Error() string { return string(r) }
