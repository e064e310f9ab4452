package client

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/client/subscription"
)

// Subscription is a consumer's wish for messages of one topic: Topic, an Expression of tags ("a || b"), or with SQL one over properties
// ("price > 5"), as [subscription.Subscription] says.
type Subscription = subscription.Subscription

// subscribe reads a subscription. topic has the namespace already; now is its version.
func subscribe(topic string, s Subscription, now time.Time) (*subscription.Told, error) {
	told, err := subscription.Read(topic, s, now)
	if err != nil {
		return nil, fmt.Errorf("client: %w: %w", ErrIllegal, err)
	}
	return told, nil
}

// Start says where a group begins that has no offset in a queue yet: [FromLast], [FromFirst] or [FromTime]. Retries always begin at
// the first message.
type Start = subscription.Start

// Where a new group begins.
const (
	FromLast  = subscription.FromLast  // behind the last message; but with the first one where the queue is so young that it has lost none, as Java's clients do
	FromFirst = subscription.FromFirst // the first message that the broker still has
)

// FromTime begins with the first message stored at t or later.
func FromTime(t time.Time) Start { return subscription.FromTime(t) }
