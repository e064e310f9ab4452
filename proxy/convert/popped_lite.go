package convert

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// PoppedLite is [Popped] for the answer to a pop of lite topics: the messages are those of their parent, and stand in queue 0 of their lite topic besides.
// That is where they are acknowledged.
func PoppedLite(f *protocol.Frame, broker, parent string, in *Inflation) ([]*pb.Message, time.Time, error) {
	var res protocol.PopLiteMessageResponseHeader
	if err := res.Decode(f.Fields); err != nil {
		return nil, time.Time{}, err
	}
	var counts []string
	if res.OrderCountInfo != "" {
		counts = strings.Split(res.OrderCountInfo, ";")
	}
	var out []*pb.Message
	for raw := f.Body; len(raw) > 0; {
		r, err := message.ParseRecord(raw)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("the broker's answer has %d bytes behind %d messages: %w", len(raw), len(out), err)
		}
		raw = raw[r.Size:]
		lite, _ := r.Properties.Get(check.PropLiteTopic)
		queue, err := light.LiteQueue(parent, string(lite))
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("message %d of the broker's answer: %w", len(out), err)
		}
		at := light.OffsetIn(queue, &r)
		if n := len(out); n < len(counts) {
			times, err := strconv.ParseInt(counts[n], 10, 32)
			if err != nil {
				return nil, time.Time{}, fmt.Errorf("the broker's answer counts %.100q deliveries: %w", counts[n], err)
			}
			r.ReconsumeTimes = int32(times)
		}
		h := protocol.PopHandle{StartOffset: int64(at), PopTime: res.PopTime, InvisibleTime: res.InvisibleTime, ReviveQueue: res.ReviveQueue, BrokerName: broker,
			QueueOffset: int64(at), CommitLogOffset: int64(r.LogOffset)}
		if err := placed(&h); err != nil {
			return nil, time.Time{}, err
		}
		r.Topic, r.QueueID, r.QueueOffset = []byte(parent), 0, at
		m := in.Message(&r)
		SetReceipt(m, string(h.Append(nil)), time.Duration(res.InvisibleTime)*time.Millisecond)
		out = append(out, m)
	}
	return out, time.UnixMilli(res.PopTime), nil
}
