// Package subscription is a consumer's wish for messages of one topic, as users say it and as brokers are told of it. It owns
// [Subscription], which package client shows under its own name, and the reading of its expression. Packages client and client/pop call
// it. Everything here is safe to call at once.
package subscription

import (
	"errors"
	"fmt"
	"slices"
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
	// its own. Package filter describes the language. It is read here too, so that a mistake is an error (client.ErrIllegal) that says where. The
	// broker evaluates it; Apache RocketMQ refuses the pulls unless its enablePropertyFilter is true.
	SQL bool
}

// Told is a Subscription as brokers are told of it.
type Told struct {
	Data protocol.SubscriptionData
	Tags []string // wanted ones, to be compared again by who gets messages, since brokers compare hashes; none: all
}

// Read reads a subscription. topic has the namespace already; now is its version. The error names the user's topic.
func Read(topic string, s Subscription, now time.Time) (*Told, error) {
	data := protocol.SubscriptionData{Topic: topic, SubString: s.Expression, ExpressionType: protocol.ExpressionTag, SubVersion: now.UnixMilli(),
		TagsSet: []string{}, CodeSet: []int32{}}
	if s.SQL {
		if s.Expression == "" {
			return nil, errors.New("the SQL92 expression for topic " + s.Topic + " is empty")
		}
		if _, err := filter.Compile(filter.SQL92, s.Expression); err != nil {
			return nil, fmt.Errorf("the SQL92 expression for topic %s: %w", s.Topic, err)
		}
		data.ExpressionType = protocol.ExpressionSQL92
		return &Told{Data: data}, nil
	}
	f, err := filter.Compile(filter.Tag, s.Expression)
	if err != nil {
		return nil, fmt.Errorf("the expression for topic %s: %w", s.Topic, err)
	}
	if f.MatchesAll() {
		data.SubString = "*"
		return &Told{Data: data}, nil
	}
	data.TagsSet, data.CodeSet = f.Tags(), f.Codes()
	return &Told{Data: data, Tags: f.Tags()}, nil
}

// Wanted reports whether a message with the tag is meant, of those that the broker has chosen.
func (t *Told) Wanted(tag string) bool { return len(t.Tags) == 0 || slices.Contains(t.Tags, tag) }
