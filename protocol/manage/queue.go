package manage

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// ConsumeQueueHeader is the request header of QUERY_CONSUME_QUEUE (321). Grouped says that a group is named, which may be "".
type ConsumeQueueHeader struct {
	Topic   string
	QueueID int32
	Index   int64
	Count   int32
	Group   string
	Grouped bool
}

// Decode reads the fields.
func (h *ConsumeQueueHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = ConsumeQueueHeader{Topic: r.Need("topic"), QueueID: int32(r.NeedInt("queueId")), Index: r.NeedInt("index"), Count: int32(r.NeedInt("count")), Group: r.Text("consumerGroup")}
	_, h.Grouped = f.Fields.Get("consumerGroup")
	return r.Err()
}

// ConsumeQueue is the answer's body of 321.
type ConsumeQueue struct {
	FilterData   string                     `json:"filterData,omitempty"`
	MaxIndex     int64                      `json:"maxQueueIndex"`
	MinIndex     int64                      `json:"minQueueIndex"`
	Entries      []ConsumeQueueEntry        `json:"queueData"`
	Subscription *protocol.SubscriptionData `json:"subscriptionData,omitempty"`
}

// ConsumeQueueEntry is one entry of a queue: where its message lies in the log, and the hash of its tags.
type ConsumeQueueEntry struct {
	BitMap   string `json:"bitMap,omitempty"`
	Matches  bool   `json:"eval"`
	Extended string `json:"extendDataJson,omitempty"`
	Message  string `json:"msg,omitempty"`
	Offset   int64  `json:"physicOffset"`
	Size     int32  `json:"physicSize"`
	TagsCode int64  `json:"tagsCode"`
}

// Producers is the answer's body of GET_ALL_PRODUCER_INFO (328), by group.
type Producers struct {
	Groups map[string][]Producer `json:"data"`
}

// Producer is a member of a producer group.
type Producer struct {
	ClientID string `json:"clientId"`
	Language string `json:"language"`
	LastSeen int64  `json:"lastUpdateTimestamp"` // ms
	RemoteIP string `json:"remoteIP"`            // "/address:port", as Java writes it
	Version  int32  `json:"version"`
}

// GroupTopicHeader is the request header of QUERY_TOPICS_BY_CONSUMER (343) and QUERY_SUBSCRIPTION_BY_CONSUMER (345); 343 has no topic.
type GroupTopicHeader struct{ Group, Topic string }

// Decode reads the fields.
func (h *GroupTopicHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = GroupTopicHeader{Group: r.Need("group"), Topic: r.Text("topic")}
	return r.Err()
}

// Subscription is the answer's body of 345. A group that does not subscribe to the topic has none.
type Subscription struct {
	Group        string                     `json:"group"`
	Subscription *protocol.SubscriptionData `json:"subscriptionData,omitempty"`
	Topic        string                     `json:"topic,omitempty"`
}
