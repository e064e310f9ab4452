package protocol

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// PopTopic says from which topic a message was popped, as handles and the offset texts of a pop's answer name it.
type PopTopic byte

// The topics of a pop.
const (
	PopNormal  PopTopic = iota // the topic itself
	PopRetryV1                 // %RETRY%group_topic
	PopRetryV2                 // %RETRY%group+topic
)

// PopTopicOf is how RocketMQ names a topic in a handle. Any topic that begins with %RETRY% is one of retries.
func PopTopicOf(topic string) PopTopic {
	switch {
	case !strings.HasPrefix(topic, message.RetryPrefix):
		return PopNormal
	case strings.Contains(topic, "+"):
		return PopRetryV2
	}
	return PopRetryV1
}

// Name is the real topic of a message that a group has popped from topic.
func (p PopTopic) Name(group, topic string) string {
	switch p {
	case PopRetryV1:
		return message.RetryPrefix + group + "_" + topic
	case PopRetryV2:
		return message.RetryPrefix + group + "+" + topic
	}
	return topic
}

// PopOrderQueue is the revive queue in the handles of ordered pops.
const PopOrderQueue = 999

// PopHandle is a receipt handle: the property POP_CK of a popped message and the extraInfo of requests about it, eight or nine
// fields with a space in between. Clients build it from a pop's answer and give it back as it is.
type PopHandle struct {
	StartOffset     int64 // where the pop began to read
	PopTime         int64 // ms
	InvisibleTime   int64 // ms
	ReviveQueue     int32 // PopOrderQueue for ordered pops
	Topic           PopTopic
	BrokerName      string
	QueueID         int32
	QueueOffset     int64
	CommitLogOffset int64 // -1 when absent; gRPC proxies add it
}

// Ordered reports whether the handle is of an ordered pop.
func (h *PopHandle) Ordered() bool { return h.ReviveQueue == PopOrderQueue }

// Append appends the handle's text.
func (h *PopHandle) Append(dst []byte) []byte {
	for _, n := range [...]int64{h.StartOffset, h.PopTime, h.InvisibleTime, int64(h.ReviveQueue), int64(h.Topic)} {
		dst = append(strconv.AppendInt(dst, n, 10), ' ')
	}
	dst = append(append(dst, h.BrokerName...), ' ')
	dst = append(strconv.AppendInt(dst, int64(h.QueueID), 10), ' ')
	dst = strconv.AppendInt(dst, h.QueueOffset, 10)
	if h.CommitLogOffset >= 0 {
		dst = strconv.AppendInt(append(dst, ' '), h.CommitLogOffset, 10)
	}
	return dst
}

// ParsePopHandle reads a handle. The error names the field.
func ParsePopHandle(text string) (PopHandle, error) {
	fields := strings.Split(text, " ")
	if len(fields) != 8 && len(fields) != 9 {
		return PopHandle{}, fmt.Errorf("a receipt handle has 8 or 9 fields, this one %d: %.80q", len(fields), text)
	}
	h := PopHandle{BrokerName: fields[5], CommitLogOffset: -1}
	var revive, topic, queue int64
	for _, f := range []struct {
		at, bits int
		to       *int64
	}{{0, 64, &h.StartOffset}, {1, 64, &h.PopTime}, {2, 64, &h.InvisibleTime}, {3, 32, &revive}, {4, 32, &topic}, {6, 32, &queue},
		{7, 64, &h.QueueOffset}, {8, 64, &h.CommitLogOffset}} {
		if f.at >= len(fields) {
			break
		}
		n, ok := parseSized(bytesOf(fields[f.at]), f.bits)
		if !ok || n < 0 && f.at != 2 {
			return PopHandle{}, fmt.Errorf("field %d of a receipt handle is not a number of %d bits: %.80q", f.at, f.bits, text)
		}
		*f.to = n
	}
	if topic > int64(PopRetryV2) || h.BrokerName == "" {
		return PopHandle{}, fmt.Errorf("a receipt handle names the topic kind %d and the broker %q: %.80q", topic, h.BrokerName, text)
	}
	h.ReviveQueue, h.Topic, h.QueueID = int32(revive), PopTopic(topic), int32(queue)
	return h, nil
}

// AppendStartOffset appends one queue to startOffsetInfo: where the pop began to read. Each queue stands there once.
func AppendStartOffset(dst []byte, p PopTopic, queue int32, start int64) []byte {
	return strconv.AppendInt(appendPopKey(dst, p, queue), start, 10)
}

// AppendMsgOffsets appends one queue to msgOffsetInfo: the offsets of its messages in the answer's body, in their order. A
// client that misses one of them throws.
func AppendMsgOffsets(dst []byte, p PopTopic, queue int32, offsets []int64) []byte {
	dst = appendPopKey(dst, p, queue)
	for i, off := range offsets {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, off, 10)
	}
	return dst
}

// AppendOrderCount appends to orderCountInfo how often a message was handed out before; only counts above 0 are told.
func AppendOrderCount(dst []byte, p PopTopic, queue int32, offset int64, count int32) []byte {
	dst = append(appendPopTopic(dst, p), "qo"...)
	dst = append(strconv.AppendInt(dst, int64(queue), 10), '%')
	dst = append(strconv.AppendInt(dst, offset, 10), ' ')
	return strconv.AppendInt(dst, int64(count), 10)
}

// AppendQueueOrderCount appends to orderCountInfo the least of a queue's counts, which old clients read.
func AppendQueueOrderCount(dst []byte, p PopTopic, queue, least int32) []byte {
	return strconv.AppendInt(appendPopKey(dst, p, queue), int64(least), 10)
}

func appendPopTopic(dst []byte, p PopTopic) []byte {
	if len(dst) > 0 {
		dst = append(dst, ';')
	}
	return append(dst, '0'+byte(p), ' ')
}

func appendPopKey(dst []byte, p PopTopic, queue int32) []byte {
	return append(strconv.AppendInt(appendPopTopic(dst, p), int64(queue), 10), ' ')
}

// ParseStartOffsets reads startOffsetInfo or orderCountInfo as clients do: by the keys of [PopQueueKey] and
// [PopMessageKey]. It is nil for an empty text.
func ParseStartOffsets(text string) (map[string]int64, error) {
	return parsePopInfo(text, func(value string) (int64, bool) { return parseInt(bytesOf(value)) })
}

// ParseMsgOffsets reads msgOffsetInfo as clients do, by the keys of [PopQueueKey]. It is nil for an empty text.
func ParseMsgOffsets(text string) (map[string][]int64, error) {
	return parsePopInfo(text, func(value string) (offs []int64, ok bool) {
		for one := range strings.SplitSeq(value, ",") {
			off, ok := parseInt(bytesOf(one))
			if !ok {
				return nil, false
			}
			offs = append(offs, off)
		}
		return offs, true
	})
}

func parsePopInfo[V any](text string, value func(string) (V, bool)) (map[string]V, error) {
	if text == "" {
		return nil, nil
	}
	out := make(map[string]V)
	for one := range strings.SplitSeq(strings.TrimRight(text, ";"), ";") {
		fields := strings.Split(one, " ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("pop info %.80q: an entry has 3 fields, this one %d", text, len(fields))
		}
		key := fields[0] + "@" + fields[1]
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("pop info %.80q: %s stands there twice", text, key)
		}
		v, ok := value(fields[2])
		if !ok {
			return nil, fmt.Errorf("pop info %.80q: %q is not a number", text, fields[2])
		}
		out[key] = v
	}
	return out, nil
}

// PopQueueKey is the key of a queue in what ParseStartOffsets and ParseMsgOffsets return.
func PopQueueKey(p PopTopic, queue int32) string {
	return strconv.Itoa(int(p)) + "@" + strconv.Itoa(int(queue))
}

// PopMessageKey is the key of a message in orderCountInfo.
func PopMessageKey(p PopTopic, queue int32, offset int64) string {
	return strconv.Itoa(int(p)) + "@qo" + strconv.Itoa(int(queue)) + "%" + strconv.FormatInt(offset, 10)
}
