// Package recall is what a broker decides about timer messages: whether one may wait as long as it asks, and whether it may be taken
// back. Package broker calls it. Everything here is pure and safe for concurrent use.
package recall

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// Rules are the settings that decide.
type Rules struct {
	// Broker is the broker's name, which handles bear.
	Broker string
	// NoTimers refuses timer messages, NoRecall their recall.
	NoTimers, NoRecall bool
	// MaxDelay is how far ahead a timer message may be, whole seconds.
	MaxDelay time.Duration
}

// Timer refuses a timer message, nil if it may pass: one that asks for a time that is illegal, by whatever clock, or any.
func (r *Rules) Timer(illegal bool, atMillis, nowMillis int64) *apart.Refusal {
	switch {
	case r.NoTimers:
		return apart.Refuse(protocol.ResSystemError, "accurate timer message is not enabled, timerWheelEnable is false")
	case illegal:
		return apart.Refuse(protocol.ResMessageIllegal, "timer message illegal, the delay time should not be bigger than the max delay %dms; "+
			"or if set del msg, the delay time should be bigger than the current time; it asks for %d, and now is %d (timerMaxDelaySec)", r.MaxDelay.Milliseconds(), atMillis, nowMillis)
	}
	return nil
}

// Check reads a recall's handle and refuses what Apache refuses, in its order; the topic is known to exist.
func (r *Rules) Check(topic, text string, nowMillis int64) (message.RecallHandle, *apart.Refusal) {
	h, err := message.ParseRecallHandle(text)
	left := h.Millis - nowMillis
	remark := ""
	switch {
	case err != nil:
		remark = err.Error()
	case h.Topic != topic:
		remark = fmt.Sprintf("recall failed, topic not match: the handle is of topic %.300s", h.Topic)
	case h.Broker != r.Broker:
		remark = fmt.Sprintf("recall failed, broker service not available: the handle is of broker %.300s, this is %s", h.Broker, r.Broker)
	case left <= 0 || left >= r.MaxDelay.Milliseconds():
		remark = fmt.Sprintf("recall failed, timestamp invalid: the message is due at %d, now is %d, and it must be ahead by less than %d ms",
			h.Millis, nowMillis, r.MaxDelay.Milliseconds())
	default:
		return h, nil
	}
	return h, &apart.Refusal{Code: protocol.ResIllegalOperation, Remark: remark}
}

// Record is the record that takes back the message of a handle, as Apache writes it, for the store to complete.
func Record(h message.RecallHandle, group string, nowMillis int64) message.Record {
	var p message.Properties
	for _, pair := range [][2]string{
		{message.PropTags, "_RECALL_TAG_"}, {message.PropTimerDelete, h.UniqueKey}, {message.PropUniqueKey, h.UniqueKey},
		{message.PropTimerDeliverMS, fmt.Sprint(h.Millis)}, {"BORN_TIMESTAMP", fmt.Sprint(nowMillis)}, {message.PropProducerGroup, group},
	} {
		if pair[1] != "" {
			p = message.AppendProperty(p, pair[0], pair[1])
		}
	}
	return message.Record{Topic: []byte(h.Topic), Body: []byte("0"), Properties: p, BornTime: nowMillis}
}
