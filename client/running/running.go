// Package running is what a consumer answers administrators who ask how it is doing, in the texts that Java's clients write and its
// tools read. It owns the bodies of the answers to 221, 307 and 309; package client fills them in. Everything here is safe to call at once.
package running

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

// Info is what a consumer is doing: the answer to GET_CONSUMER_RUNNING_INFO (307), as mqadmin's consumerStatus shows it.
type Info struct {
	Properties    map[string]string // settings, by Java's names (PROP_CONSUME_TYPE, …) and by those of its fields
	Subscriptions []protocol.SubscriptionData
	Queues        map[Queue]QueueInfo
	Topics        map[string]TopicInfo
	Stack         string // of the client's goroutines, where it was asked for
}

// QueueInfo is Java's ProcessQueueInfo: one queue that the consumer holds. Times are Unix milliseconds, 0 for never.
type QueueInfo struct {
	CommitOffset         int64 `json:"commitOffset"`
	CachedMsgMinOffset   int64 `json:"cachedMsgMinOffset"` // of what waits in the client, 0 when that is nothing
	CachedMsgMaxOffset   int64 `json:"cachedMsgMaxOffset"`
	CachedMsgCount       int   `json:"cachedMsgCount"`
	CachedMsgSizeInMiB   int   `json:"cachedMsgSizeInMiB"`
	Locked               bool  `json:"locked"` // of an ordered consumer
	LastLockTimestamp    int64 `json:"lastLockTimestamp"`
	Dropped              bool  `json:"droped"` // Java's spelling
	LastPullTimestamp    int64 `json:"lastPullTimestamp"`
	LastConsumeTimestamp int64 `json:"lastConsumeTimestamp"`
}

// TopicInfo is Java's ConsumeStatus, of which only the counts are kept here.
type TopicInfo struct {
	ConsumeOKTPS      float64 `json:"consumeOKTPS"` // messages a second since the start
	ConsumeFailedTPS  float64 `json:"consumeFailedTPS"`
	ConsumeFailedMsgs int64   `json:"consumeFailedMsgs"`
}

// Append appends the body of the answer.
func (i *Info) Append(dst []byte) []byte {
	subs, topics := i.Subscriptions, i.Topics
	if subs == nil {
		subs = []protocol.SubscriptionData{}
	}
	if topics == nil {
		topics = map[string]TopicInfo{}
	}
	dst = append(append(dst, `{"properties":`...), protocol.MarshalBody(i.Properties)...)
	dst = append(append(dst, `,"subscriptionSet":`...), protocol.MarshalBody(subs)...)
	dst = append(dst, `,"mqTable":{`...) // objects as keys: not JSON, but what Java writes
	entries := make([]string, 0, len(i.Queues))
	for q, info := range i.Queues {
		entries = append(entries, string(protocol.MarshalBody(q))+":"+string(protocol.MarshalBody(info)))
	}
	slices.Sort(entries)
	dst = append(dst, strings.Join(entries, ",")...)
	dst = append(append(dst, `},"mqPopTable":{},"statusTable":`...), protocol.MarshalBody(topics)...)
	dst = append(append(dst, `,"userConsumerInfo":{},"jstack":`...), protocol.MarshalBody(i.Stack)...)
	return append(dst, '}')
}

// AppendOffsets appends the answer to GET_CONSUMER_STATUS_FROM_CLIENT (221): how far a consumer has come.
func AppendOffsets(dst []byte, offsets map[Queue]int64) []byte {
	body := (&protocol.ResetOffset{OffsetTable: offsets}).Append(nil) // the same table under another name
	return append(append(dst, `{"messageQueueTable":`...), strings.TrimPrefix(string(body), `{"offsetTable":`)...)
}

// The results of a [Direct].
const (
	Success = "CR_SUCCESS"
	Later   = "CR_LATER"
)

// Direct is Java's ConsumeMessageDirectlyResult: how the handling went that an administrator has asked for (309). It is encoded with
// [protocol.MarshalBody].
type Direct struct {
	Order      bool   `json:"order"`
	AutoCommit bool   `json:"autoCommit"`
	Result     string `json:"consumeResult"` // [Success] or [Later]; other clients have more of Java's CMResult
	Remark     string `json:"remark,omitempty"`
	Millis     int64  `json:"spentTimeMills"`
}

// UnmarshalJSON reads what any client writes: the result's name, or, as rocketmq-client-go, its number in Java's CMResult.
func (d *Direct) UnmarshalJSON(b []byte) error {
	type plain Direct
	in := struct {
		*plain
		Result json.RawMessage `json:"consumeResult"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if len(in.Result) == 0 || json.Unmarshal(in.Result, &d.Result) == nil {
		return nil
	}
	var n int
	if err := json.Unmarshal(in.Result, &n); err != nil {
		return err
	}
	names := []string{Success, Later, "CR_ROLLBACK", "CR_COMMIT", "CR_THROW_EXCEPTION", "CR_RETURN_NULL"}
	if n < 0 || n >= len(names) {
		return fmt.Errorf("consumeResult is %d, results are 0 to %d", n, len(names)-1)
	}
	d.Result = names[n]
	return nil
}
