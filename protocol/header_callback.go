package protocol

// ResetOffsetHeader is the request header of INVOKE_BROKER_TO_RESET_OFFSET (222), from admin tools, and of RESET_CONSUMER_CLIENT_OFFSET (220), which the
// broker sends one-way to the group's members with a [ResetOffset] body. QueueID is -1 for all queues, Offset -1 without one.
type ResetOffsetHeader struct {
	Group     string
	Topic     string
	QueueID   int32
	Offset    int64
	Timestamp int64 // milliseconds; -1 is the end
	Force     bool
}

// Decode reads the fields.
func (h *ResetOffsetHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ResetOffsetHeader{r.needText("group"), r.needText("topic"), r.int32("queueId", -1), r.int64("offset", -1), r.needInt64("timestamp"), r.flag("isForce")}
	return r.err
}

// Append adds the fields.
func (h *ResetOffsetHeader) Append(fs *Fields) {
	fs.Add("group", h.Group)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	if h.Offset >= 0 {
		fs.AddInt("offset", h.Offset)
	}
	fs.AddInt("timestamp", h.Timestamp)
	fs.AddBool("isForce", h.Force)
}

// ConsumerStatusHeader is the request header of INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), from admin tools, and of
// GET_CONSUMER_STATUS_FROM_CLIENT (221), which the broker sends to a member and waits for.
type ConsumerStatusHeader struct {
	Topic      string
	Group      string
	ClientAddr string
}

// Decode reads the fields.
func (h *ConsumerStatusHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ConsumerStatusHeader{r.needText("topic"), r.needText("group"), r.text("clientAddr")}
	return r.err
}

// Append adds the fields.
func (h *ConsumerStatusHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.Add("group", h.Group)
	addOptional(fs, "clientAddr", h.ClientAddr)
}

// RunningInfoHeader is the request header of GET_CONSUMER_RUNNING_INFO (307): the broker relays it to the client, and the client's body back
// untouched.
type RunningInfoHeader struct {
	ConsumerGroup string
	ClientID      string
	Jstack        bool
}

// Decode reads the fields.
func (h *RunningInfoHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = RunningInfoHeader{r.needText("consumerGroup"), r.needText("clientId"), r.flag("jstackEnable")}
	return r.err
}

// Append adds the fields.
func (h *RunningInfoHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("clientId", h.ClientID)
	fs.AddBool("jstackEnable", h.Jstack)
}

// ConsumeDirectlyHeader is the request header of CONSUME_MESSAGE_DIRECTLY (309): the broker adds the message as body and relays it to the client.
type ConsumeDirectlyHeader struct {
	ConsumerGroup string
	ClientID      string
	MsgID         string
	BrokerName    string
	Topic         string
}

// Decode reads the fields.
func (h *ConsumeDirectlyHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ConsumeDirectlyHeader{r.needText("consumerGroup"), r.text("clientId"), r.text("msgId"), r.text("brokerName"), r.text("topic")}
	return r.err
}

// Append adds the fields.
func (h *ConsumeDirectlyHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	addOptional(fs, "clientId", h.ClientID)
	addOptional(fs, "msgId", h.MsgID)
	addOptional(fs, "brokerName", h.BrokerName)
	addOptional(fs, "topic", h.Topic)
}

// ReplyMessageHeader is the request header of PUSH_REPLY_MESSAGE_TO_CLIENT (326): the broker hands a reply to the client that asked, with the
// payload as body, and waits for 0 or 1. Hosts are host:port, times milliseconds.
type ReplyMessageHeader struct {
	ProducerGroup         string
	Topic                 string
	DefaultTopic          string
	DefaultTopicQueueNums int32
	QueueID               int32
	SysFlag               int32
	BornTimestamp         int64
	Flag                  int32
	Properties            string
	ReconsumeTimes        int32
	UnitMode              bool
	BornHost              string
	StoreHost             string
	StoreTimestamp        int64
}

// Decode reads the fields.
func (h *ReplyMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ReplyMessageHeader{r.needText("producerGroup"), r.needText("topic"), r.needText("defaultTopic"), r.needInt32("defaultTopicQueueNums"),
		r.needInt32("queueId"), r.needInt32("sysFlag"), r.needInt64("bornTimestamp"), r.needInt32("flag"), r.text("properties"),
		r.int32("reconsumeTimes", 0), r.flag("unitMode"), r.needText("bornHost"), r.needText("storeHost"), r.needInt64("storeTimestamp")}
	return r.err
}

// Append adds the fields.
func (h *ReplyMessageHeader) Append(fs *Fields) {
	fs.Add("producerGroup", h.ProducerGroup)
	fs.Add("topic", h.Topic)
	fs.Add("defaultTopic", h.DefaultTopic)
	fs.AddInt("defaultTopicQueueNums", int64(h.DefaultTopicQueueNums))
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("sysFlag", int64(h.SysFlag))
	fs.AddInt("bornTimestamp", h.BornTimestamp)
	fs.AddInt("flag", int64(h.Flag))
	addOptional(fs, "properties", h.Properties)
	fs.AddInt("reconsumeTimes", int64(h.ReconsumeTimes))
	fs.AddBool("unitMode", h.UnitMode)
	fs.Add("bornHost", h.BornHost)
	fs.Add("storeHost", h.StoreHost)
	fs.AddInt("storeTimestamp", h.StoreTimestamp)
}
