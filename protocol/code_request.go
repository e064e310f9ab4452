package protocol

// Request codes: all of RocketMQ 5.5.0, by family. The names are its RequestCode in CamelCase; headers and answers are described
// at the types in the header_*.go and body_*.go files. A code that nothing handles is answered with [ResRequestCodeNotSupported].

// Messages and consumers.
const (
	ReqSendMessage              = 10
	ReqPullMessage              = 11
	ReqQueryMessage             = 12
	ReqQueryBrokerOffset        = 13
	ReqQueryConsumerOffset      = 14
	ReqUpdateConsumerOffset     = 15
	ReqUpdateAndCreateTopic     = 17
	ReqUpdateAndCreateTopicList = 18
	ReqGetAllTopicConfig        = 21
	ReqGetTopicConfigList       = 22
	ReqGetTopicNameList         = 23
	ReqUpdateBrokerConfig       = 25
	ReqGetBrokerConfig          = 26
	ReqTriggerDeleteFiles       = 27
	ReqGetBrokerRuntimeInfo     = 28
	ReqSearchOffsetByTimestamp  = 29
	ReqGetMaxOffset             = 30
	ReqGetMinOffset             = 31
	ReqGetEarliestMsgStoreTime  = 32
	ReqViewMessageByID          = 33
	ReqHeartBeat                = 34
	ReqUnregisterClient         = 35
	ReqConsumerSendMsgBack      = 36
	ReqEndTransaction           = 37
	ReqGetConsumerListByGroup   = 38
	ReqCheckTransactionState    = 39
	ReqNotifyConsumerIDsChanged = 40
	ReqLockBatchMQ              = 41
	ReqUnlockBatchMQ            = 42
	ReqGetAllConsumerOffset     = 43
	ReqGetAllDelayOffset        = 45
	ReqCheckClientConfig        = 46
	ReqGetClientConfig          = 47
	ReqGetTimerCheckPoint       = 60
	ReqGetTimerMetrics          = 61
)

// The old access control commands of 4.x, answered as not supported.
const (
	ReqUpdateAndCreateACLConfig     = 50
	ReqDeleteACLConfig              = 51
	ReqGetBrokerClusterACLInfo      = 52
	ReqUpdateGlobalWhiteAddrsConfig = 53
	ReqGetBrokerClusterACLConfig    = 54
)

// NameServer, groups and statistics.
const (
	ReqPutKVConfig                          = 100
	ReqGetKVConfig                          = 101
	ReqDeleteKVConfig                       = 102
	ReqRegisterBroker                       = 103
	ReqUnregisterBroker                     = 104
	ReqGetRouteInfoByTopic                  = 105
	ReqGetBrokerClusterInfo                 = 106
	ReqUpdateAndCreateSubscriptionGroup     = 200
	ReqGetAllSubscriptionGroupConfig        = 201
	ReqGetTopicStatsInfo                    = 202
	ReqGetConsumerConnectionList            = 203
	ReqGetProducerConnectionList            = 204
	ReqWipeWritePermOfBroker                = 205
	ReqGetAllTopicListFromNameServer        = 206
	ReqDeleteSubscriptionGroup              = 207
	ReqGetConsumeStats                      = 208
	ReqSuspendConsumer                      = 209
	ReqResumeConsumer                       = 210
	ReqResetConsumerOffsetInConsumer        = 211
	ReqResetConsumerOffsetInBroker          = 212
	ReqAdjustConsumerThreadPool             = 213
	ReqWhoConsumeTheMessage                 = 214
	ReqDeleteTopicInBroker                  = 215
	ReqDeleteTopicInNamesrv                 = 216
	ReqRegisterTopicInNamesrv               = 217
	ReqGetKVListByNamespace                 = 219
	ReqResetConsumerClientOffset            = 220
	ReqGetConsumerStatusFromClient          = 221
	ReqInvokeBrokerToResetOffset            = 222
	ReqInvokeBrokerToGetConsumerStatus      = 223
	ReqGetTopicsByCluster                   = 224
	ReqUpdateAndCreateSubscriptionGroupList = 225
)

// Queries, callbacks and the second generation of sends.
const (
	ReqQueryTopicConsumeByWho       = 300
	ReqRegisterFilterServer         = 301
	ReqRegisterMessageFilterClass   = 302
	ReqQueryConsumeTimeSpan         = 303
	ReqGetSystemTopicListFromNS     = 304
	ReqGetSystemTopicListFromBroker = 305
	ReqCleanExpiredConsumeQueue     = 306
	ReqGetConsumerRunningInfo       = 307
	ReqQueryCorrectionOffset        = 308
	ReqConsumeMessageDirectly       = 309
	ReqSendMessageV2                = 310
	ReqGetUnitTopicList             = 311
	ReqGetHasUnitSubTopicList       = 312
	ReqGetHasUnitSubUnUnitTopicList = 313
	ReqCloneGroupOffset             = 314
	ReqViewBrokerStatsData          = 315
	ReqCleanUnusedTopic             = 316
	ReqGetBrokerConsumeStats        = 317
	ReqUpdateNamesrvConfig          = 318
	ReqGetNamesrvConfig             = 319
	ReqSendBatchMessage             = 320
	ReqQueryConsumeQueue            = 321
	ReqQueryDataVersion             = 322
	ReqResumeCheckHalfMessage       = 323
	ReqSendReplyMessage             = 324
	ReqSendReplyMessageV2           = 325
	ReqPushReplyMessageToClient     = 326
	ReqAddWritePermOfBroker         = 327
	ReqGetAllProducerInfo           = 328
	ReqDeleteExpiredCommitLog       = 329
	ReqQueryTopicsByConsumer        = 343
	ReqQuerySubscriptionByConsumer  = 345
	ReqGetTopicConfig               = 351
	ReqGetSubscriptionGroupConfig   = 352
	ReqUpdateAndGetGroupForbidden   = 353
	ReqCheckRocksDBCQWriteProgress  = 354
	ReqExportRocksDBConfigToJSON    = 355
	ReqLitePullMessage              = 361
	ReqRecallMessage                = 370
)

// Assignment and static topics.
const (
	ReqQueryAssignment            = 400
	ReqSetMessageRequestMode      = 401
	ReqGetAllMessageRequestMode   = 402
	ReqUpdateAndCreateStaticTopic = 513
)

// Broker groups and high availability.
const (
	ReqGetBrokerMemberGroup    = 901
	ReqAddBroker               = 902
	ReqRemoveBroker            = 903
	ReqBrokerHeartbeat         = 904
	ReqNotifyMinBrokerIDChange = 905
	ReqExchangeBrokerHAInfo    = 906
	ReqGetBrokerHAStatus       = 907
	ReqResetMasterFlushOffset  = 908
)

// Controller.
const (
	ReqControllerAlterSyncStateSet     = 1001
	ReqControllerElectMaster           = 1002
	ReqControllerRegisterBroker        = 1003
	ReqControllerGetReplicaInfo        = 1004
	ReqControllerGetMetadataInfo       = 1005
	ReqControllerGetSyncStateData      = 1006
	ReqGetBrokerEpochCache             = 1007
	ReqNotifyBrokerRoleChanged         = 1008
	ReqUpdateControllerConfig          = 1009
	ReqGetControllerConfig             = 1010
	ReqCleanBrokerData                 = 1011
	ReqControllerGetNextBrokerID       = 1012
	ReqControllerApplyBrokerID         = 1013
	ReqBrokerCloseChannelRequest       = 1014
	ReqCheckNotActiveBrokerRequest     = 1015
	ReqGetBrokerLiveInfoRequest        = 1016
	ReqGetSyncStateDataRequest         = 1017
	ReqRaftBrokerHeartBeatEventRequest = 1018
)

// Cold data and read mode.
const (
	ReqUpdateColdDataFlowCtrConfig = 2001
	ReqRemoveColdDataFlowCtrConfig = 2002
	ReqGetColdDataFlowCtrInfo      = 2003
	ReqSetCommitLogReadMode        = 2004
)

// Users and access control.
const (
	ReqAuthCreateUser = 3001
	ReqAuthUpdateUser = 3002
	ReqAuthDeleteUser = 3003
	ReqAuthGetUser    = 3004
	ReqAuthListUser   = 3005
	ReqAuthCreateACL  = 3006
	ReqAuthUpdateACL  = 3007
	ReqAuthDeleteACL  = 3008
	ReqAuthGetACL     = 3009
	ReqAuthListACL    = 3010
)

// The timer engine switch of 5.5, and two batch deletions that public re-implementations know and the 5.5.0 server does not.
const (
	ReqSwitchTimerEngine           = 5001
	ReqDeleteTopicInBrokerList     = 5002
	ReqDeleteSubscriptionGroupList = 5003
)

// Pop and light topics.
const (
	ReqPopMessage                 = 200050
	ReqAckMessage                 = 200051
	ReqPeekMessage                = 200052
	ReqChangeMessageInvisibleTime = 200053
	ReqNotification               = 200054
	ReqPollingInfo                = 200055
	ReqPopRollback                = 200056
	ReqPopLiteMessage             = 200070
	ReqLiteSubscriptionCtl        = 200071
	ReqAckLiteMessage             = 200072
	ReqNotifyUnsubscribeLite      = 200073
	ReqGetBrokerLiteInfo          = 200074
	ReqGetParentTopicInfo         = 200075
	ReqGetLiteTopicInfo           = 200076
	ReqGetLiteClientInfo          = 200077
	ReqGetLiteGroupInfo           = 200078
	ReqTriggerLiteDispatch        = 200079
	ReqBatchAckMessage            = 200151
)
