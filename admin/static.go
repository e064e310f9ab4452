package admin

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// StaticTopic is a topic at the broker at the address with what is static about it (351); its Detail is nil if nothing is.
func (a *Admin) StaticTopic(ctx context.Context, addr, topic string) (*manage.TopicConfigAndQueueMapping, error) {
	var out manage.TopicConfigAndQueueMapping
	if err := a.ask(ctx, addr, protocol.ReqGetTopicConfig, pairs{"topic", topic, "lo", "true"}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// SetStaticTopic makes or changes a static topic at the broker at the address (513); c has a Detail.
func (a *Admin) SetStaticTopic(ctx context.Context, addr string, c manage.TopicConfigAndQueueMapping) error {
	h := &protocol.CreateTopicHeader{Topic: c.TopicName, DefaultTopic: message.TopicAutoName, ReadQueueNums: c.ReadQueueNums, WriteQueueNums: c.WriteQueueNums, Perm: c.Perm,
		TopicFilterType: c.TopicFilterType, TopicSysFlag: c.TopicSysFlag, Order: c.Order}
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateStaticTopic, h, protocol.MarshalBody(c.Detail))
	return err
}
