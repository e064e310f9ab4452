// Package operate is what /api/v1 says of running brokers and NameServers: bodies of operations that package api/v1 lists under the tags brokers,
// kv, topics and groups. Their tags are checked there. Package api fills them in; they are data, safe to read at once.
package operate

import "time"

// BrokerSettings is a page of the settings of a running broker, by their keys.
type BrokerSettings struct {
	Broker   string          `json:"broker"`
	Settings []BrokerSetting `json:"settings"`
	Next     string          `json:"next"` // after of the next page, "" behind the last one
}

// BrokerSetting is a setting as a broker tells it.
type BrokerSetting struct {
	Key   string `json:"key"`
	Value string `json:"value"` // "***" for a secret's
	Live  bool   `json:"live"`  // whether it can be changed here, while the broker runs
}

// SettingsChange changes settings of a running broker, by their keys: all of them, or none. The others stay.
type SettingsChange struct {
	Settings map[string]string `json:"settings" minItems:"1" maxItems:"50" maxLen:"255"`
}

// WritesChange says whether sends may go to a broker.
type WritesChange struct {
	Open bool `json:"open"`
}

// Writes is whether the NameServers route sends to a broker. It lasts until one of the broker's topics changes, or the NameServer restarts.
type Writes struct {
	Broker      string         `json:"broker"`
	Open        bool           `json:"open"`
	NameServers []WritesRouted `json:"nameServers"`
}

// WritesRouted is at how many of a broker's topics a NameServer has changed it.
type WritesRouted struct {
	Address string `json:"address"` // "host:port"
	Topics  int    `json:"topics"`
}

// Cleaning is upkeep that a broker does by itself in its time, and now.
type Cleaning struct {
	What string `json:"what" enum:"expired-queues,unused-topics,expired-log"` // queues that hold nothing any more, queues of topics that are gone, segments whose time is over
}

// KVs is a page of the key-value configuration of a namespace, by key.
type KVs struct {
	Namespace string `json:"namespace"`
	KVs       []KV   `json:"kvs"`
	Next      string `json:"next"` // after of the next page, "" behind the last one
}

// KV is a value of the NameServers' own configuration.
type KV struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
	Value     string `json:"value"`
}

// KVChange sets a value.
type KVChange struct {
	Value string `json:"value" minLen:"1" maxLen:"16384"`
}

// Order is the order configuration of a topic: the queues that clients use while some of them are away, so that orders stay what they are.
// Routes carry it where orderMessageEnable is set.
type Order struct {
	Topic   string        `json:"topic"`
	Value   string        `json:"value"` // as the NameServers keep it: broker-a:8;broker-b:8
	Brokers []OrderQueues `json:"brokers"`
}

// OrderChange sets a topic's order configuration.
type OrderChange struct {
	Brokers []OrderQueues `json:"brokers" minItems:"1" maxItems:"1000"`
}

// OrderQueues is how many queues of a topic a broker has.
type OrderQueues struct {
	Broker string `json:"broker" maxLen:"255" pattern:"^[0-9A-Za-z_.@%|-]+$"`
	Queues int32  `json:"queues" min:"1" max:"1024"`
}

// Route is what the NameServers tell clients of a topic.
type Route struct {
	Topic   string        `json:"topic"`
	Order   string        `json:"order"` // its order configuration, "" for none
	Brokers []RouteBroker `json:"brokers"`
}

// RouteBroker is one broker of a route.
type RouteBroker struct {
	Broker      string            `json:"broker"`
	Cluster     string            `json:"cluster"`
	Addrs       map[string]string `json:"addrs"` // "host:port" by broker id; "0" is the master
	ReadQueues  int32             `json:"readQueues"`
	WriteQueues int32             `json:"writeQueues"`
	Permission  string            `json:"permission"` // r, w, rw, or nothing: without w the broker's writes are closed, or the topic's
}

// TestMessage is sent to a topic: either body or bodyBase64.
type TestMessage struct {
	Body         string            `json:"body,omitempty" minLen:"1" maxLen:"65536"`
	BodyBase64   string            `json:"bodyBase64,omitempty" minLen:"4" maxLen:"87384" pattern:"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"`
	Tag          string            `json:"tag,omitempty" minLen:"1" maxLen:"255"`
	Keys         []string          `json:"keys,omitempty" maxItems:"16" maxLen:"255" pattern:"^[^ \\x00-\\x1F]+$"`
	Properties   map[string]string `json:"properties,omitempty" maxItems:"64" maxName:"255" maxLen:"4096"` // the user's own; RocketMQ's names are refused
	OrderKey     string            `json:"orderKey,omitempty" minLen:"1" maxLen:"255"`                     // messages of one key go to one queue
	Queue        *TestQueue        `json:"queue,omitempty"`                                                // to this one, instead of orderKey
	DelaySeconds int32             `json:"delaySeconds,omitempty" min:"1" max:"31536000"`                  // deliver so much later
}

// TestQueue names a queue of the topic.
type TestQueue struct {
	Broker string `json:"broker" minLen:"1" maxLen:"255"`
	Queue  int32  `json:"queue" min:"0" max:"65535"`
}

// Sent says where a message was stored.
type Sent struct {
	ID       string `json:"id"`       // its unique id
	OffsetID string `json:"offsetId"` // where it lies
	Topic    string `json:"topic"`
	Broker   string `json:"broker"`
	Queue    int32  `json:"queue"`
	Offset   int64  `json:"offset"`
	Status   string `json:"status"` // SEND_OK, or how it is less safe than that: FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE
	Recall   string `json:"recall"` // the handle by which a producer takes it back that waits, "" where none can
}

// Statistics is what passed through the brokers of a topic: TOPIC_PUT_NUMS and TOPIC_PUT_SIZE (bytes), and of a group besides GROUP_GET_NUMS, GROUP_GET_SIZE
// and SNDBCK_PUT_NUMS (given back).
type Statistics struct {
	Topic      string      `json:"topic"`
	Group      string      `json:"group"` // "" for none
	Statistics []Statistic `json:"statistics"`
}

// Statistic is one of them at one broker. What was never counted is 0.
type Statistic struct {
	Broker string `json:"broker"`
	Name   string `json:"name"`
	Minute Flow   `json:"minute"`
	Hour   Flow   `json:"hour"`
	Day    Flow   `json:"day"`
}

// Flow is what passed in a time.
type Flow struct {
	Sum       int64   `json:"sum"`
	PerSecond float64 `json:"perSecond"`
}

// Producers is a page of who produces at the brokers of the cluster, by group and client id.
type Producers struct {
	Producers  []Producer        `json:"producers"`
	Next       string            `json:"next"`       // after of the next page, "" behind the last one
	Unanswered map[string]string `json:"unanswered"` // why some of the brokers did not answer, by name
}

// Producer is a member of a producer group at one broker.
type Producer struct {
	Group    string     `json:"group"`
	ClientID string     `json:"clientId"`
	Broker   string     `json:"broker"`
	Address  string     `json:"address"`
	Language string     `json:"language"`
	Version  string     `json:"version"`
	LastSeen *time.Time `json:"lastSeen"` // its last heartbeat
}

// Trial has a member of a group handle a message now, whether it has had it or not.
type Trial struct {
	Topic    string `json:"topic" minLen:"1" maxLen:"255"`
	ID       string `json:"id" minLen:"1" maxLen:"255"` // unique id, or offset message id
	ClientID string `json:"clientId" minLen:"1" maxLen:"255"`
}

// Tried is how that went, as the member says.
type Tried struct {
	Result string `json:"result"` // CR_SUCCESS, CR_LATER, CR_THROW_EXCEPTION and so on
	Remark string `json:"remark"`
	Millis int64  `json:"milliseconds"`
}
