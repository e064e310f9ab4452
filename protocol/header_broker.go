package protocol

// BrokerStatsHeader is the request header of VIEW_BROKER_STATS_DATA (315): "TOPIC_PUT_NUMS" and "topic". The answer is a [BrokerStatsData] body.
type BrokerStatsHeader struct{ StatsName, StatsKey string }

// Decode reads the fields.
func (h *BrokerStatsHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = BrokerStatsHeader{r.needText("statsName"), r.needText("statsKey")}
	return r.err
}

// Append adds the fields.
func (h *BrokerStatsHeader) Append(fs *Fields) {
	fs.Add("statsName", h.StatsName)
	fs.Add("statsKey", h.StatsKey)
}

// BrokerConsumeStatsHeader is the request header of GET_BROKER_CONSUME_STATS (317). Order asks for order topics alone. The answer is a
// [ConsumeStatsList] body.
type BrokerConsumeStatsHeader struct{ Order bool }

// Decode reads the fields.
func (h *BrokerConsumeStatsHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = BrokerConsumeStatsHeader{r.flag("isOrder")}
	return r.err
}

// Append adds the fields.
func (h *BrokerConsumeStatsHeader) Append(fs *Fields) { fs.AddBool("isOrder", h.Order) }

// ConsumeTimeSpanHeader is the request header of QUERY_CONSUME_TIME_SPAN (303). The answer is a [ConsumeTimeSpans] body.
type ConsumeTimeSpanHeader struct{ Topic, Group string }

// Decode reads the fields.
func (h *ConsumeTimeSpanHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ConsumeTimeSpanHeader{r.needText("topic"), r.text("group")}
	return r.err
}

// Append adds the fields.
func (h *ConsumeTimeSpanHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.Add("group", h.Group)
}
