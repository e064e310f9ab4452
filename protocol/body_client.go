package protocol

// ConsumerIDList is the answer's body of GET_CONSUMER_LIST_BY_GROUP (38): the client ids of the group's members.
type ConsumerIDList struct {
	ConsumerIDs []string `json:"consumerIdList"`
}

// Connection is one member of a group, as GET_CONSUMER_CONNECTION_LIST (203) and GET_PRODUCER_CONNECTION_LIST (204) tell it.
type Connection struct {
	ClientAddr string `json:"clientAddr"`
	ClientID   string `json:"clientId"`
	Language   string `json:"language"` // the enum's name, such as JAVA
	Version    int32  `json:"version"`
}

// ConsumerConnection is the answer's body of GET_CONSUMER_CONNECTION_LIST (203).
type ConsumerConnection struct {
	ConnectionSet     []Connection                `json:"connectionSet"`
	ConsumeFromWhere  string                      `json:"consumeFromWhere,omitempty"`
	ConsumeType       string                      `json:"consumeType,omitempty"`
	MessageModel      string                      `json:"messageModel,omitempty"`
	SubscriptionTable map[string]SubscriptionData `json:"subscriptionTable"` // by topic
}

// ProducerConnection is the answer's body of GET_PRODUCER_CONNECTION_LIST (204).
type ProducerConnection struct {
	ConnectionSet []Connection `json:"connectionSet"`
}

// TopicList is the answer's body of the requests for topic names (206, 224, 304, 305, 311, 312, 313, 343).
type TopicList struct {
	BrokerAddr string   `json:"brokerAddr,omitempty"`
	Topics     []string `json:"topicList"`
}

// GroupList is the answer's body of QUERY_TOPIC_CONSUME_BY_WHO (300).
type GroupList struct {
	Groups []string `json:"groupList"`
}

// KVTable is a body of names and values: GET_BROKER_RUNTIME_INFO (28), GET_KVLIST_BY_NAMESPACE (219), and the order configuration in
// the answer to REGISTER_BROKER (103).
type KVTable struct {
	Table map[string]string `json:"table"`
}
