package protocol

// SendBackHeader is the request header of CONSUMER_SEND_MSG_BACK (36): a push consumer returns a message that it failed to
// process, by its log offset. Delay level 0 lets the broker choose, below 0 means the dead letter topic. The answer has no header.
type SendBackHeader struct {
	Offset               int64
	Group                string
	DelayLevel           int32
	OriginMsgID          string
	OriginTopic          string
	UnitMode             bool
	HasMaxReconsumeTimes bool // honoured from Version3_4_9 on
	MaxReconsumeTimes    int32
	BrokerName           string
}

// Decode reads the fields.
func (h *SendBackHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = SendBackHeader{Offset: r.needInt64("offset"), Group: r.needText("group"), DelayLevel: r.needInt32("delayLevel"),
		OriginMsgID: r.text("originMsgId"), OriginTopic: r.text("originTopic"), UnitMode: r.flag("unitMode"),
		MaxReconsumeTimes: r.int32("maxReconsumeTimes", 0), BrokerName: r.text("bname")}
	v, _ := r.fs.Get("maxReconsumeTimes")
	h.HasMaxReconsumeTimes = len(v) > 0
	return r.err
}

// Append adds the fields.
func (h *SendBackHeader) Append(fs *Fields) {
	fs.AddInt("offset", h.Offset)
	fs.Add("group", h.Group)
	fs.AddInt("delayLevel", int64(h.DelayLevel))
	addOptional(fs, "originMsgId", h.OriginMsgID)
	addOptional(fs, "originTopic", h.OriginTopic)
	fs.AddBool("unitMode", h.UnitMode)
	if h.HasMaxReconsumeTimes {
		fs.AddInt("maxReconsumeTimes", int64(h.MaxReconsumeTimes))
	}
	addOptional(fs, "bname", h.BrokerName)
}
