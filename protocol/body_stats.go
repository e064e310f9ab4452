package protocol

import "strconv"

// ConsumeStats is the answer's body of GET_CONSUME_STATS (208). Its map has objects as keys:
//
//	{"consumeTps":0.0,"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:{"brokerOffset":10,"consumerOffset":5,
//	 "lastTimestamp":0,"pullOffset":5}}}
type ConsumeStats struct {
	ConsumeTPS  float64                        `json:"consumeTps"`
	OffsetTable map[MessageQueue]OffsetWrapper `json:"offsetTable"`
}

// OffsetWrapper is a group's place in one queue. LastTimestamp is the store time of the last consumed message, in milliseconds.
type OffsetWrapper struct {
	BrokerOffset   int64 `json:"brokerOffset"`
	ConsumerOffset int64 `json:"consumerOffset"`
	LastTimestamp  int64 `json:"lastTimestamp"`
	PullOffset     int64 `json:"pullOffset"`
}

// Append appends the body's text to dst.
func (s *ConsumeStats) Append(dst []byte) []byte {
	dst = append(dst, `{"consumeTps":`...)
	dst = appendJSONFloat(dst, s.ConsumeTPS)
	dst = append(dst, `,"offsetTable":`...)
	dst = appendQueueMap(dst, s.OffsetTable, func(dst []byte, w *OffsetWrapper) []byte {
		dst = append(dst, `{"brokerOffset":`...)
		dst = strconv.AppendInt(dst, w.BrokerOffset, 10)
		dst = append(dst, `,"consumerOffset":`...)
		dst = strconv.AppendInt(dst, w.ConsumerOffset, 10)
		dst = append(dst, `,"lastTimestamp":`...)
		dst = strconv.AppendInt(dst, w.LastTimestamp, 10)
		dst = append(dst, `,"pullOffset":`...)
		return append(strconv.AppendInt(dst, w.PullOffset, 10), '}')
	})
	return append(dst, '}')
}

// TopicStats is the answer's body of GET_TOPIC_STATS_INFO (202). Its map has objects as keys, as [ConsumeStats] has.
type TopicStats struct {
	OffsetTable map[MessageQueue]TopicOffset `json:"offsetTable"`
	TopicPutTPS float64                      `json:"topicPutTps"`
}

// TopicOffset is the extent of one queue. LastUpdateTimestamp is the store time of its last message, in milliseconds, 0 if empty.
type TopicOffset struct {
	LastUpdateTimestamp int64 `json:"lastUpdateTimestamp"`
	MaxOffset           int64 `json:"maxOffset"`
	MinOffset           int64 `json:"minOffset"`
}

// Append appends the body's text to dst.
func (s *TopicStats) Append(dst []byte) []byte {
	dst = append(dst, `{"offsetTable":`...)
	dst = appendQueueMap(dst, s.OffsetTable, func(dst []byte, o *TopicOffset) []byte {
		dst = append(dst, `{"lastUpdateTimestamp":`...)
		dst = strconv.AppendInt(dst, o.LastUpdateTimestamp, 10)
		dst = append(dst, `,"maxOffset":`...)
		dst = strconv.AppendInt(dst, o.MaxOffset, 10)
		dst = append(dst, `,"minOffset":`...)
		return append(strconv.AppendInt(dst, o.MinOffset, 10), '}')
	})
	dst = append(dst, `,"topicPutTps":`...)
	return append(appendJSONFloat(dst, s.TopicPutTPS), '}')
}
