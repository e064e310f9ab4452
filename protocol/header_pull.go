package protocol

// Bits of a pull request's sysFlag.
const (
	PullCommitOffset = 1 << 0 // the request's commitOffset counts
	PullSuspend      = 1 << 1 // wait for a message up to suspendTimeoutMillis
	PullSubscription = 1 << 2 // subscription and expressionType stand in the request
	PullClassFilter  = 1 << 3 // 4.x filter classes; refused
	PullLite         = 1 << 4 // from a lite pull consumer
)

// PullMessageHeader is the request header of PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361). Callers: all pull and push consumers,
// admin tools, slaves. MaxMsgBytes is 0 and RequestSource is -1 when absent; CommitOffset,
// SuspendTimeoutMillis and SubVersion are 0 then, although RocketMQ calls them required: its broker does not look.
type PullMessageHeader struct {
	ConsumerGroup        string
	Topic                string
	QueueID              int32
	QueueOffset          int64
	MaxMsgNums           int32
	SysFlag              int32
	CommitOffset         int64
	SuspendTimeoutMillis int64
	Subscription         string
	SubVersion           int64
	ExpressionType       string // TAG or SQL92; empty is TAG
	MaxMsgBytes          int32
	RequestSource        int32
	ProxyClientID        string
	BrokerName           string
}

// Decode reads the fields.
func (h *PullMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PullMessageHeader{ConsumerGroup: r.needText("consumerGroup"), Topic: r.needText("topic"), QueueID: r.needInt32("queueId"),
		QueueOffset: r.needInt64("queueOffset"), MaxMsgNums: r.needInt32("maxMsgNums"), SysFlag: r.needInt32("sysFlag"),
		CommitOffset: r.int64("commitOffset", 0), SuspendTimeoutMillis: r.int64("suspendTimeoutMillis", 0),
		Subscription: r.text("subscription"), SubVersion: r.int64("subVersion", 0), ExpressionType: r.text("expressionType"),
		MaxMsgBytes: r.int32("maxMsgBytes", 0), RequestSource: r.int32("requestSource", -1), ProxyClientID: r.text("proxyFrowardClientId"),
		BrokerName: r.text("bname")}
	return r.err
}

// Append adds the fields.
func (h *PullMessageHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("queueOffset", h.QueueOffset)
	fs.AddInt("maxMsgNums", int64(h.MaxMsgNums))
	fs.AddInt("sysFlag", int64(h.SysFlag))
	fs.AddInt("commitOffset", h.CommitOffset)
	fs.AddInt("suspendTimeoutMillis", h.SuspendTimeoutMillis)
	addOptional(fs, "subscription", h.Subscription)
	fs.AddInt("subVersion", h.SubVersion)
	addOptional(fs, "expressionType", h.ExpressionType)
	if h.MaxMsgBytes > 0 {
		fs.AddInt("maxMsgBytes", int64(h.MaxMsgBytes))
	}
	if h.RequestSource >= 0 {
		fs.AddInt("requestSource", int64(h.RequestSource))
	}
	addOptional(fs, "proxyFrowardClientId", h.ProxyClientID)
	addOptional(fs, "bname", h.BrokerName)
}

// PullMessageResponseHeader answers a pull, on codes 0, 19, 20 and 21 alike: a client that misses one of the first four throws
// and asks again every 3 s for ever. SuggestWhichBrokerID is 0 unless slaves serve reads. OffsetDelta and ForbiddenType are
// left out when 0.
type PullMessageResponseHeader struct {
	SuggestWhichBrokerID int64
	NextBeginOffset      int64
	MinOffset            int64
	MaxOffset            int64
	OffsetDelta          int64
	TopicSysFlag         int32
	GroupSysFlag         int32
	ForbiddenType        int32 // 1 broker, 2 group, 3 topic, 4 broadcast disabled, 5 subscription
}

// Append adds the fields.
func (h *PullMessageResponseHeader) Append(fs *Fields) { h.AppendScratch(fs, make([]byte, 0, 64)) }

// AppendScratch is Append with the numbers' digits appended to scratch, which is returned; the fields alias it.
func (h *PullMessageResponseHeader) AppendScratch(fs *Fields, scratch []byte) []byte {
	scratch = fs.AddIntIn(scratch, "suggestWhichBrokerId", h.SuggestWhichBrokerID)
	scratch = fs.AddIntIn(scratch, "nextBeginOffset", h.NextBeginOffset)
	scratch = fs.AddIntIn(scratch, "minOffset", h.MinOffset)
	scratch = fs.AddIntIn(scratch, "maxOffset", h.MaxOffset)
	if h.OffsetDelta != 0 {
		scratch = fs.AddIntIn(scratch, "offsetDelta", h.OffsetDelta)
	}
	scratch = fs.AddIntIn(scratch, "topicSysFlag", int64(h.TopicSysFlag))
	scratch = fs.AddIntIn(scratch, "groupSysFlag", int64(h.GroupSysFlag))
	if h.ForbiddenType != 0 {
		scratch = fs.AddIntIn(scratch, "forbiddenType", int64(h.ForbiddenType))
	}
	return scratch
}

// Decode reads the fields.
func (h *PullMessageResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = PullMessageResponseHeader{SuggestWhichBrokerID: r.needInt64("suggestWhichBrokerId"), NextBeginOffset: r.needInt64("nextBeginOffset"),
		MinOffset: r.needInt64("minOffset"), MaxOffset: r.needInt64("maxOffset"), OffsetDelta: r.int64("offsetDelta", 0),
		TopicSysFlag: r.int32("topicSysFlag", 0), GroupSysFlag: r.int32("groupSysFlag", 0), ForbiddenType: r.int32("forbiddenType", 0)}
	return r.err
}
