package manage

// UPDATE_AND_CREATE_STATIC_TOPIC (513), and what GET_TOPIC_CONFIG (351) says of static topics.
//
// Callers: mqadmin updateStaticTopic, remappingStaticTopic; topicStatus and consumerProgress of static topics ask 351.
//
// Behaviour: a static topic is kept whose queues all lie on this broker, each under its own number and from offset 0 on, which is what the tools ask one
// broker for. So nothing that names a queue or an offset has to be translated. It may get more queues, and be remapped to this broker, which changes its
// epoch alone. A broker that is told of a topic none of whose queues it gets, since it is in the same cluster, has nothing to keep; RocketMQ keeps a topic
// without queues. With force epoch and scope are not compared; no queue goes then either.
//
// Codes: 0; 3 queues on several brokers or that have been elsewhere; 29 name, numbers, another broker's mapping, or a topic that would lose queues; 1
// unreadable, or an epoch or scope that does not follow what is there, as RocketMQ says it.

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// maxStaticQueues bounds the queues of a static topic: each has an entry in each registration and in each route.
const maxStaticQueues = 1024

// StaticTopic serves UPDATE_AND_CREATE_STATIC_TOPIC.
func (s *Service) StaticTopic(ctx context.Context, f *protocol.Frame, _ string) (none apart.Answer, err error) {
	var h protocol.CreateTopicHeader
	if err := h.Decode(f.Fields); err != nil {
		return none, err
	}
	if err := s.opt.CheckTopic(h.Topic); err != nil {
		return none, err
	}
	var d manage.TopicQueueMappingDetail
	if err := apart.ListBody(f, &d); err != nil {
		return none, err
	}
	static, err := s.carried(&h, &d)
	if err != nil {
		return none, err
	}
	done, err := s.opt.Turn(ctx)
	if err != nil {
		return none, err
	}
	defer done()
	old, exists := s.store.Topic(h.Topic)
	if static == nil {
		if exists {
			return none, apart.Refuse(protocol.ResInvalidParameter, "topic %s has %d queues on broker %s and the mapping gives it none: no queue can leave a broker here; "+
				"give the static topic another name, or delete this one", h.Topic, old.WriteQueues, s.opt.Broker)
		}
		return none, nil
	}
	if err := follows(&old, &d, static, h.Force); err != nil {
		return none, err
	}
	c, changed, err := s.opt.PlanTopic(&h, static)
	if err != nil || !changed {
		return none, err
	}
	if err := s.opt.PutTopic(ctx, c); err != nil {
		return none, err
	}
	s.opt.Logger.Info("static topic made or changed", "topic", c.Name, "queues", c.WriteQueues, "epoch", static.Epoch)
	return none, nil
}

// carried is what a mapping says, nil if the broker is to hold no queue; it refuses what is not kept.
func (s *Service) carried(h *protocol.CreateTopicHeader, d *manage.TopicQueueMappingDetail) (*topic.Static, error) {
	wrong := func(format string, args ...any) (*topic.Static, error) {
		return nil, apart.Refuse(protocol.ResInvalidParameter, "static topic %s: "+format, append([]any{h.Topic}, args...)...)
	}
	switch {
	case d.Topic != h.Topic:
		return wrong("the mapping is of topic %.300q", d.Topic)
	case d.BrokerName != s.opt.Broker:
		return wrong("the mapping is for broker %.300q, this one is %s", d.BrokerName, s.opt.Broker)
	case len(d.Scope) > 255:
		return wrong("the scope has %d bytes, the limit is 255", len(d.Scope))
	case d.TotalQueues < 0 || d.TotalQueues > maxStaticQueues:
		return wrong("totalQueues is %d, it must lie in 0..%d", d.TotalQueues, maxStaticQueues)
	case len(d.Hosted) == 0:
		return nil, nil
	}
	for _, id := range slices.Sorted(maps.Keys(d.Hosted)) {
		items := d.Hosted[id]
		if len(items) == 0 {
			return wrong("queue %d lies nowhere, hostedQueues has an empty list for it", id)
		}
		last := items[len(items)-1]
		switch here := manage.NewLogicQueueMappingItem(s.opt.Broker, id); {
		case id < 0 || id >= d.TotalQueues:
			return wrong("hostedQueues has queue %d, totalQueues is %d", id, d.TotalQueues)
		case last.BrokerName != here.BrokerName:
			return s.elsewhere(h, "queue %d would lie on broker %.300q", id, last.BrokerName)
		case len(items) > 1:
			return s.elsewhere(h, "queue %d would have lain in %d places, before on broker %.300q", id, len(items), items[0].BrokerName)
		case last.QueueID != here.QueueID:
			return s.elsewhere(h, "queue %d would be queue %d of the broker", id, last.QueueID)
		case last.Gen != here.Gen || last.LogicOffset != here.LogicOffset || last.StartOffset != here.StartOffset || last.EndOffset != here.EndOffset:
			return s.elsewhere(h, "queue %d would be generation %d with logicOffset %d, startOffset %d and endOffset %d, which are 0, 0, 0 and -1 for one that has always lain here",
				id, last.Gen, last.LogicOffset, last.StartOffset, last.EndOffset)
		}
	}
	if n := len(d.Hosted); n < int(d.TotalQueues) {
		return s.elsewhere(h, "%d of its %d queues would lie on other brokers", int(d.TotalQueues)-n, d.TotalQueues)
	}
	if d.TotalQueues != h.ReadQueueNums || d.TotalQueues != h.WriteQueueNums {
		return wrong("totalQueues is %d, readQueueNums is %d and writeQueueNums is %d: all three have to be the same", d.TotalQueues, h.ReadQueueNums, h.WriteQueueNums)
	}
	return &topic.Static{Epoch: d.Epoch, Scope: cmp.Or(d.Scope, topic.GlobalScope)}, nil
}

// elsewhere refuses a static topic that does not lie on this broker alone.
func (s *Service) elsewhere(h *protocol.CreateTopicHeader, format string, args ...any) (*topic.Static, error) {
	return nil, apart.Refuse(protocol.ResRequestCodeNotSupported, "static topic %s: "+format+"; all queues of a static topic have to lie on one broker here, each under its own number "+
		"from offset 0 on: make it with -b %s alone (mqadmin updateStaticTopic), and leave it there", append(append([]any{h.Topic}, args...), s.opt.Broker)...)
}

// follows compares what a topic is to be with what it is.
func follows(old *topic.Config, d *manage.TopicQueueMappingDetail, static *topic.Static, force bool) error {
	has := max(old.WriteQueues, old.ReadQueues) // 0 where the topic is not there
	switch was := old.Static; {
	case d.TotalQueues < has:
		return apart.Refuse(protocol.ResInvalidParameter, "static topic %s: it cannot lose queues: it has %d, totalQueues is %d", old.Name, has, d.TotalQueues)
	case was == nil:
	case force:
	case static.Epoch < was.Epoch:
		return apart.Refuse(protocol.ResSystemError, "Can't accept data with small epoch %d < %d", static.Epoch, was.Epoch)
	case static.Scope != was.Scope:
		return apart.Refuse(protocol.ResSystemError, "Can't accept data with unmatched scope %s != %s", static.Scope, was.Scope)
	}
	return nil
}

// TopicConfig is the answer to GET_TOPIC_CONFIG: what is static about the topic is told to those who ask for logical queues (lo).
func (s *Service) TopicConfig(f *protocol.Frame, c *topic.Config, plain protocol.TopicConfig) []byte {
	out := manage.TopicConfigAndQueueMapping{TopicConfig: plain}
	if lo, _ := apart.Read(f).Flag("lo"); lo && c.Static != nil {
		out.Detail = &manage.TopicQueueMappingDetail{Hosted: make(map[int32][]manage.LogicQueueMappingItem, c.WriteQueues), TopicQueueMappingInfo: protocol.TopicQueueMappingInfo{
			BrokerName: s.opt.Broker, CurrIDMap: map[int32]int32{}, Epoch: c.Static.Epoch, Scope: c.Static.Scope, Topic: c.Name, TotalQueues: c.WriteQueues}}
		for id := range c.WriteQueues {
			out.Detail.Hosted[id] = []manage.LogicQueueMappingItem{manage.NewLogicQueueMappingItem(s.opt.Broker, id)}
		}
	}
	return protocol.MarshalBody(out)
}
