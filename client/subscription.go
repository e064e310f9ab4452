package client

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Subscription is a consumer's wish for messages of one topic.
type Subscription struct {
	Topic string
	// Expression chooses messages by tag: "a || b". "" and "*" take all.
	Expression string
	// SQL says that Expression is SQL92 over the messages' properties, such as "price > 5 AND region IN ('eu', 'us')"; of a batch every message has
	// its own. Package filter describes the language. It is read here too, so that a mistake is an [ErrIllegal] that says where. The
	// broker evaluates it; Apache RocketMQ refuses the pulls unless its enablePropertyFilter is true.
	SQL bool
}

// subscription is a Subscription as brokers are told of it.
type subscription struct {
	data protocol.SubscriptionData
	tags []string // wanted ones, compared here again since brokers compare hashes; none: all
}

// subscribe reads a subscription. topic has the namespace already; now is its version.
func subscribe(topic string, s Subscription, now time.Time) (*subscription, error) {
	data := protocol.SubscriptionData{Topic: topic, SubString: s.Expression, ExpressionType: protocol.ExpressionTag, SubVersion: now.UnixMilli(),
		TagsSet: []string{}, CodeSet: []int32{}}
	if s.SQL {
		if s.Expression == "" {
			return nil, fmt.Errorf("client: the SQL92 expression for topic %s is empty: %w", s.Topic, ErrIllegal)
		}
		if _, err := filter.Compile(filter.SQL92, s.Expression); err != nil {
			return nil, fmt.Errorf("client: the SQL92 expression for topic %s: %w: %w", s.Topic, ErrIllegal, err)
		}
		data.ExpressionType = protocol.ExpressionSQL92
		return &subscription{data: data}, nil
	}
	f, err := filter.Compile(filter.Tag, s.Expression)
	if err != nil {
		return nil, fmt.Errorf("client: the expression for topic %s: %w: %w", s.Topic, ErrIllegal, err)
	}
	if f.MatchesAll() {
		data.SubString = "*"
		return &subscription{data: data}, nil
	}
	data.TagsSet, data.CodeSet = f.Tags(), f.Codes()
	return &subscription{data: data, tags: f.Tags()}, nil
}

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

// enum is the start's name in heartbeats.
func (s Start) enum() string {
	switch s {
	case FromLast:
		return protocol.ConsumeFromLast
	case FromFirst:
		return protocol.ConsumeFromFirst
	}
	return protocol.ConsumeFromTimestamp
}
