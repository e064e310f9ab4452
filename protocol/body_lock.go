package protocol

// LockBatchRequest is the request body of LOCK_BATCH_MQ (41) and UNLOCK_BATCH_MQ (42), from orderly consumers.
type LockBatchRequest struct {
	ClientID       string         `json:"clientId"`
	ConsumerGroup  string         `json:"consumerGroup"`
	Queues         []MessageQueue `json:"mqSet"`
	OnlyThisBroker bool           `json:"onlyThisBroker"`
}

// LockBatchResponse is the answer's body of 41: the queues that the client holds now.
type LockBatchResponse struct {
	Locked []MessageQueue `json:"lockOKMQSet"`
}
