package protocol

// CreateTopicHeader is the request header of UPDATE_AND_CREATE_TOPIC (17). DefaultTopic is a leftover: nobody reads it. Attributes are
// a text of changes such as "+message.type=FIFO,-cleanup.policy". The answer has no header.
type CreateTopicHeader struct {
	Topic           string
	DefaultTopic    string
	ReadQueueNums   int32
	WriteQueueNums  int32
	Perm            int32
	TopicFilterType string // SINGLE_TAG or MULTI_TAG
	TopicSysFlag    int32
	Order           bool
	Attributes      string
	Force           bool
}

// Decode reads the fields.
func (h *CreateTopicHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = CreateTopicHeader{Topic: r.needText("topic"), DefaultTopic: r.text("defaultTopic"), ReadQueueNums: r.needInt32("readQueueNums"),
		WriteQueueNums: r.needInt32("writeQueueNums"), Perm: r.needInt32("perm"), TopicFilterType: r.text("topicFilterType"),
		TopicSysFlag: r.int32("topicSysFlag", 0), Order: r.flag("order"), Attributes: r.text("attributes"), Force: r.flag("force")}
	return r.err
}

// Append adds the fields.
func (h *CreateTopicHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.Add("defaultTopic", h.DefaultTopic)
	fs.AddInt("readQueueNums", int64(h.ReadQueueNums))
	fs.AddInt("writeQueueNums", int64(h.WriteQueueNums))
	fs.AddInt("perm", int64(h.Perm))
	fs.Add("topicFilterType", h.TopicFilterType)
	fs.AddInt("topicSysFlag", int64(h.TopicSysFlag))
	fs.AddBool("order", h.Order)
	addOptional(fs, "attributes", h.Attributes)
	fs.AddBool("force", h.Force)
}

// TopicHeader is the request header of all requests that name a topic and nothing else: GET_TOPIC_STATS_INFO (202),
// DELETE_TOPIC_IN_BROKER (215), REGISTER_TOPIC_IN_NAMESRV (217), QUERY_TOPIC_CONSUME_BY_WHO (300), GET_TOPIC_CONFIG (351).
type TopicHeader struct{ Topic string }

// Decode reads the field.
func (h *TopicHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Topic = r.needText("topic")
	return r.err
}

// Append adds the field.
func (h *TopicHeader) Append(fs *Fields) { fs.Add("topic", h.Topic) }

// ConfigPageHeader is the request header of GET_ALL_TOPIC_CONFIG (21) and GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201) since 5.3: which page of
// how many entries. Older callers send nothing, which is Max 0: everything at once.
type ConfigPageHeader struct {
	Seq         int32  // topicSeq or groupSeq
	DataVersion string // JSON; a page of another version starts again
	Max         int32  // maxTopicNum or maxGroupNum
}

// Decode reads the fields of either code.
func (h *ConfigPageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ConfigPageHeader{r.int32("topicSeq", r.int32("groupSeq", 0)), r.text("dataVersion"), r.int32("maxTopicNum", r.int32("maxGroupNum", 0))}
	return r.err
}
