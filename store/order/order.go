// Package order knows RocketMQ's table of the messages that were popped in order, consumerOrderInfo.json: what the last pop of a queue by a group has
// handed out, and what of it is acknowledged. The store reads it when it takes a directory of Apache's over, and leaves it behind at each clean stop, so
// that what is in flight stays out of sight and the handles that clients hold of it stay good. It is pure; everything in it is safe to call at once.
package order

import (
	"cmp"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Table is the whole table, by "topic@group" and queue.
type Table struct {
	Orders map[string]map[message.QueueID]*Order `json:"table"`
}

// Order is the last pop of a queue. Times are in ms. Source: QueueLevelConsumerManager.OrderInfo of RocketMQ 5.5.
type Order struct {
	PopTime   int64 `json:"popTime"`
	Invisible int64 `json:"i"`
	// Offsets are the first message's, and how far behind it each of the others lies.
	Offsets []message.QueueOffset `json:"o"`
	// Visible says when single messages come again, if not after Invisible; Counts how often they were handed out before, if they were.
	Visible map[message.QueueOffset]int64 `json:"ot,omitempty"`
	Counts  map[message.QueueOffset]int32 `json:"oc,omitempty"`
	// Last is when the queue was popped by the broker's clock: Apache drops what is older than a day.
	Last int64 `json:"l"`
	// Acked has a bit for each of Offsets, the first one's lowest.
	Acked   int64  `json:"cm"`
	Attempt string `json:"a,omitempty"`
}

// Held is one message that is handed out and not acknowledged.
type Held struct {
	Offset       message.QueueOffset
	PopTime, Due int64
	Count        int32
}

const (
	// maxPop is how many messages one pop has in RocketMQ, and maxBits how many have a bit.
	maxPop, maxBits = 32, 64
	// maxGap bounds how far the group's offset may lie before the messages of its last pop, as a crash of Apache's may leave them.
	maxGap = 1024
	// maxMillis bounds times, so that no sum overflows.
	maxMillis = 1 << 52
)

// Open returns the messages that wait for an acknowledgement or for their time, sorted by offset, and where the group goes on behind them. base is the group's
// offset in the queue, end the queue's end. What lies between the group's offset and the pop was acknowledged, but nobody knows of it any more:
// it comes again with the rest. Without messages that wait, the group goes on at base.
func (o *Order) Open(base, end message.QueueOffset) (held []Held, next message.QueueOffset) {
	if len(o.Offsets) == 0 || len(o.Offsets) > maxBits || !sound(o.PopTime) || !sound(o.Invisible) {
		return nil, base
	}
	first, due := o.Offsets[0], o.PopTime+max(o.Invisible, 0)
	if first < 0 || first-base > maxGap {
		return nil, base
	}
	for off := base; off < min(first, end); off++ {
		held = append(held, Held{Offset: off, PopTime: o.PopTime, Due: due})
	}
	next = base
	waits := false
	for i := range o.Offsets {
		off := first
		if i > 0 {
			off += o.Offsets[i]
		}
		if off < first || off >= end {
			continue // the log has lost it, or the table is damaged
		}
		next = max(next, off+1)
		if off < base || o.Acked>>i&1 == 1 {
			continue
		}
		h := Held{Offset: off, PopTime: o.PopTime, Due: due, Count: max(o.Counts[off], 0)}
		if at, ok := o.Visible[off]; ok && sound(at) {
			h.Due = at
		}
		held, waits = append(held, h), true
	}
	if !waits {
		return nil, base
	}
	slices.SortStableFunc(held, func(a, b Held) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.CompactFunc(held, func(a, b Held) bool { return a.Offset == b.Offset }), next
}

func sound(millis int64) bool { return millis > -maxMillis && millis < maxMillis }

// Of is what Apache has to know of messages that wait, sorted by offset, and of those between them and before next, which are acknowledged: as many as one
// pop may have. The rest comes again when they are acknowledged. A handle of an earlier pop than the last one is of no use there.
func Of(attempt string, held []Held, next message.QueueOffset, nowMillis int64) *Order {
	o := &Order{Last: nowMillis, Attempt: attempt}
	if len(held) == 0 {
		return o
	}
	first := held[0].Offset
	end := min(next, first+maxPop)
	for _, h := range held {
		if h.Offset < end && h.PopTime >= o.PopTime {
			o.PopTime, o.Invisible = h.PopTime, max(h.Due-h.PopTime, 1)
		}
	}
	for off := first; off < end; off++ {
		distance := off
		if off > first {
			distance -= first
		}
		o.Offsets = append(o.Offsets, distance)
		if len(held) == 0 || held[0].Offset != off {
			o.Acked |= 1 << (off - first)
			continue
		}
		h := held[0]
		held = held[1:]
		if h.Due != o.PopTime+o.Invisible {
			if o.Visible == nil {
				o.Visible = make(map[message.QueueOffset]int64)
			}
			o.Visible[off] = h.Due
		}
		if h.Count > 0 {
			if o.Counts == nil {
				o.Counts = make(map[message.QueueOffset]int32)
			}
			o.Counts[off] = h.Count
		}
	}
	return o
}
