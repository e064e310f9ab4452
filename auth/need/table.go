package need

import (
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/protocol"
)

func pub() []string       { return []string{decide.Pub} }
func sub() []string       { return []string{decide.Sub} }
func create() []string    { return []string{decide.Create} }
func update() []string    { return []string{decide.Update} }
func remove() []string    { return []string{decide.Delete} }
func get() []string       { return []string{decide.Get} }
func list() []string      { return []string{decide.List, decide.Get} }
func subOrGet() []string  { return []string{decide.Sub, decide.Get} }
func makeGroup() []string { return []string{decide.Create, decide.Update} }

func topic(name string) field  { return field{kind: decide.Topic, name: name} }
func group(name string) field  { return field{kind: decide.Group, name: name} }
func inCluster(n string) field { return field{kind: decide.Cluster, name: n} }

// of is a row about what header fields name.
func of(actions []string, fields ...field) row { return row{actions: actions, fields: fields} }

// whole is a row about the cluster.
func whole(actions []string) row { return row{actions: actions} }

// from is a row about what read finds.
func from(actions []string, read func(f *protocol.Frame, w *wants) error) row {
	return row{actions: actions, read: read}
}

func maybe(r row) row {
	r.optional = true
	return r
}

// messages are the rows of what producers and consumers do.
func messages() map[int32]row {
	both := []field{group("consumerGroup"), topic("topic")}
	return map[int32]row{
		protocol.ReqSendMessage:         from(pub(), sendTo("topic")),
		protocol.ReqSendMessageV2:       from(pub(), sendTo("b")),
		protocol.ReqSendBatchMessage:    from(pub(), sendTo("b")),
		protocol.ReqSendReplyMessage:    from(pub(), sendTo("topic")),
		protocol.ReqSendReplyMessageV2:  from(pub(), sendTo("b")),
		protocol.ReqConsumerSendMsgBack: of(sub(), group("group")),
		protocol.ReqRecallMessage:       of(pub(), topic("topic")),
		protocol.ReqEndTransaction:      maybe(from(pub(), ended)),

		protocol.ReqPullMessage:                of(sub(), topic("topic"), group("consumerGroup")),
		protocol.ReqLitePullMessage:            of(sub(), topic("topic"), group("consumerGroup")),
		protocol.ReqPopMessage:                 of(sub(), both...),
		protocol.ReqPopLiteMessage:             of(sub(), both...),
		protocol.ReqAckMessage:                 of(sub(), both...),
		protocol.ReqBatchAckMessage:            from(sub(), batchAck),
		protocol.ReqChangeMessageInvisibleTime: of(sub(), both...),
		protocol.ReqNotification:               of(sub(), both...),
		protocol.ReqPollingInfo:                of(get(), both...),
		protocol.ReqPeekMessage:                of(sub(), both...),
		protocol.ReqQueryAssignment:            from(sub(), assignment),
		protocol.ReqSetMessageRequestMode:      from(update(), requestMode),
		protocol.ReqLiteSubscriptionCtl:        maybe(from(sub(), liteSubscriptions)),

		protocol.ReqHeartBeat:              maybe(from(sub(), heartbeat)),
		protocol.ReqUnregisterClient:       maybe(of(sub(), group("consumerGroup"))),
		protocol.ReqCheckClientConfig:      {any: true},
		protocol.ReqGetConsumerListByGroup: of(subOrGet(), group("consumerGroup")),
		protocol.ReqLockBatchMQ:            from(sub(), lock),
		protocol.ReqUnlockBatchMQ:          from(sub(), lock),

		protocol.ReqQueryMessage:             of(subOrGet(), topic("topic")),
		protocol.ReqViewMessageByID:          of(get(), topic("topic")),
		protocol.ReqConsumeMessageDirectly:   of(sub(), group("consumerGroup"), topic("topic")),
		protocol.ReqResumeCheckHalfMessage:   of(update(), topic("topic")),
		protocol.ReqPopRollback:              whole(update()),
		protocol.ReqGetAllMessageRequestMode: whole(get()),
	}
}

// offsets are the rows of where queues end and groups stand.
func offsets() map[int32]row {
	moved := []string{decide.Sub, decide.Update}
	return map[int32]row{
		protocol.ReqQueryConsumerOffset:             of(subOrGet(), topic("topic"), group("consumerGroup")),
		protocol.ReqUpdateConsumerOffset:            of(moved, topic("topic"), group("consumerGroup")),
		protocol.ReqSearchOffsetByTimestamp:         of(get(), topic("topic")),
		protocol.ReqGetMaxOffset:                    of(get(), topic("topic")),
		protocol.ReqGetMinOffset:                    of(get(), topic("topic")),
		protocol.ReqGetEarliestMsgStoreTime:         of(get(), topic("topic")),
		protocol.ReqInvokeBrokerToResetOffset:       of(update(), group("group"), topic("topic")),
		protocol.ReqInvokeBrokerToGetConsumerStatus: of(get(), topic("topic"), group("group")),
		protocol.ReqCloneGroupOffset:                of(update(), group("destGroup"), topic("topic")),
		protocol.ReqQueryCorrectionOffset:           of(get(), field{kind: decide.Group, name: "filterGroups", sep: ","}, group("compareGroup"), topic("topic")),
		protocol.ReqGetConsumeStats:                 of(get(), group("consumerGroup"), topic("topic"), field{kind: decide.Topic, name: "topicList", sep: ";"}),
		protocol.ReqQueryConsumeQueue:               of(get(), topic("topic"), group("consumerGroup")),
		protocol.ReqQueryConsumeTimeSpan:            of(get(), topic("topic"), group("group")),
		protocol.ReqGetAllConsumerOffset:            whole(get()),
		protocol.ReqGetAllDelayOffset:               whole(get()),
	}
}

// topicsAndGroups are the rows of their settings, and of who is connected.
func topicsAndGroups() map[int32]row {
	return map[int32]row{
		protocol.ReqUpdateAndCreateTopic:         of(create(), topic("topic")),
		protocol.ReqUpdateAndCreateTopicList:     from(create(), topicConfigs),
		protocol.ReqUpdateAndCreateStaticTopic:   of(create(), topic("topic")),
		protocol.ReqDeleteTopicInBroker:          of(remove(), topic("topic")),
		protocol.ReqDeleteTopicInBrokerList:      from(remove(), topicNames),
		protocol.ReqGetTopicConfig:               of(get(), topic("topic")),
		protocol.ReqGetTopicStatsInfo:            of(get(), topic("topic")),
		protocol.ReqGetAllTopicConfig:            whole(list()),
		protocol.ReqGetSystemTopicListFromBroker: {any: true},
		protocol.ReqCheckRocksDBCQWriteProgress:  of(get(), topic("topic")),

		protocol.ReqUpdateAndCreateSubscriptionGroup:     from(makeGroup(), groupConfig),
		protocol.ReqUpdateAndCreateSubscriptionGroupList: from(makeGroup(), groupConfigs),
		protocol.ReqDeleteSubscriptionGroup:              of(remove(), group("groupName")),
		protocol.ReqDeleteSubscriptionGroupList:          from(remove(), groupNames),
		protocol.ReqGetSubscriptionGroupConfig:           of(get(), group("group")),
		protocol.ReqGetAllSubscriptionGroupConfig:        whole(list()),
		protocol.ReqUpdateAndGetGroupForbidden:           of(update(), group("group"), topic("topic")),

		protocol.ReqGetConsumerConnectionList:   of(get(), group("consumerGroup")),
		protocol.ReqGetConsumerRunningInfo:      of(get(), group("consumerGroup")),
		protocol.ReqGetProducerConnectionList:   whole(get()),
		protocol.ReqGetAllProducerInfo:          whole(get()),
		protocol.ReqQueryTopicConsumeByWho:      of(get(), topic("topic")),
		protocol.ReqQueryTopicsByConsumer:       of(get(), group("group")),
		protocol.ReqQuerySubscriptionByConsumer: of(get(), group("group"), topic("topic")),

		protocol.ReqGetBrokerLiteInfo:   whole(get()),
		protocol.ReqGetParentTopicInfo:  of(get(), topic("topic")),
		protocol.ReqGetLiteTopicInfo:    of(get(), topic("parentTopic")),
		protocol.ReqGetLiteClientInfo:   of(get(), group("group"), topic("parentTopic")),
		protocol.ReqGetLiteGroupInfo:    of(get(), group("group")),
		protocol.ReqTriggerLiteDispatch: of(update(), group("group")),
	}
}

// brokers are the rows about a broker as a whole, and those about users.
func brokers() map[int32]row {
	out := map[int32]row{}
	for _, code := range []int32{protocol.ReqUpdateBrokerConfig, protocol.ReqCleanExpiredConsumeQueue, protocol.ReqCleanUnusedTopic, protocol.ReqDeleteExpiredCommitLog,
		protocol.ReqResetMasterFlushOffset, protocol.ReqUpdateColdDataFlowCtrConfig, protocol.ReqRemoveColdDataFlowCtrConfig, protocol.ReqSetCommitLogReadMode,
		protocol.ReqSwitchTimerEngine, protocol.ReqAuthCreateUser, protocol.ReqAuthUpdateUser, protocol.ReqAuthDeleteUser, protocol.ReqAuthCreateACL,
		// These two show passwords: who may read them is everybody, and could make users as well.
		protocol.ReqAuthGetUser, protocol.ReqAuthListUser,
		protocol.ReqAuthUpdateACL, protocol.ReqAuthDeleteACL} {
		out[code] = whole(update())
	}
	for _, code := range []int32{protocol.ReqGetBrokerConfig, protocol.ReqGetBrokerRuntimeInfo, protocol.ReqViewBrokerStatsData, protocol.ReqGetBrokerConsumeStats,
		protocol.ReqGetTimerCheckPoint, protocol.ReqGetTimerMetrics, protocol.ReqGetBrokerHAStatus, protocol.ReqGetBrokerEpochCache, protocol.ReqGetColdDataFlowCtrInfo,
		protocol.ReqExportRocksDBConfigToJSON, protocol.ReqAuthGetACL, protocol.ReqAuthListACL} {
		out[code] = whole(get())
	}
	return out
}

// nameServers are the rows of what NameServers serve.
func nameServers() map[int32]row {
	return map[int32]row{
		protocol.ReqGetRouteInfoByTopic:  {free: true},
		protocol.ReqGetBrokerClusterInfo: {any: true},

		protocol.ReqRegisterBroker:       of(update(), inCluster("clusterName")),
		protocol.ReqUnregisterBroker:     of(update(), inCluster("clusterName")),
		protocol.ReqBrokerHeartbeat:      of(update(), inCluster("clusterName")),
		protocol.ReqQueryDataVersion:     of(get(), inCluster("clusterName")),
		protocol.ReqGetBrokerMemberGroup: of(get(), inCluster("clusterName")),

		protocol.ReqPutKVConfig:            whole(update()),
		protocol.ReqDeleteKVConfig:         whole(update()),
		protocol.ReqGetKVConfig:            whole(get()),
		protocol.ReqGetKVListByNamespace:   whole(get()),
		protocol.ReqWipeWritePermOfBroker:  whole(update()),
		protocol.ReqAddWritePermOfBroker:   whole(update()),
		protocol.ReqDeleteTopicInNamesrv:   of(update(), inCluster("clusterName")),
		protocol.ReqRegisterTopicInNamesrv: whole(update()),
		protocol.ReqUpdateNamesrvConfig:    whole(update()),
		protocol.ReqGetNamesrvConfig:       whole(get()),

		protocol.ReqGetAllTopicListFromNameServer: whole(list()),
		protocol.ReqGetTopicsByCluster:            whole(list()),
		protocol.ReqGetSystemTopicListFromNS:      {any: true},
		protocol.ReqGetUnitTopicList:              whole(list()),
		protocol.ReqGetHasUnitSubTopicList:        whole(list()),
		protocol.ReqGetHasUnitSubUnUnitTopicList:  whole(list()),
	}
}
