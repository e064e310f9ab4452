package protocol

// QueryConsumerOffsetHeader is the request header of QUERY_CONSUMER_OFFSET (14). The answer is an [OffsetResponseHeader], or 22
// when the offset is unknown and SetZeroIfNotFound does not apply.
type QueryConsumerOffsetHeader struct {
	ConsumerGroup     string
	Topic             string
	QueueID           int32
	SetZeroIfNotFound bool // true when absent
}

// Decode reads the fields.
func (h *QueryConsumerOffsetHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = QueryConsumerOffsetHeader{r.needText("consumerGroup"), r.needText("topic"), r.needInt32("queueId"), r.flagOr("setZeroIfNotFound", true)}
	return r.err
}

// Append adds the fields.
func (h *QueryConsumerOffsetHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	if !h.SetZeroIfNotFound {
		fs.AddBool("setZeroIfNotFound", false)
	}
}

// UpdateConsumerOffsetHeader is the request header of UPDATE_CONSUMER_OFFSET (15), mostly one-way. The answer has no header.
type UpdateConsumerOffsetHeader struct {
	ConsumerGroup string
	Topic         string
	QueueID       int32
	CommitOffset  int64
}

// Decode reads the fields.
func (h *UpdateConsumerOffsetHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = UpdateConsumerOffsetHeader{r.needText("consumerGroup"), r.needText("topic"), r.needInt32("queueId"), r.needInt64("commitOffset")}
	return r.err
}

// Append adds the fields.
func (h *UpdateConsumerOffsetHeader) Append(fs *Fields) {
	fs.Add("consumerGroup", h.ConsumerGroup)
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("commitOffset", h.CommitOffset)
}

// SearchOffsetHeader is the request header of SEARCH_OFFSET_BY_TIMESTAMP (29). BoundaryType is LOWER (also when absent) or UPPER.
type SearchOffsetHeader struct {
	Topic        string
	QueueID      int32
	Timestamp    int64 // milliseconds
	BoundaryType string
}

// Decode reads the fields.
func (h *SearchOffsetHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = SearchOffsetHeader{r.needText("topic"), r.needInt32("queueId"), r.needInt64("timestamp"), r.text("boundaryType")}
	return r.err
}

// Append adds the fields.
func (h *SearchOffsetHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	fs.AddInt("timestamp", h.Timestamp)
	addOptional(fs, "boundaryType", h.BoundaryType)
}

// Upper reports whether the upper boundary is asked for.
func (h *SearchOffsetHeader) Upper() bool { return h.BoundaryType == "UPPER" }

// QueueHeader is the request header of GET_MAX_OFFSET (30), GET_MIN_OFFSET (31) and GET_EARLIEST_MSG_STORETIME (32). 30 and 31 are
// answered with an [OffsetResponseHeader], 32 with a [TimestampResponseHeader].
type QueueHeader struct {
	Topic     string
	QueueID   int32
	Committed bool // of 30 alone; true when absent
}

// Decode reads the fields.
func (h *QueueHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = QueueHeader{r.needText("topic"), r.needInt32("queueId"), r.flagOr("committed", true)}
	return r.err
}

// Append adds the fields.
func (h *QueueHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.AddInt("queueId", int64(h.QueueID))
	if !h.Committed {
		fs.AddBool("committed", false)
	}
}

// OffsetResponseHeader answers 14, 29, 30 and 31.
type OffsetResponseHeader struct{ Offset int64 }

// Decode reads the field.
func (h *OffsetResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Offset = r.needInt64("offset")
	return r.err
}

// Append adds the field.
func (h *OffsetResponseHeader) Append(fs *Fields) { fs.AddInt("offset", h.Offset) }

// TimestampResponseHeader answers 32, in milliseconds.
type TimestampResponseHeader struct{ Timestamp int64 }

// Decode reads the field.
func (h *TimestampResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	h.Timestamp = r.needInt64("timestamp")
	return r.err
}

// Append adds the field.
func (h *TimestampResponseHeader) Append(fs *Fields) { fs.AddInt("timestamp", h.Timestamp) }
