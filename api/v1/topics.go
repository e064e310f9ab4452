package v1

import "time"

// Topics is a page of topics, by name.
type Topics struct {
	Topics []TopicLine `json:"topics"`
	Next   string      `json:"next"` // after of the next page, "" behind the last one
}

// TopicLine is a topic in a list. The numbers are those of all brokers together.
type TopicLine struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"` // normal, retry, dead-letter, system
	Type        string   `json:"type"` // NORMAL, FIFO, DELAY, TRANSACTION, MIXED, "" where nobody has said
	ReadQueues  int32    `json:"readQueues"`
	WriteQueues int32    `json:"writeQueues"`
	Brokers     []string `json:"brokers"`
}

// Topic is all there is to know of a topic.
type Topic struct {
	Name    string        `json:"name"`
	Kind    string        `json:"kind"`
	Type    string        `json:"type"`
	Configs []TopicConfig `json:"configs"` // of each broker that has it
	Queues  []QueueExtent `json:"queues"`
	Groups  []string      `json:"groups"` // that subscribe, or have offsets in it
}

// TopicConfig is a topic's configuration on one broker.
type TopicConfig struct {
	Broker      string            `json:"broker"`
	ReadQueues  int32             `json:"readQueues"`
	WriteQueues int32             `json:"writeQueues"`
	Permission  string            `json:"permission"` // r, w, rw, or nothing
	Ordered     bool              `json:"ordered"`
	Attributes  map[string]string `json:"attributes"`
}

// QueueExtent is one queue of a topic: first is the offset of its first message, next that of the next one to come.
type QueueExtent struct {
	Broker     string     `json:"broker"`
	Queue      int32      `json:"queue"`
	First      int64      `json:"first"`
	Next       int64      `json:"next"`
	LastStored *time.Time `json:"lastStored"`
}

// TopicChange makes a topic or changes one: what is left out stays, or is as usual in a new one.
type TopicChange struct {
	ReadQueues  *int32 `json:"readQueues,omitempty" min:"1" max:"1024"`
	WriteQueues *int32 `json:"writeQueues,omitempty" min:"1" max:"1024"`
	Permission  string `json:"permission,omitempty" enum:"r,w,rw"`
	Ordered     *bool  `json:"ordered,omitempty"`
	Type        string `json:"type,omitempty" enum:"NORMAL,FIFO,DELAY,TRANSACTION,MIXED"` // of a new topic
	Cluster     string `json:"cluster,omitempty" maxLen:"255"`                            // where to make it; the only one there is
	Broker      string `json:"broker,omitempty" maxLen:"255"`                             // on this one alone
}

// Changed says what was made, changed or deleted, and on which brokers.
type Changed struct {
	Name    string   `json:"name"`
	Brokers []string `json:"brokers"`
}
