package api

import (
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/protocol"
)

// permission is a topic's permission in letters.
func permission(perm int32) string {
	out := ""
	if perm&protocol.PermRead != 0 {
		out += "r"
	}
	if perm&protocol.PermWrite != 0 {
		out += "w"
	}
	return out
}

// changedTopic is the configuration that a topic has after a change; s is what it is now, without configurations where it is not.
func changedTopic(s *admin.TopicState, name string, change *v1.TopicChange) protocol.TopicConfig {
	config := protocol.TopicConfig{TopicName: name, ReadQueueNums: 8, WriteQueueNums: 8, Perm: protocol.PermRead | protocol.PermWrite}
	for _, broker := range sortedKeys(s.Configs) {
		config = s.Configs[broker]
		break
	}
	if change.ReadQueues != nil {
		config.ReadQueueNums = *change.ReadQueues
	}
	if change.WriteQueues != nil {
		config.WriteQueueNums = *change.WriteQueues
	}
	switch change.Permission {
	case "r":
		config.Perm = protocol.PermRead
	case "w":
		config.Perm = protocol.PermWrite
	case "rw":
		config.Perm = protocol.PermRead | protocol.PermWrite
	}
	if change.Ordered != nil {
		config.Order = *change.Ordered
	}
	if change.Type != "" {
		attributes := protocol.Attributes{}
		for k, v := range config.Attributes {
			attributes[k] = v
		}
		attributes[kind.Attribute] = change.Type
		config.Attributes = attributes
	}
	return config
}
