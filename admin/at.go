package admin

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/client/running"
	"github.com/aerobee-mq/aerobee/protocol"
)

// The calls of this file are made to one broker, whose address, "host:port", comes first; what they return is what it says, and
// nothing is put together. A refusal is a [*cluster.Error].

// TopicStats are the extents of a topic's queues (202).
func (a *Admin) TopicStats(ctx context.Context, addr, topic string) (protocol.TopicStats, error) {
	var out protocol.TopicStats
	err := a.ask(ctx, addr, protocol.ReqGetTopicStatsInfo, &protocol.TopicHeader{Topic: topic}, &out)
	return out, err
}

// TopicGroups are the groups that consume a topic (300).
func (a *Admin) TopicGroups(ctx context.Context, addr, topic string) ([]string, error) {
	var out protocol.GroupList
	err := a.ask(ctx, addr, protocol.ReqQueryTopicConsumeByWho, &protocol.TopicHeader{Topic: topic}, &out)
	return out.Groups, err
}

// TopicConfig is a topic's configuration (351, from brokers of 4.x 21).
func (a *Admin) TopicConfig(ctx context.Context, addr, topic string) (protocol.TopicConfig, error) {
	return a.topicConfig(ctx, addr, topic)
}

// TopicTable is the configuration of all topics (21).
func (a *Admin) TopicTable(ctx context.Context, addr string) (protocol.TopicConfigTable, error) {
	var out protocol.TopicConfigTable
	err := a.ask(ctx, addr, protocol.ReqGetAllTopicConfig, nil, &out)
	return out, err
}

// SystemTopics are the names of the topics that the broker made for itself (305).
func (a *Admin) SystemTopics(ctx context.Context, addr string) ([]string, error) {
	var out protocol.TopicList
	err := a.ask(ctx, addr, protocol.ReqGetSystemTopicListFromBroker, nil, &out)
	return out.Topics, err
}

// SetTopic makes or changes a topic as the header says, attributes among it: "+name=value,-name" (17).
func (a *Admin) SetTopic(ctx context.Context, addr string, h *protocol.CreateTopicHeader) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateTopic, h, nil)
	return err
}

// DropTopic deletes a topic at the broker (215) and leaves the NameServers to [Admin.ForgetTopic].
func (a *Admin) DropTopic(ctx context.Context, addr, topic string) error {
	_, err := a.call(ctx, addr, protocol.ReqDeleteTopicInBroker, &protocol.TopicHeader{Topic: topic}, nil)
	return err
}

// ForgetTopic takes the routes of a topic away from every NameServer (216); cluster "" means those of all clusters.
func (a *Admin) ForgetTopic(ctx context.Context, cluster, topic string) error {
	return a.everyNameServer(ctx, protocol.ReqDeleteTopicInNamesrv, &protocol.DeleteTopicInNamesrvHeader{Topic: topic, ClusterName: cluster})
}

// GroupTable is the configuration of all groups (201).
func (a *Admin) GroupTable(ctx context.Context, addr string) (protocol.SubscriptionGroupTable, error) {
	var out protocol.SubscriptionGroupTable
	err := a.ask(ctx, addr, protocol.ReqGetAllSubscriptionGroupConfig, nil, &out)
	return out, err
}

// SetGroup makes or changes a group (200).
func (a *Admin) SetGroup(ctx context.Context, addr string, c protocol.SubscriptionGroupConfig) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateSubscriptionGroup, nil, protocol.MarshalBody(c))
	return err
}

// DropGroup deletes a group at the broker, with its offsets if told so (207).
func (a *Admin) DropGroup(ctx context.Context, addr, group string, offsets bool) error {
	_, err := a.call(ctx, addr, protocol.ReqDeleteSubscriptionGroup, &protocol.DeleteGroupHeader{GroupName: group, CleanOffset: offsets}, nil)
	return err
}

// SetRequestMode says whether a group pulls or pops a topic (401).
func (a *Admin) SetRequestMode(ctx context.Context, addr string, m protocol.RequestMode) error {
	_, err := a.call(ctx, addr, protocol.ReqSetMessageRequestMode, nil, protocol.MarshalBody(m))
	return err
}

// ConsumerConnection says who consumes with a group and what it subscribes to (203). Nobody is [cluster.ErrNotFound].
func (a *Admin) ConsumerConnection(ctx context.Context, addr, group string) (protocol.ConsumerConnection, error) {
	var out protocol.ConsumerConnection
	err := a.ask(ctx, addr, protocol.ReqGetConsumerConnectionList, &protocol.ConsumerGroupHeader{ConsumerGroup: group}, &out)
	return out, err
}

// ProducerConnection says who produces with a group (204).
func (a *Admin) ProducerConnection(ctx context.Context, addr, group string) (protocol.ProducerConnection, error) {
	var out protocol.ProducerConnection
	err := a.ask(ctx, addr, protocol.ReqGetProducerConnectionList, &protocol.ProducerGroupHeader{ProducerGroup: group}, &out)
	return out, err
}

// RunningInfo is what a member of a group says of itself, in the text of its own language's client, which is fastjson's (307): see
// [protocol.UnmarshalBody]. With stack its threads or goroutines are in it.
func (a *Admin) RunningInfo(ctx context.Context, addr, group, clientID string, stack bool) ([]byte, error) {
	answer, err := a.call(ctx, addr, protocol.ReqGetConsumerRunningInfo, &protocol.RunningInfoHeader{ConsumerGroup: group, ClientID: clientID, Jstack: stack}, nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// ConsumeDirectly has a member handle a message now and says what came of it (309).
func (a *Admin) ConsumeDirectly(ctx context.Context, addr string, h *protocol.ConsumeDirectlyHeader) (running.Direct, error) {
	var out running.Direct
	err := a.ask(ctx, addr, protocol.ReqConsumeMessageDirectly, h, &out)
	return out, err
}

// ConsumeStats is where a group stands in a topic, or with "" in all that it has offsets in (208).
func (a *Admin) ConsumeStats(ctx context.Context, addr, group, topic string) (protocol.ConsumeStats, error) {
	var out protocol.ConsumeStats
	err := a.ask(ctx, addr, protocol.ReqGetConsumeStats, &protocol.ConsumeStatsHeader{ConsumerGroup: group, Topic: topic}, &out)
	return out, err
}

// ConsumerOffsets asks a group's members how far they have come (223), "" for all of them.
func (a *Admin) ConsumerOffsets(ctx context.Context, addr string, h *protocol.ConsumerStatusHeader) (protocol.ConsumerStatus, error) {
	var out protocol.ConsumerStatus
	err := a.ask(ctx, addr, protocol.ReqInvokeBrokerToGetConsumerStatus, h, &out)
	return out, err
}

// CommitOffset writes a group's offset in one queue, without a word to its members (15).
func (a *Admin) CommitOffset(ctx context.Context, addr string, h *protocol.UpdateConsumerOffsetHeader) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateConsumerOffset, h, nil)
	return err
}

// ResetOffsets has the broker move a group and returns where it is then (222); [Admin.Reset] does so on all brokers.
func (a *Admin) ResetOffsets(ctx context.Context, addr string, h *protocol.ResetOffsetHeader) (map[Queue]int64, error) {
	var out protocol.ResetOffset
	err := a.ask(ctx, addr, protocol.ReqInvokeBrokerToResetOffset, h, &out)
	return out.OffsetTable, err
}

// SearchOffset is the offset of the first message of a queue that was stored at the time or later (29).
func (a *Admin) SearchOffset(ctx context.Context, addr string, h *protocol.SearchOffsetHeader) (int64, error) {
	answer, err := a.call(ctx, addr, protocol.ReqSearchOffsetByTimestamp, h, nil)
	if err != nil {
		return 0, err
	}
	var r protocol.OffsetResponseHeader
	if err := r.Decode(answer.Fields); err != nil {
		return 0, fmt.Errorf("admin: answer of %s to request %d: %w", addr, protocol.ReqSearchOffsetByTimestamp, err)
	}
	return r.Offset, nil
}
