package manage

import (
	"encoding/json"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TopicQueueMappingDetail is the request body of UPDATE_AND_CREATE_STATIC_TOPIC (513): which queues of a static topic a broker holds, by their
// numbers in the whole cluster, and where the offsets of each begin.
type TopicQueueMappingDetail struct {
	protocol.TopicQueueMappingInfo
	Hosted map[int32][]LogicQueueMappingItem `json:"hostedQueues"`
}

// LogicQueueMappingItem is one of the places where a queue of a static topic has lain, the last one where it lies.
type LogicQueueMappingItem struct {
	BrokerName  string `json:"bname"`
	EndOffset   int64  `json:"endOffset"` // behind the last offset that it has there, -1 where it lies
	Gen         int32  `json:"gen"`       // grows from place to place
	LogicOffset int64  `json:"logicOffset"`
	QueueID     int32  `json:"queueId"` // its number on that broker
	StartOffset int64  `json:"startOffset"`
	TimeOfEnd   int64  `json:"timeOfEnd"`
	TimeOfStart int64  `json:"timeOfStart"`
}

// NewLogicQueueMappingItem is a queue that has always lain where it lies, with all of its offsets.
func NewLogicQueueMappingItem(broker string, queue int32) LogicQueueMappingItem {
	return LogicQueueMappingItem{BrokerName: broker, QueueID: queue, EndOffset: -1, TimeOfEnd: -1, TimeOfStart: -1}
}

// UnmarshalJSON reads the object; members that are missing have RocketMQ's defaults.
func (i *LogicQueueMappingItem) UnmarshalJSON(b []byte) error {
	type plain LogicQueueMappingItem
	p := plain(NewLogicQueueMappingItem("", 0))
	err := json.Unmarshal(b, &p)
	*i = LogicQueueMappingItem(p)
	return err
}

// TopicConfigAndQueueMapping is the answer's body of GET_TOPIC_CONFIG (351): a topic, and what is static about it, which is left out when nil.
type TopicConfigAndQueueMapping struct {
	protocol.TopicConfig
	Detail *TopicQueueMappingDetail `json:"mappingDetail,omitempty"`
}
