package convert

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Popped reads the messages of a pop's answer, with the handles by which they are acknowledged, and when they were handed out. h is the request, in
// has the bodies that are compressed.
func Popped(f *protocol.Frame, broker string, h *protocol.PopMessageHeader, in *Inflation) ([]*pb.Message, time.Time, error) {
	var res protocol.PopMessageResponseHeader
	if err := res.Decode(f.Fields); err != nil {
		return nil, time.Time{}, err
	}
	starts, err := protocol.ParseStartOffsets(res.StartOffsetInfo)
	if err != nil {
		return nil, time.Time{}, err
	}
	var counts map[string]int64
	if h.Order {
		if counts, err = protocol.ParseStartOffsets(res.OrderCountInfo); err != nil {
			return nil, time.Time{}, err
		}
	}
	var out []*pb.Message
	invisible := time.Duration(res.InvisibleTime) * time.Millisecond
	for raw := f.Body; len(raw) > 0; {
		r, err := message.ParseRecord(raw)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("the broker's answer has %d bytes behind %d messages: %w", len(raw), len(out), err)
		}
		raw = raw[r.Size:]
		handle, err := handleOf(&r, &res, broker, starts)
		if err == nil {
			err = placed(&handle)
		}
		if err != nil {
			return nil, time.Time{}, err
		}
		if n, ok := orderCount(counts, &handle); ok {
			r.ReconsumeTimes = n
		}
		r.Topic = []byte(h.Topic)
		m := in.Message(&r)
		SetReceipt(m, string(handle.Append(nil)), invisible)
		out = append(out, m)
	}
	return out, time.UnixMilli(res.PopTime), nil
}

// handleOf is a message's handle. Messages of retry topics bring it along.
func handleOf(r *message.Record, res *protocol.PopMessageResponseHeader, broker string, starts map[string]int64) (protocol.PopHandle, error) {
	if text, ok := r.Properties.Get(message.PropPopCheckpoint); ok {
		h, err := protocol.ParsePopHandle(string(text))
		h.CommitLogOffset = int64(r.LogOffset)
		return h, err
	}
	from := protocol.PopTopicOf(string(r.Topic))
	start, ok := starts[protocol.PopQueueKey(from, int32(r.QueueID))]
	if !ok {
		return protocol.PopHandle{}, fmt.Errorf("the broker's answer does not say where it began to read queue %d of topic %s", r.QueueID, r.Topic)
	}
	return protocol.PopHandle{StartOffset: start, PopTime: res.PopTime, InvisibleTime: res.InvisibleTime, ReviveQueue: res.ReviveQueue, Topic: from,
		BrokerName: broker, QueueID: int32(r.QueueID), QueueOffset: int64(r.QueueOffset), CommitLogOffset: int64(r.LogOffset)}, nil
}

// placed refuses a handle that nobody could read: its numbers are those of a broker's answer, and none of them is below 0.
func placed(h *protocol.PopHandle) error {
	if min(h.StartOffset, h.PopTime, int64(h.ReviveQueue), int64(h.QueueID), h.QueueOffset) < 0 {
		return fmt.Errorf("the broker's answer has a message with a place below 0: queue %d, offset %d, read from %d, revive queue %d, popped at %d",
			h.QueueID, h.QueueOffset, h.StartOffset, h.ReviveQueue, h.PopTime)
	}
	return nil
}

// orderCount is how often a message of an ordered queue was handed out before.
func orderCount(counts map[string]int64, h *protocol.PopHandle) (int32, bool) {
	if counts == nil {
		return 0, false
	}
	if n, ok := counts[protocol.PopMessageKey(h.Topic, h.QueueID, h.QueueOffset)]; ok {
		return int32(n), true
	}
	n, ok := counts[protocol.PopQueueKey(h.Topic, h.QueueID)]
	return int32(n), ok
}
