package mqadmin

import "context"

// runs are what the commands of package command do, by name.
func runs() map[string]func(ctx context.Context, c *call) error {
	return map[string]func(ctx context.Context, c *call) error{
		"addWritePerm": addWritePerm, "allocateMQ": allocateMQ, "brokerConsumeStats": brokerConsumeStats, "brokerStatus": brokerStatus,
		"checkMsgSendRT": checkMsgSendRT, "cleanExpiredCQ": cleanExpiredCQ, "cleanUnusedTopic": cleanUnusedTopic, "cloneGroupOffset": cloneGroupOffset,
		"clusterList": clusterList, "clusterRT": clusterRT, "consumeMessage": consumeMessage, "consumerConnection": consumerConnection,
		"consumerProgress": consumerProgress, "consumerStatus": consumerStatus, "DecodeMessageId": decodeMessageID,
		"deleteExpiredCommitLog": deleteExpiredCommitLog, "deleteKvConfig": deleteKvConfig, "deleteSubGroup": deleteSubGroup, "deleteTopic": deleteTopic,
		"exportConfigs": exportConfigs, "exportMetadata": exportMetadata, "exportMetrics": exportMetrics, "getBrokerConfig": getBrokerConfig,
		"getColdDataFlowCtrInfo": getColdDataFlowCtrInfo, "getConsumerConfig": getConsumerConfig, "getConsumerStatus": getConsumerStatus,
		"getNamesrvConfig": getNamesrvConfig, "haStatus": haStatus, "printMsg": printMsg, "printMsgByQueue": printMsgByQueue,
		"producerConnection": producerConnection, "queryMsgById": queryMsgByID, "queryMsgByKey": queryMsgByKey, "queryMsgByOffset": queryMsgByOffset,
		"queryMsgByUniqueKey": queryMsgByUniqueKey, "queryMsgTraceById": queryMsgTraceByID,
		"removeColdDataFlowCtrGroupConfig": removeColdDataFlowCtrGroupConfig, "resetOffsetByTime": resetOffsetByTime,
		"resetOffsetByTimeOld": resetOffsetByTime, "sendMessage": sendMessage, "sendMsgStatus": sendMsgStatus,
		"setCommitLogReadAheadMode": setCommitLogReadAheadMode, "setConsumeMode": setConsumeMode, "skipAccumulatedMessage": skipAccumulatedMessage,
		"startMonitoring": startMonitoring, "statsAll": statsAll, "topicClusterList": topicClusterList, "topicList": topicList, "topicRoute": topicRoute,
		"topicStatus": topicStatus, "updateBrokerConfig": updateBrokerConfig, "updateColdDataFlowCtrGroupConfig": updateColdDataFlowCtrGroupConfig,
		"updateKvConfig": updateKvConfig, "updateNamesrvConfig": updateNamesrvConfig, "updateOrderConf": updateOrderConf, "updateSubGroup": updateSubGroup,
		"updateTopic": updateTopic, "updateTopicPerm": updateTopicPerm, "wipeWritePerm": wipeWritePerm,
		"copyAcl": copyACL, "copyUser": copyUser, "createAcl": createACL, "createUser": createUser, "deleteAcl": deleteACL, "deleteUser": deleteUser,
		"getAcl": getACL, "getBrokerLiteInfo": getBrokerLiteInfo, "getLiteClientInfo": getLiteClientInfo, "getLiteGroupInfo": getLiteGroupInfo,
		"getLiteTopicInfo": getLiteTopicInfo, "getParentTopicInfo": getParentTopicInfo, "getUser": getUser, "listAcl": listACL, "listUser": listUser,
		"producer": producer, "queryCq": queryCq, "remappingStaticTopic": remappingStaticTopic, "triggerLiteDispatch": triggerLiteDispatch, "updateAcl": updateACL,
		"updateStaticTopic": updateStaticTopic, "updateSubGroupList": updateSubGroupList, "updateTopicList": updateTopicList, "updateUser": updateUser,
	}
}
