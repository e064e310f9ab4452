package protocol

// Extra fields of the answer to HEART_BEAT (34). The second form of heartbeats (fingerprints) is on only if a broker says so.
const (
	FieldHeartbeatV2 = "IS_SUPPORT_HEART_BEAT_V2"
	FieldSubChange   = "IS_SUB_CHANGE"
)

// UnregisterClientHeader is the request header of UNREGISTER_CLIENT (35). Either group may be empty, and
// nobody reads ClientID: the connection says who leaves. The answer has no header.
type UnregisterClientHeader struct {
	ClientID      string
	ProducerGroup string
	ConsumerGroup string
}

// Decode reads the fields.
func (h *UnregisterClientHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = UnregisterClientHeader{r.text("clientID"), r.text("producerGroup"), r.text("consumerGroup")}
	return r.err
}

// Append adds the fields.
func (h *UnregisterClientHeader) Append(fs *Fields) {
	fs.Add("clientID", h.ClientID)
	addOptional(fs, "producerGroup", h.ProducerGroup)
	addOptional(fs, "consumerGroup", h.ConsumerGroup)
}

// ConsumerGroupHeader is the request header of GET_CONSUMER_LIST_BY_GROUP (38), answered with a [ConsumerIDList] body or
// SYSTEM_ERROR when the group has no member; of NOTIFY_CONSUMER_IDS_CHANGED (40), sent one-way by the broker; and of
// GET_CONSUMER_CONNECTION_LIST (203), answered with a [ConsumerConnection] body or 206.
type ConsumerGroupHeader struct{ ConsumerGroup string }

// Decode reads the field.
func (h *ConsumerGroupHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.ConsumerGroup = r.needText("consumerGroup")
	return r.err
}

// Append adds the field.
func (h *ConsumerGroupHeader) Append(fs *Fields) { fs.Add("consumerGroup", h.ConsumerGroup) }

// ProducerGroupHeader is the request header of GET_PRODUCER_CONNECTION_LIST (204).
type ProducerGroupHeader struct{ ProducerGroup string }

// Decode reads the field.
func (h *ProducerGroupHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.ProducerGroup = r.needText("producerGroup")
	return r.err
}

// Append adds the field.
func (h *ProducerGroupHeader) Append(fs *Fields) { fs.Add("producerGroup", h.ProducerGroup) }
