package protocol

// PopMessageHeader is the request header of POP_MESSAGE (200050). Callers: pop consumers, gRPC proxies. QueueID -1 is every
// queue; InitMode says where a group begins: 0 at the least offset, 1 at the end.
type PopMessageHeader struct {
	ConsumerGroup  string
	Topic          string
	QueueID        int32
	MaxMsgNums     int32
	InvisibleTime  int64 // ms
	PollTime       int64 // ms; 0 is not to wait
	BornTime       int64 // ms by the client's clock
	InitMode       int32
	ExpressionType string
	Expression     string
	Order          bool
	AttemptID      string
	BrokerName     string
}

// Decode reads the fields.
func (h *PopMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PopMessageHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		MaxMsgNums: r.needInt32("maxMsgNums"), InvisibleTime: r.needInt64("invisibleTime"), PollTime: r.needInt64("pollTime"),
		BornTime: r.int64("bornTime", 0), InitMode: r.needInt32("initMode"), ExpressionType: r.text("expType"), Expression: r.text("exp"),
		Order: r.flag("order"), AttemptID: r.text("attemptId"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *PopMessageHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("maxMsgNums", int64(h.MaxMsgNums))
	fs.AddInt("invisibleTime", h.InvisibleTime)
	fs.AddInt("pollTime", h.PollTime)
	fs.AddInt("bornTime", h.BornTime)
	fs.AddInt("initMode", int64(h.InitMode))
	addOptional(fs, "expType", h.ExpressionType)
	addOptional(fs, "exp", h.Expression)
	fs.AddBool("order", h.Order)
	addOptional(fs, "attemptId", h.AttemptID)
	addOptional(fs, "bname", h.BrokerName)
}

// PopMessageResponseHeader answers a pop and a peek. The texts are built with AppendStartOffset, AppendMsgOffsets,
// AppendOrderCount and AppendQueueOrderCount; a text that is empty is left out.
type PopMessageResponseHeader struct {
	PopTime         int64
	InvisibleTime   int64
	ReviveQueue     int32
	RestNum         int64 // about how many messages are left
	StartOffsetInfo string
	MsgOffsetInfo   string
	OrderCountInfo  string
	// Popped says that the answer is of a pop that ran: then StartOffsetInfo and MsgOffsetInfo stand there though they are empty,
	// and OrderCountInfo too if ReviveQueue is that of ordered pops.
	Popped bool
}

// Append adds the fields.
func (h *PopMessageResponseHeader) Append(fs *Fields) {
	fs.AddInt("popTime", h.PopTime)
	fs.AddInt("invisibleTime", h.InvisibleTime)
	fs.AddInt("reviveQid", int64(h.ReviveQueue))
	fs.AddInt("restNum", h.RestNum)
	if h.Popped || h.StartOffsetInfo != "" {
		fs.Add("startOffsetInfo", h.StartOffsetInfo)
	}
	if h.Popped || h.MsgOffsetInfo != "" {
		fs.Add("msgOffsetInfo", h.MsgOffsetInfo)
	}
	if h.Popped && h.ReviveQueue == PopOrderQueue || h.OrderCountInfo != "" {
		fs.Add("orderCountInfo", h.OrderCountInfo)
	}
}

// Decode reads the fields.
func (h *PopMessageResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PopMessageResponseHeader{PopTime: r.needInt64("popTime"), InvisibleTime: r.needInt64("invisibleTime"),
		ReviveQueue: r.needInt32("reviveQid"), RestNum: r.needInt64("restNum"), StartOffsetInfo: r.text("startOffsetInfo"),
		MsgOffsetInfo: r.text("msgOffsetInfo"), OrderCountInfo: r.text("orderCountInfo")}
	return r.err
}

// AckMessageHeader is the request header of ACK_MESSAGE (200051). ExtraInfo is the message's handle.
type AckMessageHeader struct {
	ConsumerGroup string
	Topic         string
	QueueID       int32
	ExtraInfo     string
	Offset        int64
	LiteTopic     string // of 5.5
	BrokerName    string
}

// Decode reads the fields.
func (h *AckMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = AckMessageHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		ExtraInfo: r.needText("extraInfo"), Offset: r.needInt64("offset"), LiteTopic: r.text("liteTopic"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *AckMessageHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.Add("extraInfo", h.ExtraInfo)
	fs.AddInt("offset", h.Offset)
	addOptional(fs, "liteTopic", h.LiteTopic)
	addOptional(fs, "bname", h.BrokerName)
}

// ChangeInvisibleHeader is the request header of CHANGE_MESSAGE_INVISIBLETIME (200053). Suspend and LiteTopic are of
// clients of light topics.
type ChangeInvisibleHeader struct {
	ConsumerGroup string
	Topic         string
	QueueID       int32
	ExtraInfo     string
	Offset        int64
	InvisibleTime int64 // ms from now
	Suspend       bool
	LiteTopic     string
	BrokerName    string
}

// Decode reads the fields.
func (h *ChangeInvisibleHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ChangeInvisibleHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		ExtraInfo: r.needText("extraInfo"), Offset: r.needInt64("offset"), InvisibleTime: r.needInt64("invisibleTime"),
		Suspend: r.flag("suspend"), LiteTopic: r.text("liteTopic"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *ChangeInvisibleHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.Add("extraInfo", h.ExtraInfo)
	fs.AddInt("offset", h.Offset)
	fs.AddInt("invisibleTime", h.InvisibleTime)
	fs.AddBool("suspend", h.Suspend)
	addOptional(fs, "liteTopic", h.LiteTopic)
	addOptional(fs, "bname", h.BrokerName)
}

// ChangeInvisibleResponseHeader answers 200053: what a new handle is made of.
type ChangeInvisibleResponseHeader struct {
	PopTime       int64
	InvisibleTime int64
	ReviveQueue   int32
}

// Append adds the fields.
func (h *ChangeInvisibleResponseHeader) Append(fs *Fields) {
	fs.AddInt("popTime", h.PopTime)
	fs.AddInt("invisibleTime", h.InvisibleTime)
	fs.AddInt("reviveQid", int64(h.ReviveQueue))
}

// Decode reads the fields.
func (h *ChangeInvisibleResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ChangeInvisibleResponseHeader{PopTime: r.needInt64("popTime"), InvisibleTime: r.needInt64("invisibleTime"), ReviveQueue: r.needInt32("reviveQid")}
	return r.err
}
