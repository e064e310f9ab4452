package protocol

// FieldUniqueKeyQuery is the extra field of a QUERY_MESSAGE request that says that Key is a UNIQ_KEY and not one of KEYS.
const FieldUniqueKeyQuery = "_UNIQUE_KEY_QUERY"

// QueryMessageHeader is the request header of QUERY_MESSAGE (12). Answered with a [QueryMessageResponseHeader] and the stored
// records as body, or 22 if there are none. Times are milliseconds.
type QueryMessageHeader struct {
	Topic          string
	Key            string
	MaxNum         int32
	BeginTimestamp int64
	EndTimestamp   int64
	IndexType      string // since 5.4; empty or K (key), U (unique key), T (tag)
	LastKey        string // since 5.4; the key to go on behind
	UniqueKey      bool   // FieldUniqueKeyQuery
}

// Decode reads the fields.
func (h *QueryMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = QueryMessageHeader{Topic: r.needText("topic"), Key: r.needText("key"), MaxNum: r.needInt32("maxNum"), BeginTimestamp: r.needInt64("beginTimestamp"),
		EndTimestamp: r.needInt64("endTimestamp"), IndexType: r.text("indexType"), LastKey: r.text("lastKey"), UniqueKey: r.flag(FieldUniqueKeyQuery)}
	return r.err
}

// Append adds the fields.
func (h *QueryMessageHeader) Append(fs *Fields) {
	fs.Add("topic", h.Topic)
	fs.Add("key", h.Key)
	fs.AddInt("maxNum", int64(h.MaxNum))
	fs.AddInt("beginTimestamp", h.BeginTimestamp)
	fs.AddInt("endTimestamp", h.EndTimestamp)
	addOptional(fs, "indexType", h.IndexType)
	addOptional(fs, "lastKey", h.LastKey)
	if h.UniqueKey {
		fs.AddBool(FieldUniqueKeyQuery, true)
	}
}

// QueryMessageResponseHeader answers 12.
type QueryMessageResponseHeader struct {
	IndexLastUpdateTimestamp int64 // milliseconds
	IndexLastUpdatePhyOffset int64
}

// Decode reads the fields.
func (h *QueryMessageResponseHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = QueryMessageResponseHeader{r.needInt64("indexLastUpdateTimestamp"), r.needInt64("indexLastUpdatePhyoffset")}
	return r.err
}

// Append adds the fields.
func (h *QueryMessageResponseHeader) Append(fs *Fields) {
	fs.AddInt("indexLastUpdateTimestamp", h.IndexLastUpdateTimestamp)
	fs.AddInt("indexLastUpdatePhyoffset", h.IndexLastUpdatePhyOffset)
}

// ViewMessageHeader is the request header of VIEW_MESSAGE_BY_ID (33): the log offset inside a message id. The answer's body is one
// stored record; SYSTEM_ERROR if there is none.
type ViewMessageHeader struct {
	Topic  string
	Offset int64
}

// Decode reads the fields.
func (h *ViewMessageHeader) Decode(fs Fields) error {
	r := fieldReader{fs: fs}
	*h = ViewMessageHeader{r.text("topic"), r.needInt64("offset")}
	return r.err
}

// Append adds the fields.
func (h *ViewMessageHeader) Append(fs *Fields) {
	addOptional(fs, "topic", h.Topic)
	fs.AddInt("offset", h.Offset)
}
