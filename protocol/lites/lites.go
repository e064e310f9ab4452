// Package lites holds the headers and bodies of the requests by which lite topics are administered: GET_BROKER_LITE_INFO (200074) to TRIGGER_LITE_DISPATCH
// (200079). The names are those of RocketMQ 5.5. Everything here is safe to call at once.
package lites

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// BrokerInfo is the answer's body of 200074. TopicMeta has the minutes that lite topics outlive their last message by parent topic, -1 for ever; GroupMeta the
// groups that read lite topics by parent topic.
type BrokerInfo struct {
	QueueTableSize  int32               `json:"cqTableSize"`
	Queues          int32               `json:"currentLmqNum"`
	Events          int32               `json:"eventMapSize"`
	GroupMeta       map[string][]string `json:"groupMeta"`
	Subscriptions   int32               `json:"liteSubscriptionCount"`
	MaxQueues       int32               `json:"maxLmqNum"`
	OffsetTableSize int32               `json:"offsetTableSize"`
	Ordered         int32               `json:"orderInfoCount"`
	StoreType       string              `json:"storeType"`
	TopicMeta       map[string]int32    `json:"topicMeta"`
}

// ParentHeader is the request header of GET_PARENT_TOPIC_INFO (200075).
type ParentHeader struct{ Topic string }

// Decode reads the fields.
func (h *ParentHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	h.Topic = r.Need("topic")
	return r.Err()
}

// ParentInfo is the answer's body of 200075. TTL is in minutes, -1 for ever.
type ParentInfo struct {
	Groups     []string `json:"groups,omitempty"`
	LiteTopics int32    `json:"liteTopicCount"`
	Queues     int32    `json:"lmqNum"`
	Topic      string   `json:"topic"`
	TTL        int32    `json:"ttl"`
}

// TopicHeader is the request header of GET_LITE_TOPIC_INFO (200076).
type TopicHeader struct{ Parent, LiteTopic string }

// Decode reads the fields.
func (h *TopicHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = TopicHeader{Parent: r.Need("parentTopic"), LiteTopic: r.Need("liteTopic")}
	return r.Err()
}

// TopicInfo is the answer's body of 200076. Here says that the lite topic's messages belong on the broker that answers.
type TopicInfo struct {
	LiteTopic   string               `json:"liteTopic"`
	Parent      string               `json:"parentTopic"`
	Here        bool                 `json:"shardingToBroker"`
	Subscribers []Client             `json:"subscriber"`
	Extent      protocol.TopicOffset `json:"topicOffset"`
}

// Client is a client of a group.
type Client struct {
	ID    string `json:"clientId"`
	Group string `json:"group"`
}

// ClientHeader is the request header of GET_LITE_CLIENT_INFO (200077).
type ClientHeader struct {
	Parent, Group, ClientID string
	MaxCount                int32
}

// Decode reads the fields.
func (h *ClientHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = ClientHeader{Parent: r.Need("parentTopic"), Group: r.Need("group"), ClientID: r.Need("clientId"), MaxCount: int32(r.Int("maxCount", 0))}
	return r.Err()
}

// ClientInfo is the answer's body of 200077. Count is -1 for a client that is not there; Topics are light queues, at most as many as wanted.
type ClientInfo struct {
	ClientID     string   `json:"clientId"`
	Group        string   `json:"group"`
	LastAccess   int64    `json:"lastAccessTime"` // ms, -1 when not known
	LastConsumed int64    `json:"lastConsumeTime"`
	Count        int32    `json:"liteTopicCount"`
	Topics       []string `json:"liteTopicSet,omitempty"`
	Parent       string   `json:"parentTopic"`
}

// GroupHeader is the request header of GET_LITE_GROUP_INFO (200078). Without a lite topic the TopK that lag most are wanted.
type GroupHeader struct {
	Group, LiteTopic string
	TopK             int32
}

// Decode reads the fields.
func (h *GroupHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = GroupHeader{Group: r.Need("group"), LiteTopic: r.Text("liteTopic"), TopK: int32(r.Int("topK", 0))}
	return r.Err()
}

// GroupInfo is the answer's body of 200078: of all lite topics of the group, or of one, which then has Place.
type GroupInfo struct {
	Earliest  int64                   `json:"earliestUnconsumedTimestamp"` // ms, -1 when there is none
	Group     string                  `json:"group"`
	ByCount   []Lag                   `json:"lagCountTopK,omitzero"`
	ByTime    []Lag                   `json:"lagTimestampTopK,omitzero"`
	LiteTopic string                  `json:"liteTopic,omitempty"`
	Place     *protocol.OffsetWrapper `json:"liteTopicOffsetWrapper,omitempty"`
	Parent    string                  `json:"parentTopic"`
	Total     int64                   `json:"totalLagCount"`
}

// Lag is how far a group lags behind a lite topic.
type Lag struct {
	Earliest  int64  `json:"earliestUnconsumedTimestamp"` // ms
	Count     int64  `json:"lagCount"`
	LiteTopic string `json:"liteTopic"`
}

// DispatchHeader is the request header of TRIGGER_LITE_DISPATCH (200079). Without a client all of the group are meant.
type DispatchHeader struct{ Group, ClientID string }

// Decode reads the fields.
func (h *DispatchHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = DispatchHeader{Group: r.Need("group"), ClientID: r.Text("clientId")}
	return r.Err()
}
