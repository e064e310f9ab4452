package protocol

// PopLiteMessageHeader is the request header of POP_LITE_MESSAGE (200070), of 5.5: the topic is the parent of the lite topics.
type PopLiteMessageHeader struct {
	ClientID      string
	ConsumerGroup string
	Topic         string
	MaxMsgNum     int32
	InvisibleTime int64 // ms
	PollTime      int64 // ms; 0 is not to wait
	BornTime      int64 // ms by the client's clock
	AttemptID     string
}

// Decode reads the fields.
func (h *PopLiteMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PopLiteMessageHeader{ClientID: r.needText("clientId"), ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"),
		MaxMsgNum: r.needInt32("maxMsgNum"), InvisibleTime: r.needInt64("invisibleTime"), PollTime: r.needInt64("pollTime"),
		BornTime: r.int64("bornTime", 0), AttemptID: r.text("attemptId")}
	return r.err
}

// PopLiteMessageResponseHeader answers it. OrderCountInfo has how often each message was delivered before, separated by semicolons.
type PopLiteMessageResponseHeader struct {
	PopTime        int64
	InvisibleTime  int64
	ReviveQueue    int32
	OrderCountInfo string
}

// Append adds the fields.
func (h *PopLiteMessageResponseHeader) Append(fs *Fields) {
	fs.AddInt("popTime", h.PopTime)
	fs.AddInt("invisibleTime", h.InvisibleTime)
	fs.AddInt("reviveQid", int64(h.ReviveQueue))
	fs.Add("orderCountInfo", h.OrderCountInfo)
}

// Decode reads the fields.
func (h *PopLiteMessageResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PopLiteMessageResponseHeader{PopTime: r.needInt64("popTime"), InvisibleTime: r.needInt64("invisibleTime"), ReviveQueue: r.needInt32("reviveQid"),
		OrderCountInfo: r.text("orderCountInfo")}
	return r.err
}

// NotifyUnsubscribeLiteHeader is the request header of NOTIFY_UNSUBSCRIBE_LITE (200073), which goes to clients.
type NotifyUnsubscribeLiteHeader struct {
	LiteTopic     string
	ConsumerGroup string
	ClientID      string
}

// Append adds the fields.
func (h *NotifyUnsubscribeLiteHeader) Append(fs *Fields) {
	fs.Add("liteTopic", h.LiteTopic)
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("clientId", h.ClientID)
}

// LiteSubscriptions is the body of LITE_SUBSCRIPTION_CTL (200071).
type LiteSubscriptions struct {
	Subscriptions []LiteSubscription `json:"subscriptionSet"`
}

// The actions of a [LiteSubscription].
const (
	LitePartialAdd     = "PARTIAL_ADD"
	LitePartialRemove  = "PARTIAL_REMOVE"
	LiteCompleteAdd    = "COMPLETE_ADD"
	LiteCompleteRemove = "COMPLETE_REMOVE"
)

// LiteSubscription says which lite topics a client reads.
type LiteSubscription struct {
	Action     string            `json:"action"`
	ClientID   string            `json:"clientId"`
	Group      string            `json:"group"`
	Topic      string            `json:"topic"` // the parent
	LiteTopics []string          `json:"liteTopicSet"`
	Offset     *LiteOffsetOption `json:"offsetOption"` // nil leaves the offsets where they are
	Version    int64             `json:"version"`
}

// LiteOffsetOption says from where a client reads: POLICY (0 last, 1 minimum, 2 maximum), OFFSET, TAIL_N or TIMESTAMP, with the value.
type LiteOffsetOption struct {
	Type  string `json:"type"`
	Value int64  `json:"value"`
}
