package protocol

// Response codes: between brokers only.
const (
	ResRPCTimeOut             = -1006
	ResRPCSendToChannelFailed = -1004
	ResRPCAddrIsNull          = -1002
	ResRPCUnknown             = -1000
)

// Response codes: every request. 10, 11 and 12 are successes with a warning.
const (
	ResSuccess                   = 0
	ResSystemError               = 1 // any failure without a code of its own
	ResSystemBusy                = 2 // overload; clients try another broker
	ResRequestCodeNotSupported   = 3
	ResTransactionFailed         = 4
	ResFlushDiskTimeout          = 10 // stored, the sync not confirmed in time
	ResSlaveNotAvailable         = 11 // stored, no replica reachable
	ResFlushSlaveTimeout         = 12 // stored, replicas not confirmed in time
	ResMessageIllegal            = 13 // the client fails the send at once: never for a passing trouble
	ResServiceNotAvailable       = 14 // clients try another broker
	ResVersionNotSupported       = 15
	ResNoPermission              = 16
	ResTopicNotExist             = 17
	ResTopicExistAlready         = 18
	ResPullNotFound              = 19 // no new message, after the long poll
	ResPullRetryImmediately      = 20 // nothing matched, or ask the master
	ResPullOffsetMoved           = 21 // the offset was moved to nextBeginOffset
	ResQueryNotFound             = 22 // no offset yet, no message for the key, no KV entry
	ResSubscriptionParseFailed   = 23
	ResSubscriptionNotExist      = 24
	ResSubscriptionNotLatest     = 25 // the subscription here is older than the request's
	ResSubscriptionGroupNotExist = 26
	ResFilterDataNotExist        = 27
	ResFilterDataNotLatest       = 28
	ResInvalidParameter          = 29 // fails a send at once, as 13
)

// Response codes: transactions, consumers, pop.
const (
	ResTransactionShouldCommit    = 200
	ResTransactionShouldRollback  = 201
	ResTransactionStateUnknown    = 202
	ResTransactionStateGroupWrong = 203
	ResNoBuyerID                  = 204
	ResNotInCurrentUnit           = 205
	ResConsumerNotOnline          = 206
	ResConsumeMsgTimeout          = 207
	ResNoMessage                  = 208 // an acknowledged offset lies outside of the queue
	ResPollingFull                = 209 // too many long polls
	ResPollingTimeout             = 210 // a long poll expired
	ResBrokerNotExist             = 211
	ResBrokerDispatchNotComplete  = 212 // the index lags behind the log
	ResBroadcastConsumption       = 213
	ResFlowControl                = 215
	ResNotLeaderForQueue          = 501  // static topics: the client fetches the route again
	ResIllegalOperation           = 604  // late commit, or a bad recall handle
	ResGoAway                     = 1500 // the proxy shuts down: reconnect and send again
)

// Response codes: controller, light topics.
const (
	ResControllerFencedMasterEpoch          = 2000
	ResControllerFencedSyncStateSetEpoch    = 2001
	ResControllerInvalidMaster              = 2002
	ResControllerInvalidReplicas            = 2003
	ResControllerMasterNotAvailable         = 2004
	ResControllerInvalidRequest             = 2005
	ResControllerBrokerNotAlive             = 2006
	ResControllerNotLeader                  = 2007
	ResControllerBrokerMetadataNotExist     = 2008
	ResControllerInvalidCleanBrokerMetadata = 2009
	ResControllerBrokerNeedToBeRegistered   = 2010
	ResControllerMasterStillExist           = 2011
	ResControllerElectMasterFailed          = 2012
	ResControllerAlterSyncStateSetFailed    = 2013
	ResControllerBrokerIDInvalid            = 2014
	ResControllerJRaftInternalError         = 2015
	ResControllerBrokerLiveInfoNotExists    = 2016
	ResLMQQuotaExceeded                     = 2017
	ResLiteSubscriptionQuotaExceeded        = 2018
)

// Response codes: users and access control.
const (
	ResUserNotExist   = 3001
	ResPolicyNotExist = 3002
)
