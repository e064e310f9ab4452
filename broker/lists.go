package broker

// UPDATE_AND_CREATE_TOPIC_LIST (18), DELETE_TOPIC_IN_BROKER_LIST (5002), UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225), DELETE_SUBSCRIPTION_GROUP_LIST
// (5003).
//
// Callers: mqadmin updateTopicList, updateSubGroupList; the admin API of RocketMQ after 5.5.0, which has 5002 and 5003.
//
// Behaviour: a member of a list that is wrong leaves all as it was; the remark names it. RocketMQ ends at the first topic of a list that is
// there already as it is to be, and leaves out what follows.
//
// Codes: 0; what the request for one of them answers; 29 too many; 1 unreadable body.

import (
	"context"

	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/broker/place"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	wired "github.com/aerobee-mq/aerobee/protocol/manage"
)

func (b *Broker) putTopics(ctx context.Context, f *protocol.Frame, _ string) (none apart.Answer, err error) {
	var body wired.Topics
	if err := apart.ListBody(f, &body); err != nil {
		return none, err
	}
	l := manage.List{Kind: "topic", Turn: b.turn}
	for i := range body.Topics {
		l.Names = append(l.Names, body.Topics[i].TopicName)
	}
	plans := make([]*topic.Config, len(l.Names))
	l.Check = func(i int) error { return b.checkTopicChange(l.Names[i]) }
	l.Plan = func(i int) error {
		t := &body.Topics[i]
		c, changed, err := b.planTopic(&protocol.CreateTopicHeader{Topic: t.TopicName, ReadQueueNums: t.ReadQueueNums, WriteQueueNums: t.WriteQueueNums, Perm: t.Perm,
			TopicFilterType: t.TopicFilterType, TopicSysFlag: t.TopicSysFlag, Order: t.Order, Attributes: topic.FormatAttributes(t.Attributes)}, nil)
		if changed && !light.Is(t.TopicName) {
			plans[i] = &c
		}
		return err
	}
	l.Do = func(i int) error {
		if plans[i] == nil {
			return nil
		}
		return b.store.PutTopic(ctx, *plans[i])
	}
	defer b.registrar.Publish(ctx)
	return none, l.Run(ctx)
}

func (b *Broker) deleteTopics(ctx context.Context, f *protocol.Frame, from string) (none apart.Answer, err error) {
	var body wired.TopicNames
	if err := apart.ListBody(f, &body); err != nil {
		return none, err
	}
	l := manage.List{Kind: "topic", Turn: b.turn, Names: body.Topics}
	l.Check = func(i int) error { return b.checkTopicDeletion(l.Names[i]) }
	var offsets place.Leaving
	l.Do = func(i int) error {
		if i == 0 {
			offsets = b.mover.InTopics(l.Names...)
		}
		return b.removeTopic(ctx, from, l.Names[i], offsets)
	}
	defer b.registrar.Publish(ctx)
	return none, l.Run(ctx)
}

func (b *Broker) putGroups(ctx context.Context, f *protocol.Frame, _ string) (none apart.Answer, err error) {
	var body struct {
		Groups []group.Config `json:"groupConfigList"`
	}
	if err := apart.ListBody(f, &body); err != nil {
		return none, err
	}
	l := manage.List{Kind: "group", Turn: b.turn}
	for i := range body.Groups {
		l.Names = append(l.Names, body.Groups[i].Name)
	}
	l.Check = func(i int) error { return refuseGroupName(l.Names[i]) }
	l.Plan = func(i int) error { return b.planGroup(&body.Groups[i]) }
	l.Do = func(i int) error {
		if light.Is(l.Names[i]) {
			return nil
		}
		return b.store.PutGroup(ctx, body.Groups[i])
	}
	return none, l.Run(ctx)
}

func (b *Broker) deleteGroups(ctx context.Context, f *protocol.Frame, from string) (none apart.Answer, err error) {
	var body wired.GroupNames
	if err := apart.ListBody(f, &body); err != nil {
		return none, err
	}
	l := manage.List{Kind: "group", Turn: b.turn, Names: body.Groups}
	l.Check = func(i int) error { return refuseGroupName(l.Names[i]) }
	var offsets place.Leaving
	l.Do = func(i int) error {
		if i == 0 {
			offsets = b.offsetsToGo(body.CleanOffset, l.Names...)
		}
		return b.removeGroup(ctx, from, l.Names[i], offsets)
	}
	return none, l.Run(ctx)
}

func refuseGroupName(name string) error {
	if wrong := checkGroupName(name); wrong != "" {
		return apart.Refuse(protocol.ResInvalidParameter, "%s", wrong)
	}
	return nil
}
