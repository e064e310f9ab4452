package admin

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aerobee-mq/aerobee/client/cluster"
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
	answer, err := a.call(ctx, addr, protocol.ReqQueryConsumeQueue, fields, nil)
	if err != nil {
		return out, err
	}
	if len(answer.Body) == 0 { // Apache's success of nothing
		return out, fmt.Errorf("admin: the broker at %s has no queue %d of topic %s: %w", addr, h.QueueID, h.Topic, cluster.ErrNotFound)
	}
	return out, decode(answer, addr, protocol.ReqQueryConsumeQueue, &out)
}

// Producers are all clients that produce at the broker at the address, by group (328).
func (a *Admin) Producers(ctx context.Context, addr string) (map[string][]manage.Producer, error) {
	var out manage.Producers
	err := a.ask(ctx, addr, protocol.ReqGetAllProducerInfo, nil, &out)
	return out.Groups, err
}
