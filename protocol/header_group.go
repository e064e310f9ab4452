package protocol

// DeleteGroupHeader is the request header of DELETE_SUBSCRIPTIONGROUP (207). The answer has no header.
type DeleteGroupHeader struct {
	GroupName   string
	CleanOffset bool
}

// Decode reads the fields.
func (h *DeleteGroupHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = DeleteGroupHeader{r.needText("groupName"), r.flag("cleanOffset")}
	return r.err
}

// Append adds the fields.
func (h *DeleteGroupHeader) Append(fs *Fields) {
	fs.Add("groupName", h.GroupName)
	fs.AddBool("cleanOffset", h.CleanOffset)
}

// GroupHeader is the request header of requests that name a group and perhaps a topic: QUERY_TOPICS_BY_CONSUMER (343),
// QUERY_SUBSCRIPTION_BY_CONSUMER (345), GET_SUBSCRIPTIONGROUP_CONFIG (352: a [SubscriptionGroupConfig] body, or 26).
type GroupHeader struct {
	Group string
	Topic string
}

// Decode reads the fields.
func (h *GroupHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = GroupHeader{r.needText("group"), r.text("topic")}
	return r.err
}

// Append adds the fields.
func (h *GroupHeader) Append(fs *Fields) {
	fs.Add("group", h.Group)
	addOptional(fs, "topic", h.Topic)
}

// ConsumeStatsHeader is the request header of GET_CONSUME_STATS (208). Topic empty means all topics of the group; TopicList is a
// list separated by semicolons. The answer is a [ConsumeStats] body.
type ConsumeStatsHeader struct {
	ConsumerGroup string
	Topic         string
	TopicList     string
}

// Decode reads the fields.
func (h *ConsumeStatsHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ConsumeStatsHeader{r.needText("consumerGroup"), r.text("topic"), r.text("topicList")}
	return r.err
}

// Append adds the fields.
func (h *ConsumeStatsHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	addOptional(fs, "topic", h.Topic)
	addOptional(fs, "topicList", h.TopicList)
}

// CloneGroupOffsetHeader is the request header of CLONE_GROUP_OFFSET (314). Topic is empty for all topics of the source; Offline
// takes topics along to which the source, being connected, does not subscribe. The answer has no header.
type CloneGroupOffsetHeader struct {
	SrcGroup  string
	DestGroup string
	Topic     string
	Offline   bool
}

// Decode reads the fields.
func (h *CloneGroupOffsetHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = CloneGroupOffsetHeader{r.needText("srcGroup"), r.needText("destGroup"), r.text("topic"), r.flag("offline")}
	return r.err
}

// Append adds the fields.
func (h *CloneGroupOffsetHeader) Append(fs *Fields) {
	fs.Add("srcGroup", h.SrcGroup)
	fs.Add("destGroup", h.DestGroup)
	addOptional(fs, "topic", h.Topic)
	fs.AddBool("offline", h.Offline)
}
