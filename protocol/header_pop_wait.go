package protocol

// NotificationHeader is the request header of NOTIFICATION (200054): tell me when there is something to pop.
type NotificationHeader struct {
	ConsumerGroup  string
	Topic          string
	QueueID        int32 // -1 is every queue
	PollTime       int64 // ms
	BornTime       int64 // ms by the client's clock
	Order          bool
	AttemptID      string
	ExpressionType string
	Expression     string
	BrokerName     string
}

// Decode reads the fields.
func (h *NotificationHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = NotificationHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		PollTime: r.needInt64("pollTime"), BornTime: r.needInt64("bornTime"), Order: r.flag("order"), AttemptID: r.text("attemptId"),
		ExpressionType: r.text("expType"), Expression: r.text("exp"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *NotificationHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("pollTime", h.PollTime)
	fs.AddInt("bornTime", h.BornTime)
	fs.AddBool("order", h.Order)
	addOptional(fs, "attemptId", h.AttemptID)
	addOptional(fs, "expType", h.ExpressionType)
	addOptional(fs, "exp", h.Expression)
	addOptional(fs, "bname", h.BrokerName)
}

// NotificationResponseHeader answers 200054.
type NotificationResponseHeader struct {
	HasMsg      bool
	PollingFull bool
}

// Append adds the fields.
func (h *NotificationResponseHeader) Append(fs *Fields) {
	fs.AddBool("hasMsg", h.HasMsg)
	fs.AddBool("pollingFull", h.PollingFull)
}

// Decode reads the fields.
func (h *NotificationResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = NotificationResponseHeader{HasMsg: r.flag("hasMsg"), PollingFull: r.flag("pollingFull")}
	return r.err
}

// PeekMessageHeader is the request header of PEEK_MESSAGE (200052): a pop that takes nothing.
type PeekMessageHeader struct {
	ConsumerGroup string
	Topic         string
	QueueID       int32
	MaxMsgNums    int32
	BrokerName    string
}

// Decode reads the fields.
func (h *PeekMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PeekMessageHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		MaxMsgNums: r.needInt32("maxMsgNums"), BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *PeekMessageHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("maxMsgNums", int64(h.MaxMsgNums))
	addOptional(fs, "bname", h.BrokerName)
}

// PollingInfoHeader is the request header of POLLING_INFO (200055): how many requests wait for messages of a queue.
type PollingInfoHeader struct {
	ConsumerGroup string
	Topic         string
	QueueID       int32
	BrokerName    string
}

// Decode reads the fields.
func (h *PollingInfoHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PollingInfoHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *PollingInfoHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	addOptional(fs, "bname", h.BrokerName)
}

// PollingInfoResponseHeader answers 200055.
type PollingInfoResponseHeader struct{ PollingNum int32 }

// Append adds the field.
func (h *PollingInfoResponseHeader) Append(fs *Fields) { fs.AddInt("pollingNum", int64(h.PollingNum)) }

// Decode reads the field.
func (h *PollingInfoResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PollingInfoResponseHeader{PollingNum: r.needInt32("pollingNum")}
	return r.err
}
