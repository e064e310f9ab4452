package subscription

import (
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Start says where a group begins that has no offset in a queue yet: [FromLast], [FromFirst] or [FromTime]. Retries always begin at
// the first message.
type Start int64

// Where a new group begins.
const (
	FromLast  Start = 0  // behind the last message; but with the first one where the queue is so young that it has lost none, as Java's clients do
	FromFirst Start = -1 // the first message that the broker still has
)

// FromTime begins with the first message stored at t or later.
func FromTime(t time.Time) Start { return Start(max(t.UnixMilli(), 1)) }

// Enum is the start's name in heartbeats.
func (s Start) Enum() string {
	switch s {
	case FromLast:
		return protocol.ConsumeFromLast
	case FromFirst:
		return protocol.ConsumeFromFirst
	}
	return protocol.ConsumeFromTimestamp
}
