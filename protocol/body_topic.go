package protocol

import "encoding/json"

// Bits of a topic's perm.
const (
	PermPriority = 1 << 3
	PermRead     = 1 << 2
	PermWrite    = 1 << 1
	PermInherit  = 1 << 0
)

// Bits of a topic's system flag.
const (
	TopicFlagUnit    = 1 << 0
	TopicFlagUnitSub = 1 << 1
)

// DataVersion orders the states of a table that a broker keeps: it grows with every change.
type DataVersion struct {
	Counter      int64 `json:"counter"`
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"` // milliseconds
}

// TopicConfig is one topic of a broker, as bodies carry it. It is also the answer's body of GET_TOPIC_CONFIG (351), but for
// logical queues of static topics, see package manage.
type TopicConfig struct {
	Attributes      Attributes `json:"attributes"`
	Order           bool       `json:"order"`
	Perm            int32      `json:"perm"`
	ReadQueueNums   int32      `json:"readQueueNums"`
	TopicFilterType string     `json:"topicFilterType,omitempty"` // SINGLE_TAG or MULTI_TAG
	TopicName       string     `json:"topicName"`
	TopicSysFlag    int32      `json:"topicSysFlag"`
	WriteQueueNums  int32      `json:"writeQueueNums"`
}

// TopicConfigTable is the answer's body of GET_ALL_TOPIC_CONFIG (21) and a part of REGISTER_BROKER's (103).
type TopicConfigTable struct {
	DataVersion        DataVersion                      `json:"dataVersion"`
	MappingDataVersion DataVersion                      `json:"mappingDataVersion"`
	Topics             map[string]TopicConfig           `json:"topicConfigTable"`
	Mappings           map[string]TopicQueueMappingInfo `json:"topicQueueMappingInfoMap"` // static topics
}

// Attributes are a topic's attributes by name. None is an empty object in JSON, as RocketMQ writes it, not null.
type Attributes map[string]string

// MarshalJSON writes the object.
func (a Attributes) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]string(a))
}

// TopicQueueMappingInfo says which of a static topic's logical queues lie on a broker.
type TopicQueueMappingInfo struct {
	BrokerName  string          `json:"bname"`
	CurrIDMap   map[int32]int32 `json:"currIdMap"` // logical to physical queue
	Dirty       bool            `json:"dirty"`
	Epoch       int64           `json:"epoch"`
	Scope       string          `json:"scope,omitempty"`
	Topic       string          `json:"topic"`
	TotalQueues int32           `json:"totalQueues"`
}
