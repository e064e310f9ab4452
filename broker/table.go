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
	return []request{
		{protocol.ReqSendMessage, "SEND_MESSAGE", b.handleSend},
		{protocol.ReqSendMessageV2, "SEND_MESSAGE_V2", b.handleSend},
		{protocol.ReqSendBatchMessage, "SEND_BATCH_MESSAGE", b.handleSend},
		{protocol.ReqConsumerSendMsgBack, "CONSUMER_SEND_MSG_BACK", b.handleSendBack},
		{protocol.ReqEndTransaction, "END_TRANSACTION", b.handleEndTransaction},

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
		{protocol.ReqLockBatchMQ, "LOCK_BATCH_MQ", b.handleLock},
		{protocol.ReqUnlockBatchMQ, "UNLOCK_BATCH_MQ", b.handleUnlock},

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

		{protocol.ReqGetBrokerRuntimeInfo, "GET_BROKER_RUNTIME_INFO", b.handleRuntimeInfo},
		{protocol.ReqGetBrokerConfig, "GET_BROKER_CONFIG", b.handleConfig},
	}
}
