package protocol

import (
	"maps"
	"slices"
	"strconv"
)

// ResetOffset is the body of RESET_CONSUMER_CLIENT_OFFSET (220) and of the answer to 222: new offsets by queue. Its map has objects as keys, as
// [ConsumeStats] has; for C++ clients it is a list (see [ResetOffset.AppendList]).
type ResetOffset struct {
	OffsetTable map[MessageQueue]int64 `json:"offsetTable"`
}

// Append appends the body's text to dst.
func (r *ResetOffset) Append(dst []byte) []byte {
	dst = append(dst, `{"offsetTable":`...)
	dst = appendQueueMap(dst, r.OffsetTable, func(dst []byte, offset *int64) []byte { return strconv.AppendInt(dst, *offset, 10) })
	return append(dst, '}')
}

// AppendList appends the body's text in the form for C++ clients, sorted by queue:
//
//	{"offsetTable":[{"brokerName":"b","offset":7,"queueId":0,"topic":"t"}]}
func (r *ResetOffset) AppendList(dst []byte) []byte {
	type entry struct {
		MessageQueue
		offset int64
	}
	list := make([]entry, 0, len(r.OffsetTable))
	for q, offset := range r.OffsetTable {
		list = append(list, entry{q, offset})
	}
	slices.SortFunc(list, func(a, b entry) int { return a.Compare(b.MessageQueue) })
	dst = append(dst, `{"offsetTable":[`...)
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"brokerName":`...)
		dst = appendJSONText(dst, list[i].BrokerName, false)
		dst = append(dst, `,"offset":`...)
		dst = strconv.AppendInt(dst, list[i].offset, 10)
		dst = append(dst, `,"queueId":`...)
		dst = strconv.AppendInt(dst, int64(list[i].QueueID), 10)
		dst = append(dst, `,"topic":`...)
		dst = append(appendJSONText(dst, list[i].Topic, false), '}')
	}
	return append(dst, "]}"...)
}

// ConsumerStatus is the body of the answers to 221, a member's offsets by queue, and to 223, those of all members by client id. Its
// maps have objects as keys, as [ConsumeStats] has.
type ConsumerStatus struct {
	Clients map[string]map[MessageQueue]int64 `json:"consumerTable"`
	Offsets map[MessageQueue]int64            `json:"messageQueueTable"`
}

// Append appends the body's text to dst.
func (c *ConsumerStatus) Append(dst []byte) []byte {
	number := func(dst []byte, offset *int64) []byte { return strconv.AppendInt(dst, *offset, 10) }
	dst = append(dst, `{"consumerTable":{`...)
	for i, id := range slices.Sorted(maps.Keys(c.Clients)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONText(dst, id, false), ':')
		dst = appendQueueMap(dst, c.Clients[id], number)
	}
	dst = append(dst, `},"messageQueueTable":`...)
	return append(appendQueueMap(dst, c.Offsets, number), '}')
}
