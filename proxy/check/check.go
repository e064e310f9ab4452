// Package check holds what gRPC clients send to the rules: names, messages, times. Package proxy calls it before anything reaches a broker.
// Everything here is pure. The rules and their codes are those of RocketMQ's proxy; the texts say the number besides.
package check

import (
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

const (
	maxTopic = 127
	maxGroup = 255

	systemGroupPrefix = "CID_RMQ_SYS_"
)

// MinInvisible and MaxInvisible bound how long a received message is out of sight.
const (
	MinInvisible = 10 * time.Second
	MaxInvisible = 12 * time.Hour
)

// Name is a resource's name on the wire. The namespace is a part of the name for brokers.
func Name(r *pb.Resource) string {
	if r.GetResourceNamespace() == "" {
		return r.GetName()
	}
	return r.GetResourceNamespace() + "%" + r.GetName()
}

// Topic returns a topic's name, if clients may use it.
func Topic(r *pb.Resource) (string, error) {
	name := Name(r)
	switch {
	case message.BlankName(r.GetName()):
		return "", status.New(pb.Code_ILLEGAL_TOPIC, "The specified topic is blank: %.100q", name)
	case !message.LegalName(name):
		return "", status.New(pb.Code_ILLEGAL_TOPIC, "The specified topic[%.300s] contains illegal characters, allowing only ^[%%|a-zA-Z0-9_-]+$", name)
	case len(name) > maxTopic:
		return "", status.New(pb.Code_ILLEGAL_TOPIC, "The specified topic is longer than topic max length %d: it has %d", maxTopic, len(name))
	case systemTopic(name):
		return "", status.New(pb.Code_ILLEGAL_TOPIC, "cannot access system topic %s", name)
	}
	return name, nil
}

// Group returns a consumer group's name, if clients may use it.
func Group(r *pb.Resource) (string, error) {
	name := Name(r)
	switch {
	case message.BlankName(r.GetName()):
		return "", status.New(pb.Code_ILLEGAL_CONSUMER_GROUP, "the specified group is blank: %.100q", name)
	case len(name) > maxGroup:
		return "", status.New(pb.Code_ILLEGAL_CONSUMER_GROUP, "the specified group is longer than group max length %d: it has %d", maxGroup, len(name))
	case !message.LegalName(name):
		return "", status.New(pb.Code_ILLEGAL_CONSUMER_GROUP, "the specified group[%.300s] contains illegal characters, allowing only ^[%%|a-zA-Z0-9_-]+$", name)
	case strings.HasPrefix(name, systemGroupPrefix):
		return "", status.New(pb.Code_ILLEGAL_CONSUMER_GROUP, "cannot use system consumer group %s", name)
	}
	return name, nil
}

// TopicAndGroup is both.
func TopicAndGroup(topic, group *pb.Resource) (topicName, groupName string, err error) {
	if topicName, err = Topic(topic); err == nil {
		groupName, err = Group(group)
	}
	return topicName, groupName, err
}

func systemTopic(name string) bool {
	switch name {
	case message.TopicAutoName, message.TopicSchedule, message.TopicHalf, message.TopicOpHalf, message.TopicTrace, message.TopicCheckMax,
		message.TopicSelfTest, message.TopicMoved, "RMQ_SYS_BLOCK_OFFSET_TOPIC":
		return true
	}
	return strings.HasPrefix(name, message.SystemPrefix)
}

// Invisible holds a time out of sight to its bounds.
func Invisible(d, least time.Duration) error {
	switch {
	case d < least:
		return status.New(pb.Code_ILLEGAL_INVISIBLE_TIME, "the invisibleTime is too small. min is %d: it is %d", least.Milliseconds(), d.Milliseconds())
	case d > MaxInvisible:
		return status.New(pb.Code_ILLEGAL_INVISIBLE_TIME, "the invisibleTime is too large. max is %d: it is %d", MaxInvisible.Milliseconds(), d.Milliseconds())
	}
	return nil
}

// control reports whether a text has a control character as Java knows them.
func control(text string) bool {
	for _, r := range text {
		if r < 0x20 || r >= 0x7F && r <= 0x9F {
			return true
		}
	}
	return false
}

// Bucket chooses one of n buckets for a message group: jump consistent hashing (Lamping and Veach) over the group's Java hash, as RocketMQ's
// proxy does, so that a group keeps its queue whichever proxy its producer uses.
func Bucket(group string, n int) int {
	state := uint64(int64(message.HashCode([]byte(group))))
	for candidate := 0; ; {
		state = 2862933555777941757*state + 1
		next := float64(candidate+1) / (float64(int32(state>>33)+1) / (1 << 31))
		if next < 0 || next >= float64(n) {
			return candidate
		}
		candidate = int(next)
	}
}
