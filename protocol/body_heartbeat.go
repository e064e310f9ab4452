package protocol

// HeartbeatData is the request body of HEART_BEAT (34), which every client sends at its start, on each new subscription and
// every 30 s. Clients leave out what they do not use.
//
//	{"clientID":"10.0.0.1@7#1","heartbeatFingerprint":0,"withoutSub":false,"producerDataSet":[{"groupName":"p"}],
//	 "consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",
//	   "consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","unitMode":false,"subscriptionDataSet":[{"topic":"t","subString":"a || b",
//	   "tagsSet":["a","b"],"codeSet":[97,98],"subVersion":1700000000000,"expressionType":"TAG","classFilterMode":false}]}]}
type HeartbeatData struct {
	ClientID        string         `json:"clientID"`
	ConsumerDataSet []ConsumerData `json:"consumerDataSet"`
	Fingerprint     int32          `json:"heartbeatFingerprint"`
	ProducerDataSet []ProducerData `json:"producerDataSet"`
	WithoutSub      bool           `json:"withoutSub"` // second form: the subscriptions are those of the fingerprint
}

// ProducerData is one producer group of a client.
type ProducerData struct {
	GroupName string `json:"groupName"`
}

// The values of a consumer's enums.
const (
	ConsumeActively  = "CONSUME_ACTIVELY"
	ConsumePassively = "CONSUME_PASSIVELY"
	ConsumePop       = "CONSUME_POP"

	ModelClustering   = "CLUSTERING"
	ModelBroadcasting = "BROADCASTING"

	ConsumeFromLast      = "CONSUME_FROM_LAST_OFFSET"
	ConsumeFromFirst     = "CONSUME_FROM_FIRST_OFFSET"
	ConsumeFromTimestamp = "CONSUME_FROM_TIMESTAMP"

	ExpressionTag   = "TAG"
	ExpressionSQL92 = "SQL92"
)

// ConsumerData is one consumer group of a client.
type ConsumerData struct {
	ConsumeFromWhere string             `json:"consumeFromWhere,omitempty"`
	ConsumeType      string             `json:"consumeType,omitempty"`
	GroupName        string             `json:"groupName"`
	MessageModel     string             `json:"messageModel,omitempty"`
	SubscriptionData []SubscriptionData `json:"subscriptionDataSet"`
	UnitMode         bool               `json:"unitMode"`
}

// SubscriptionData is a group's filter on one topic. An empty ExpressionType is TAG; SubString "*" takes everything.
type SubscriptionData struct {
	ClassFilterMode bool     `json:"classFilterMode"`
	CodeSet         []int32  `json:"codeSet"` // Java hash codes of the tags
	ExpressionType  string   `json:"expressionType,omitempty"`
	SubString       string   `json:"subString"`
	SubVersion      int64    `json:"subVersion"` // milliseconds at which the client made it
	TagsSet         []string `json:"tagsSet"`
	Topic           string   `json:"topic"`
}

// UnmarshalHeartbeat decodes a HEART_BEAT body.
func UnmarshalHeartbeat(b []byte) (HeartbeatData, error) {
	var h HeartbeatData
	err := UnmarshalBody(b, &h)
	return h, err
}

// CheckClientRequest is the request body of CHECK_CLIENT_CONFIG (46): answered 0, 1 or 23.
type CheckClientRequest struct {
	ClientID         string           `json:"clientId"`
	Group            string           `json:"group"`
	Namespace        string           `json:"namespace,omitempty"`
	SubscriptionData SubscriptionData `json:"subscriptionData"`
}
