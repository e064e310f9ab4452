package admin

import (
	"context"
	"strconv"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// SetTopics makes or changes topics at the broker at the address (18); their attributes are changes, with a sign before each name.
func (a *Admin) SetTopics(ctx context.Context, addr string, topics []protocol.TopicConfig) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateTopicList, nil, protocol.MarshalBody(manage.Topics{Topics: topics}))
	return err
}

// SetGroups makes or changes groups at the broker at the address (225).
func (a *Admin) SetGroups(ctx context.Context, addr string, groups []protocol.SubscriptionGroupConfig) error {
	body := protocol.MarshalBody(map[string]any{"groupConfigList": groups})
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateSubscriptionGroupList, nil, body)
	return err
}

// QueueEntries are entries of a queue from an index on (321), and, where a group is named, which of them its subscription lets pass.
func (a *Admin) QueueEntries(ctx context.Context, addr string, h *manage.ConsumeQueueHeader) (manage.ConsumeQueue, error) {
	fields := pairs{"topic", h.Topic, "queueId", strconv.Itoa(int(h.QueueID)), "index", strconv.FormatInt(h.Index, 10), "count", strconv.Itoa(int(h.Count))}
	if h.Grouped {
		fields = append(fields, "consumerGroup", h.Group)
	}
	var out manage.ConsumeQueue
	err := a.ask(ctx, addr, protocol.ReqQueryConsumeQueue, fields, &out)
	return out, err
}

// Producers are all clients that produce at the broker at the address, by group (328).
func (a *Admin) Producers(ctx context.Context, addr string) (map[string][]manage.Producer, error) {
	var out manage.Producers
	err := a.ask(ctx, addr, protocol.ReqGetAllProducerInfo, nil, &out)
	return out.Groups, err
}
