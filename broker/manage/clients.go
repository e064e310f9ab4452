package manage

// GET_ALL_PRODUCER_INFO (328), QUERY_TOPICS_BY_CONSUMER (343), QUERY_SUBSCRIPTION_BY_CONSUMER (345).
//
// Callers: 328 mqadmin producer; the others programs over RocketMQ's admin API.
//
// Behaviour: 343 tells the topics in which a group has offsets, 345 what a connected group wants of one; a group that is not there is a success with
// nothing.
//
// Codes: 0 with a JSON body; 1 unreadable header.

import (
	"context"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// Producers serves GET_ALL_PRODUCER_INFO.
func (s *Service) Producers(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	body := manage.Producers{Groups: map[string][]manage.Producer{}}
	s.clients.EachProducer(func(group, clientID, remote, language string, version int32, seen int64) {
		body.Groups[group] = append(body.Groups[group], manage.Producer{ClientID: clientID, Language: language, LastSeen: seen, RemoteIP: "/" + remote, Version: version})
	})
	return apart.Answer{Body: protocol.MarshalBody(body)}, nil
}

// TopicsOf serves QUERY_TOPICS_BY_CONSUMER.
func (s *Service) TopicsOf(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h manage.GroupTopicHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	topics := map[string]struct{}{}
	s.store.EachOffset(func(group string, q message.Queue, _ message.QueueOffset) {
		if group == h.Group {
			topics[q.Topic] = struct{}{}
		}
	})
	list := protocol.TopicList{BrokerAddr: s.opt.Address, Topics: slices.AppendSeq([]string{}, maps.Keys(topics))}
	slices.Sort(list.Topics)
	return apart.Answer{Body: protocol.MarshalBody(list)}, nil
}

// SubscriptionOf serves QUERY_SUBSCRIPTION_BY_CONSUMER.
func (s *Service) SubscriptionOf(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h manage.GroupTopicHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	return apart.Answer{Body: protocol.MarshalBody(manage.Subscription{Group: h.Group, Topic: h.Topic, Subscription: s.clients.Subscription(h.Group, h.Topic)})}, nil
}
