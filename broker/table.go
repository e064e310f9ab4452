package broker

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// request is one row of the table of everything that the broker answers.
type request struct {
	code   int32
	name   string
	handle remoting.Handler
}

// requests is that table. A code that is not in it is answered with 3 by the mux.
func (b *Broker) requests() []request {
	return append(b.administered(), []request{
		{protocol.ReqSendMessage, "SEND_MESSAGE", b.handleSend},
		{protocol.ReqSendMessageV2, "SEND_MESSAGE_V2", b.handleSend},
		{protocol.ReqSendBatchMessage, "SEND_BATCH_MESSAGE", b.handleSend},
		{protocol.ReqConsumerSendMsgBack, "CONSUMER_SEND_MSG_BACK", b.handleSendBack},
		{protocol.ReqRecallMessage, "RECALL_MESSAGE", b.handleRecall},
		{protocol.ReqSendReplyMessage, "SEND_REPLY_MESSAGE", b.handleReply},
		{protocol.ReqSendReplyMessageV2, "SEND_REPLY_MESSAGE_V2", b.handleReply},
		{protocol.ReqEndTransaction, "END_TRANSACTION", b.handleEndTransaction},
		{protocol.ReqResumeCheckHalfMessage, "RESUME_CHECK_HALF_MESSAGE", b.handleResumeCheck},

		{protocol.ReqPullMessage, "PULL_MESSAGE", b.handlePull},
		{protocol.ReqLitePullMessage, "LITE_PULL_MESSAGE", b.handlePull},
		{protocol.ReqQueryMessage, "QUERY_MESSAGE", b.handleQuery},
		{protocol.ReqViewMessageByID, "VIEW_MESSAGE_BY_ID", b.handleView},

		{protocol.ReqQueryConsumerOffset, "QUERY_CONSUMER_OFFSET", b.handleQueryOffset},
		{protocol.ReqUpdateConsumerOffset, "UPDATE_CONSUMER_OFFSET", b.handleUpdateOffset},
		{protocol.ReqSearchOffsetByTimestamp, "SEARCH_OFFSET_BY_TIMESTAMP", b.handleSearchOffset},
		{protocol.ReqGetMaxOffset, "GET_MAX_OFFSET", b.handleMaxOffset},
		{protocol.ReqGetMinOffset, "GET_MIN_OFFSET", b.handleMinOffset},
		{protocol.ReqGetEarliestMsgStoreTime, "GET_EARLIEST_MSG_STORETIME", b.handleEarliestTime},
		{protocol.ReqInvokeBrokerToResetOffset, "INVOKE_BROKER_TO_RESET_OFFSET", b.handleReset},
		{protocol.ReqInvokeBrokerToGetConsumerStatus, "INVOKE_BROKER_TO_GET_CONSUMER_STATUS", b.handleConsumerStatus},
		{protocol.ReqCloneGroupOffset, "CLONE_GROUP_OFFSET", b.handleCloneOffsets},
		{protocol.ReqLockBatchMQ, "LOCK_BATCH_MQ", b.handleLock},
		{protocol.ReqUnlockBatchMQ, "UNLOCK_BATCH_MQ", b.handleUnlock},

		{protocol.ReqPopMessage, "POP_MESSAGE", b.pops.HandlePop},
		{protocol.ReqPopLiteMessage, "POP_LITE_MESSAGE", b.pops.HandlePopLite},
		{protocol.ReqLiteSubscriptionCtl, "LITE_SUBSCRIPTION_CTL", b.handleLiteSubscriptions},
		{protocol.ReqAckMessage, "ACK_MESSAGE", b.pops.HandleAck},
		{protocol.ReqBatchAckMessage, "BATCH_ACK_MESSAGE", b.pops.HandleBatchAck},
		{protocol.ReqChangeMessageInvisibleTime, "CHANGE_MESSAGE_INVISIBLETIME", b.pops.HandleChangeInvisible},
		{protocol.ReqNotification, "NOTIFICATION", b.pops.HandleNotification},
		{protocol.ReqPollingInfo, "POLLING_INFO", b.pops.HandlePollingInfo},
		{protocol.ReqPeekMessage, "PEEK_MESSAGE", b.pops.HandlePeek},
		{protocol.ReqQueryAssignment, "QUERY_ASSIGNMENT", b.pops.HandleQueryAssignment},
		{protocol.ReqSetMessageRequestMode, "SET_MESSAGE_REQUEST_MODE", b.pops.HandleSetRequestMode},

		{protocol.ReqHeartBeat, "HEART_BEAT", b.handleHeartbeat},
		{protocol.ReqUnregisterClient, "UNREGISTER_CLIENT", b.handleUnregister},
		{protocol.ReqCheckClientConfig, "CHECK_CLIENT_CONFIG", b.handleCheckClient},
		{protocol.ReqGetConsumerListByGroup, "GET_CONSUMER_LIST_BY_GROUP", b.handleMembers},
		{protocol.ReqGetConsumerConnectionList, "GET_CONSUMER_CONNECTION_LIST", b.handleConsumerConnections},
		{protocol.ReqGetProducerConnectionList, "GET_PRODUCER_CONNECTION_LIST", b.handleProducerConnections},
		{protocol.ReqQueryTopicConsumeByWho, "QUERY_TOPIC_CONSUME_BY_WHO", b.handleConsumersOf},
		{protocol.ReqGetConsumerRunningInfo, "GET_CONSUMER_RUNNING_INFO", b.handleRunningInfo},
		{protocol.ReqConsumeMessageDirectly, "CONSUME_MESSAGE_DIRECTLY", b.handleConsumeDirectly},

		{protocol.ReqUpdateAndCreateTopic, "UPDATE_AND_CREATE_TOPIC", b.handlePutTopic},
		{protocol.ReqDeleteTopicInBroker, "DELETE_TOPIC_IN_BROKER", b.handleDeleteTopic},
		{protocol.ReqGetAllTopicConfig, "GET_ALL_TOPIC_CONFIG", b.handleAllTopics},
		{protocol.ReqGetTopicConfig, "GET_TOPIC_CONFIG", b.handleGetTopic},
		{protocol.ReqGetSystemTopicListFromBroker, "GET_SYSTEM_TOPIC_LIST_FROM_BROKER", b.handleSystemTopics},
		{protocol.ReqGetTopicStatsInfo, "GET_TOPIC_STATS_INFO", b.handleTopicStats},
		{protocol.ReqUpdateAndCreateSubscriptionGroup, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", b.handlePutGroup},
		{protocol.ReqDeleteSubscriptionGroup, "DELETE_SUBSCRIPTIONGROUP", b.handleDeleteGroup},
		{protocol.ReqGetAllSubscriptionGroupConfig, "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", b.handleAllGroups},
		{protocol.ReqGetSubscriptionGroupConfig, "GET_SUBSCRIPTIONGROUP_CONFIG", b.handleGetGroup},
		{protocol.ReqGetConsumeStats, "GET_CONSUME_STATS", b.handleConsumeStats},

		{protocol.ReqUpdateBrokerConfig, "UPDATE_BROKER_CONFIG", b.desk.HandleChangeConfig},
		{protocol.ReqGetBrokerConfig, "GET_BROKER_CONFIG", b.desk.HandleConfig},
		{protocol.ReqGetBrokerRuntimeInfo, "GET_BROKER_RUNTIME_INFO", b.desk.HandleRuntime},
		{protocol.ReqViewBrokerStatsData, "VIEW_BROKER_STATS_DATA", b.desk.HandleStatistics},
		{protocol.ReqGetBrokerConsumeStats, "GET_BROKER_CONSUME_STATS", b.desk.HandleConsumeStats},
		{protocol.ReqQueryConsumeTimeSpan, "QUERY_CONSUME_TIME_SPAN", b.desk.HandleTimeSpan},
		{protocol.ReqGetTimerCheckPoint, "GET_TIMER_CHECK_POINT", b.desk.HandleTimerCheckPoint},
		{protocol.ReqGetTimerMetrics, "GET_TIMER_METRICS", b.desk.HandleTimerMetrics},
		{protocol.ReqCleanExpiredConsumeQueue, "CLEAN_EXPIRED_CONSUMEQUEUE", b.desk.HandleNothingToDo},
		{protocol.ReqCleanUnusedTopic, "CLEAN_UNUSED_TOPIC", b.desk.HandleNothingToDo},
		{protocol.ReqDeleteExpiredCommitLog, "DELETE_EXPIRED_COMMITLOG", b.desk.HandleDeleteExpired},
		{protocol.ReqGetBrokerHAStatus, "GET_BROKER_HA_STATUS", b.desk.HandleReplication},
		{protocol.ReqResetMasterFlushOffset, "RESET_MASTER_FLUSH_OFFSET", b.desk.HandleNothingToDo},
		{protocol.ReqGetBrokerEpochCache, "GET_BROKER_EPOCH_CACHE", b.desk.HandleEpochs},
		{protocol.ReqUpdateColdDataFlowCtrConfig, "UPDATE_COLD_DATA_FLOW_CTR_CONFIG", b.desk.HandleColdUpdate},
		{protocol.ReqRemoveColdDataFlowCtrConfig, "REMOVE_COLD_DATA_FLOW_CTR_CONFIG", b.desk.HandleColdRemove},
		{protocol.ReqGetColdDataFlowCtrInfo, "GET_COLD_DATA_FLOW_CTR_INFO", b.desk.HandleCold},
		{protocol.ReqSetCommitLogReadMode, "SET_COMMITLOG_READ_MODE", b.desk.HandleReadMode},
	}...)
}

// administered are its rows of requests that are served apart from this package.
func (b *Broker) administered() []request {
	return []request{
		{protocol.ReqUpdateAndCreateTopicList, "UPDATE_AND_CREATE_TOPIC_LIST", b.apart(b.putTopics)},
		{protocol.ReqDeleteTopicInBrokerList, "DELETE_TOPIC_IN_BROKER_LIST", b.apart(b.deleteTopics)},
		{protocol.ReqUpdateAndCreateSubscriptionGroupList, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", b.apart(b.putGroups)},
		{protocol.ReqDeleteSubscriptionGroupList, "DELETE_SUBSCRIPTION_GROUP_LIST", b.apart(b.deleteGroups)},
		{protocol.ReqUpdateAndCreateStaticTopic, "UPDATE_AND_CREATE_STATIC_TOPIC", b.apart(b.manage.StaticTopic)},
		{protocol.ReqGetAllConsumerOffset, "GET_ALL_CONSUMER_OFFSET", b.apart(b.manage.AllOffsets)},
		{protocol.ReqGetAllDelayOffset, "GET_ALL_DELAY_OFFSET", b.apart(b.manage.AllDelayOffsets)},
		{protocol.ReqGetAllMessageRequestMode, "GET_ALL_MESSAGE_REQUEST_MODE", b.apart(b.manage.AllRequestModes)},
		{protocol.ReqQueryCorrectionOffset, "QUERY_CORRECTION_OFFSET", b.apart(b.manage.CorrectionOffsets)},
		{protocol.ReqQueryConsumeQueue, "QUERY_CONSUME_QUEUE", b.apart(b.manage.ConsumeQueue)},
		{protocol.ReqCheckRocksDBCQWriteProgress, "CHECK_ROCKSDB_CQ_WRITE_PROGRESS", b.apart(b.manage.RocksDBProgress)},
		{protocol.ReqExportRocksDBConfigToJSON, "EXPORT_ROCKSDB_CONFIG_TO_JSON", b.apart(b.manage.RocksDBExport)},
		{protocol.ReqPopRollback, "POP_ROLLBACK", b.apart(b.manage.PopRollback)},
		{protocol.ReqSwitchTimerEngine, "SWITCH_TIMER_ENGINE", b.apart(b.manage.SwitchTimers)},
		{protocol.ReqGetAllProducerInfo, "GET_ALL_PRODUCER_INFO", b.apart(b.manage.Producers)},
		{protocol.ReqQueryTopicsByConsumer, "QUERY_TOPICS_BY_CONSUMER", b.apart(b.manage.TopicsOf)},
		{protocol.ReqQuerySubscriptionByConsumer, "QUERY_SUBSCRIPTION_BY_CONSUMER", b.apart(b.manage.SubscriptionOf)},
		{protocol.ReqUpdateAndGetGroupForbidden, "UPDATE_AND_GET_GROUP_FORBIDDEN", b.apart(b.manage.Forbidden)},

		{protocol.ReqAuthCreateUser, "AUTH_CREATE_USER", b.apart(b.accounts.CreateUser)},
		{protocol.ReqAuthUpdateUser, "AUTH_UPDATE_USER", b.apart(b.accounts.UpdateUser)},
		{protocol.ReqAuthDeleteUser, "AUTH_DELETE_USER", b.apart(b.accounts.DeleteUser)},
		{protocol.ReqAuthGetUser, "AUTH_GET_USER", b.apart(b.accounts.GetUser)},
		{protocol.ReqAuthListUser, "AUTH_LIST_USER", b.apart(b.accounts.ListUsers)},
		{protocol.ReqAuthCreateACL, "AUTH_CREATE_ACL", b.apart(b.accounts.PutACL)},
		{protocol.ReqAuthUpdateACL, "AUTH_UPDATE_ACL", b.apart(b.accounts.PutACL)},
		{protocol.ReqAuthDeleteACL, "AUTH_DELETE_ACL", b.apart(b.accounts.DeleteACL)},
		{protocol.ReqAuthGetACL, "AUTH_GET_ACL", b.apart(b.accounts.GetACL)},
		{protocol.ReqAuthListACL, "AUTH_LIST_ACL", b.apart(b.accounts.ListACLs)},

		{protocol.ReqGetBrokerLiteInfo, "GET_BROKER_LITE_INFO", b.apart(b.liteInfo.Broker)},
		{protocol.ReqGetParentTopicInfo, "GET_PARENT_TOPIC_INFO", b.apart(b.liteInfo.Parent)},
		{protocol.ReqGetLiteTopicInfo, "GET_LITE_TOPIC_INFO", b.apart(b.liteInfo.Topic)},
		{protocol.ReqGetLiteClientInfo, "GET_LITE_CLIENT_INFO", b.apart(b.liteInfo.Client)},
		{protocol.ReqGetLiteGroupInfo, "GET_LITE_GROUP_INFO", b.apart(b.liteInfo.Group)},
		{protocol.ReqTriggerLiteDispatch, "TRIGGER_LITE_DISPATCH", b.apart(b.liteInfo.Dispatch)},
	}
}
