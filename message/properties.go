package message

import (
	"bytes"
	"iter"
)

const (
	propMiddle = 0x01
	propEnd    = 0x02
)

// Names of system properties that the broker itself reads or writes. Source: MessageConst of RocketMQ 5.
const (
	PropKeys              = "KEYS"
	PropTags              = "TAGS"
	PropWait              = "WAIT"
	PropDelay             = "DELAY"
	PropRetryTopic        = "RETRY_TOPIC"
	PropRealTopic         = "REAL_TOPIC"
	PropRealQueueID       = "REAL_QID"
	PropTransaction       = "TRAN_MSG"
	PropProducerGroup     = "PGROUP"
	PropMinOffset         = "MIN_OFFSET"
	PropMaxOffset         = "MAX_OFFSET"
	PropOriginMessageID   = "ORIGIN_MESSAGE_ID"
	PropReconsumeTime     = "RECONSUME_TIME"
	PropMaxReconsumeTimes = "MAX_RECONSUME_TIMES"
	PropRegion            = "MSG_REGION"
	PropTraceOn           = "TRACE_ON"
	PropUniqueKey         = "UNIQ_KEY"
	PropCluster           = "CLUSTER"
	PropPopCheckpoint     = "POP_CK"
	PropMultiDispatch     = "INNER_MULTI_DISPATCH"
	PropMultiQueueOffset  = "INNER_MULTI_QUEUE_OFFSET"
	PropTimerDelaySec     = "TIMER_DELAY_SEC"
	PropTimerDelayMS      = "TIMER_DELAY_MS"
	PropTimerDeliverMS    = "TIMER_DELIVER_MS"
	PropTimerOut          = "TIMER_OUT_MS"
	PropTimerEnqueue      = "TIMER_ENQUEUE_MS"
	PropTimerDequeue      = "TIMER_DEQUEUE_MS"
	PropTimerDelete       = "TIMER_DEL_UNIQKEY"
	PropDLQOriginTopic    = "DLQ_ORIGIN_TOPIC"
	PropDLQOriginID       = "DLQ_ORIGIN_MESSAGE_ID"
	PropInnerNum          = "INNER_NUM"
	PropInnerBase         = "INNER_BASE"
	PropShardingKey       = "__SHARDINGKEY"
	PropReplyTo           = "REPLY_TO_CLIENT"
	PropPushReplyTime     = "PUSH_REPLY_TIME"
	PropTransactionID     = "__transactionId__"
	PropCheckTimes        = "TRANSACTION_CHECK_TIMES"
	PropImmunity          = "CHECK_IMMUNITY_TIME_IN_SECONDS"
	PropCRC               = crcName
	// PropTransientPrefix begins the names of properties that are never stored.
	PropTransientPrefix = "__RMQ.TRANSIENT."
	// KeySeparator stands between the keys in KEYS.
	KeySeparator = " "
)

// Properties is a record's property text as it lies in the record: name 0x01 value 0x02, repeated; the last 0x02 may be
// missing. Names and values are UTF-8.
type Properties []byte

// All yields the pairs in stored order. A pair without 0x01 or with an empty name is skipped, as Java skips it.
func (p Properties) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for pair := range p.Pairs() {
			i := bytes.IndexByte(pair, propMiddle)
			if i > 0 && !yield(pair[:i], pair[i+1:]) {
				return
			}
		}
	}
}

// Pairs yields the pairs as they are stored, each to be asked by [ValueOf]. That costs less than All where few names matter.
func (p Properties) Pairs() iter.Seq[[]byte] {
	return func(yield func(pair []byte) bool) {
		for rest := []byte(p); len(rest) > 0; {
			pair := rest
			if i := bytes.IndexByte(rest, propEnd); i >= 0 {
				pair, rest = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if !yield(pair) {
				return
			}
		}
	}
}

// ValueOf returns the value of a stored pair if it has this name.
func ValueOf(pair []byte, name string) (value []byte, ok bool) {
	n := len(name)
	if len(pair) > n && pair[n] == propMiddle && string(pair[:n]) == name {
		return pair[n+1:], true
	}
	return nil, false
}

// Get returns the value of the named property, the last one if it is there twice, as a slice of p. It allocates nothing.
func (p Properties) Get(name string) (value []byte, ok bool) {
	for pair := range p.Pairs() {
		if v, is := ValueOf(pair, name); is {
			value, ok = v, true
		}
	}
	return value, ok
}

// GetString is Get with the value copied to a string, "" if absent.
func (p Properties) GetString(name string) string {
	v, _ := p.Get(name)
	return string(v)
}

// AppendProperty appends one pair to dst.
func AppendProperty(dst Properties, name, value string) Properties {
	if n := len(dst); n > 0 && dst[n-1] != propEnd {
		dst = append(dst, propEnd)
	}
	dst = append(dst, name...)
	dst = append(dst, propMiddle)
	dst = append(dst, value...)
	return append(dst, propEnd)
}

// Without returns a copy of p without the named properties.
func (p Properties) Without(names ...string) Properties {
	out := make(Properties, 0, len(p))
pairs:
	for name, value := range p.All() {
		for _, drop := range names {
			if string(name) == drop {
				continue pairs
			}
		}
		out = append(out, name...)
		out = append(out, propMiddle)
		out = append(out, value...)
		out = append(out, propEnd)
	}
	return out
}

// With returns a copy of p in which the named property has the value and stands last.
func (p Properties) With(name, value string) Properties {
	return AppendProperty(p.Without(name), name, value)
}
