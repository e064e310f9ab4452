package manage

import (
	"encoding/json"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Topics is the request body of UPDATE_AND_CREATE_TOPIC_LIST (18). Attributes are changes, with a sign before each name.
type Topics struct {
	Topics []protocol.TopicConfig `json:"topicConfigList"`
}

// UnmarshalJSON reads the object; members of a topic that are missing have a new topic's settings, which are RocketMQ's.
func (t *Topics) UnmarshalJSON(b []byte) error {
	var raw struct {
		Topics []json.RawMessage `json:"topicConfigList"`
	}
	err := json.Unmarshal(b, &raw)
	if err == nil {
		t.Topics, err = decodeEach(raw.Topics, func() protocol.TopicConfig {
			return protocol.TopicConfig{ReadQueueNums: 16, WriteQueueNums: 16, Perm: protocol.PermRead | protocol.PermWrite}
		})
	}
	return err
}

// TopicNames is the request body of DELETE_TOPIC_IN_BROKER_LIST (5002), which RocketMQ has after 5.5.0.
type TopicNames struct {
	Topics []string `json:"topicList"`
}

// GroupNames is the request body of DELETE_SUBSCRIPTION_GROUP_LIST (5003), which RocketMQ has after 5.5.0.
type GroupNames struct {
	CleanOffset bool     `json:"cleanOffset"`
	Groups      []string `json:"groupNameList"`
}
