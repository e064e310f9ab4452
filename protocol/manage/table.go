package manage

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// Offsets is the answer's body of GET_ALL_CONSUMER_OFFSET (43): by "topic@group" and queue, where the group goes on, for light queues
// by "queue@group"; and in which topics each group has offsets. Pulled offsets are kept nowhere.
//
//	{"dataVersion":{…},"groupTopicMap":{"billing":["orders"]},"lmqOffsetTable":{"%LMQ%a@billing":3},"offsetTable":{"orders@billing":{0:17,1:20}},"pullOffsetTable":{}}
type Offsets struct {
	Version protocol.DataVersion       `json:"dataVersion"`
	Topics  map[string][]string        `json:"groupTopicMap"`
	Lights  map[string]int64           `json:"lmqOffsetTable"`
	Offsets map[string]map[int32]int64 `json:"offsetTable"`
}

// Append appends the body's text to dst.
func (o *Offsets) Append(dst []byte) []byte {
	dst = appendVersion(dst, o.Version)
	dst = append(append(dst, `,"groupTopicMap":`...), protocol.MarshalBody(o.Topics)...)
	dst = append(append(dst, `,"lmqOffsetTable":`...), protocol.MarshalBody(o.Lights)...)
	dst = appendMap(append(dst, `,"offsetTable":`...), o.Offsets, func(dst []byte, queues map[int32]int64) []byte { return appendMap(dst, queues, appendInt) })
	return append(dst, `,"pullOffsetTable":{}}`...)
}

func appendVersion(dst []byte, v protocol.DataVersion) []byte {
	return append(append(dst, `{"dataVersion":`...), protocol.MarshalBody(v)...)
}

// DelayOffsets is the answer's body of GET_ALL_DELAY_OFFSET (45): by delay level, counted from 1, the first message that still waits.
//
//	{"dataVersion":{…},"offsetTable":{1:0,2:4}}
type DelayOffsets struct {
	Version protocol.DataVersion `json:"dataVersion"`
	Offsets map[int32]int64      `json:"offsetTable"`
}

// Append appends the body's text to dst.
func (o *DelayOffsets) Append(dst []byte) []byte {
	return append(appendMap(append(appendVersion(dst, o.Version), `,"offsetTable":`...), o.Offsets, appendInt), '}')
}

// RequestModes is the answer's body of GET_ALL_MESSAGE_REQUEST_MODE (402), by topic and group.
type RequestModes struct {
	Modes map[string]map[string]protocol.RequestMode `json:"messageRequestModeMap"`
}

// CorrectionHeader is the request header of QUERY_CORRECTION_OFFSET (308). FilterGroups are separated by commas.
type CorrectionHeader struct{ FilterGroups, CompareGroup, Topic string }

// Decode reads the fields.
func (h *CorrectionHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = CorrectionHeader{FilterGroups: r.Text("filterGroups"), CompareGroup: r.Need("compareGroup"), Topic: r.Need("topic")}
	return r.Err()
}

// Corrections is the answer's body of 308, by queue.
type Corrections struct {
	Offsets map[int32]int64 `json:"correctionOffsets"`
}

// Append appends the body's text to dst.
func (c *Corrections) Append(dst []byte) []byte {
	return append(appendMap(append(dst, `{"correctionOffsets":`...), c.Offsets, appendInt), '}')
}

// ForbiddenHeader is the request header of UPDATE_AND_GET_GROUP_FORBIDDEN (353). Without Set nothing is changed.
type ForbiddenHeader struct {
	Group, Topic  string
	Readable, Set bool
}

// Decode reads the fields.
func (h *ForbiddenHeader) Decode(f *protocol.Frame) error {
	r := apart.Read(f)
	*h = ForbiddenHeader{Group: r.Need("group"), Topic: r.Need("topic")}
	h.Readable, h.Set = r.Flag("readable")
	return r.Err()
}

// Forbidden is the answer's body of 353.
type Forbidden struct {
	Group    string `json:"group"`
	Readable bool   `json:"readable"`
	Topic    string `json:"topic"`
}

// RocksDBProgress is the answer's body of CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354). Status 0 is well, 1 is not, 2 is not known yet, 3 is an error.
type RocksDBProgress struct {
	Result string `json:"checkResult,omitempty"`
	Status int32  `json:"checkStatus"`
}
