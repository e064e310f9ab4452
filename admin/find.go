package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
)

// ErrNoID reports an id that is no offset message id, and no unique id of the topic that was named.
var ErrNoID = errors.New("nothing has this id")

// Find returns the message that an id of either kind names: a unique id of a topic, of which the last one stored counts, or an offset
// message id, whatever the topic. The two look alike, so with a topic both are tried.
func (a *Admin) Find(ctx context.Context, id, topic string) (Message, error) {
	return a.find(ctx, id, topic, false)
}

// FindHead is [Admin.Find] without the message's body.
func (a *Admin) FindHead(ctx context.Context, id, topic string) (Message, error) {
	return a.find(ctx, id, topic, true)
}

func (a *Admin) find(ctx context.Context, id, topic string, noBody bool) (Message, error) {
	if topic != "" {
		list, err := a.Messages(ctx, Query{Topic: topic, Key: id, Unique: true, NoBody: noBody})
		if len(list) > 0 {
			return list[len(list)-1], nil
		}
		if err != nil {
			return Message{}, err
		}
	}
	if _, _, err := message.ParseID(id); err != nil {
		return Message{}, fmt.Errorf("admin: %w: %.100s: as unique id it is in no record of topic %q that the index knows, and as offset message id: %w", ErrNoID, id, topic, err)
	}
	return a.messageAt(ctx, id, noBody)
}

// Wanted reports whether a subscription's filter wants the message, by the text of its tag where the filter is of tags.
func (m *Message) Wanted(f *filter.Filter) bool {
	if !f.ByProperties() {
		return f.MatchesAll() || m.Tag != "" && slices.Contains(f.Tags(), m.Tag)
	}
	var p message.Properties
	for name, value := range m.Properties {
		p = message.AppendProperty(p, name, value)
	}
	return f.MatchProperties(p)
}
