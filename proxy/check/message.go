package check

import (
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// Limits are what a message may have.
type Limits struct {
	MaxBody  int           // bytes
	MaxDelay time.Duration // how far ahead a delivery may be
}

const (
	maxProperties     = 128
	maxPropertyBytes  = 16384
	maxMessageGroup   = 64
	maxLiteTopic      = 64
	maxRecoverSeconds = 3600
)

// Message holds a message to the rules that need to know nothing but it.
func (l Limits) Message(m *pb.Message, now time.Time) error {
	sys := m.GetSystemProperties()
	switch n := len(m.GetBody()); {
	case n == 0:
		return status.New(pb.Code_MESSAGE_BODY_EMPTY, "message body cannot be empty: it has %d bytes, the least is 1", n)
	case n > l.MaxBody:
		return status.New(pb.Code_MESSAGE_BODY_TOO_LARGE, "message body cannot exceed the max %d: it has %d bytes (maxMessageSize)", l.MaxBody, n)
	}
	if err := properties(m); err != nil {
		return err
	}
	if message.BlankName(sys.GetMessageId()) {
		return status.New(pb.Code_ILLEGAL_MESSAGE_ID, "message id cannot be empty: %.100q", sys.GetMessageId())
	}
	if control(sys.GetMessageId()) || control(sys.GetTraceContext()) || control(sys.GetBornHost()) {
		return status.New(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, "message id, trace context or born host contains a control character: %.100q, %.100q, %.100q", sys.GetMessageId(), sys.GetTraceContext(), sys.GetBornHost())
	}
	if d := sys.GetOrphanedTransactionRecoveryDuration(); d != nil && sys.GetMessageType() == pb.MessageType_TRANSACTION && d.GetSeconds() > maxRecoverSeconds {
		return status.New(pb.Code_BAD_REQUEST, "the max transaction recovery time of message is too large, max is %d seconds: it is %d", maxRecoverSeconds, d.GetSeconds())
	}
	if at := sys.GetDeliveryTimestamp(); at != nil && at.AsTime().Sub(now) > l.MaxDelay {
		return status.New(pb.Code_ILLEGAL_DELIVERY_TIME, "the max delay time of message is too large, max is %d ms (timerMaxDelaySec): it is %d", l.MaxDelay.Milliseconds(), at.AsTime().Sub(now).Milliseconds())
	}
	if err := word(sys.GetMessageGroup(), maxMessageGroup, pb.Code_ILLEGAL_MESSAGE_GROUP, "message group"); err != nil {
		return err
	}
	return word(sys.GetLiteTopic(), maxLiteTopic+1, pb.Code_ILLEGAL_LITE_TOPIC, "lite topic")
}

func properties(m *pb.Message) error {
	sys := m.GetSystemProperties()
	if n := len(m.GetUserProperties()); n > maxProperties {
		return status.New(pb.Code_MESSAGE_PROPERTIES_TOO_LARGE, "too many user properties, max is %d: there are %d", maxProperties, n)
	}
	size := len(sys.GetTag())
	for k, v := range m.GetUserProperties() {
		switch {
		case Reserved(k):
			return status.New(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, "property is used by system: %s", k)
		case k == "" || control(k):
			return status.New(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, "the key of property cannot be empty or contain control character: %.100q", k)
		case control(v):
			return status.New(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, "the value of property cannot contain control character: %s", k)
		}
		size += len(k) + len(v)
	}
	if err := tag(sys.GetTag()); err != nil {
		return err
	}
	for _, key := range sys.GetKeys() {
		if err := word(key, 0, pb.Code_ILLEGAL_MESSAGE_KEY, "key"); err != nil {
			return err
		}
		size += len(key)
	}
	if size > maxPropertyBytes {
		return status.New(pb.Code_MESSAGE_PROPERTIES_TOO_LARGE, "the total size of user property is too large, max is %d: it is %d", maxPropertyBytes, size)
	}
	return nil
}

func tag(text string) error {
	if err := word(text, 0, pb.Code_ILLEGAL_MESSAGE_TAG, "tag"); err != nil {
		return err
	}
	for i := range len(text) {
		if text[i] == '|' {
			return status.New(pb.Code_ILLEGAL_MESSAGE_TAG, "tag cannot contain '|': %.100q, at byte %d", text, i)
		}
	}
	return nil
}

// word holds a text that may be left out to the rules; limit is the first length that is too long, 0 for any.
func word(text string, limit int, code pb.Code, what string) error {
	switch {
	case text == "":
	case message.BlankName(text):
		return status.New(code, "%s cannot be the char sequence of whitespace", what)
	case limit > 0 && len(text) >= limit:
		return status.New(code, "%s exceed the max size %d: it has %d bytes", what, limit, len(text))
	case control(text):
		return status.New(code, "%s cannot contain control character", what)
	}
	return nil
}

// LiteTopic holds the name of a light topic to the rules.
func LiteTopic(name string) error {
	if message.BlankName(name) {
		return status.New(pb.Code_ILLEGAL_LITE_TOPIC, "lite topic cannot be the char sequence of whitespace: %.100q", name)
	}
	return word(name, maxLiteTopic+1, pb.Code_ILLEGAL_LITE_TOPIC, "lite topic")
}

// TypeOf is the type that a message's properties make it, whatever it says of itself; NORMAL if it has none (nil).
func TypeOf(sys *pb.SystemProperties) pb.MessageType {
	switch {
	case sys.GetMessageType() == pb.MessageType_TRANSACTION:
		return pb.MessageType_TRANSACTION
	case sys.GetDeliveryTimestamp() != nil:
		return pb.MessageType_DELAY
	case sys.GetMessageGroup() != "":
		return pb.MessageType_FIFO
	case sys != nil && sys.Priority != nil:
		return pb.MessageType_PRIORITY
	case sys.GetLiteTopic() != "":
		return pb.MessageType_LITE
	}
	return pb.MessageType_NORMAL
}

// Type says whether a topic of a type takes messages of another. accepted is the topic's attribute message.type, "" for NORMAL.
func Type(accepted string, is pb.MessageType) error {
	switch {
	case accepted == "MIXED", accepted == is.String(), accepted == "" && is == pb.MessageType_NORMAL:
		return nil
	case accepted == "":
		accepted = "NORMAL"
	}
	return status.New(pb.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, "TopicMessageType validate failed, the expected type is %s, but actual type is %s", accepted, is)
}

// Reserved reports whether a property's name is the system's. Source: MessageConst of RocketMQ 5.
func Reserved(name string) bool {
	switch name {
	case message.PropTraceOn, message.PropRegion, message.PropKeys, message.PropTags, message.PropWait, message.PropDelay, message.PropRetryTopic,
		message.PropRealTopic, message.PropRealQueueID, message.PropTransaction, message.PropProducerGroup, message.PropMinOffset, message.PropMaxOffset,
		"BUYER_ID", "ORIGIN_GROUP", message.PropOriginMessageID, "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", message.PropReconsumeTime, message.PropUniqueKey,
		message.PropMaxReconsumeTimes, "CONSUME_START_TIME", message.PropPopCheckpoint, "POP_CK_OFFSET", "1ST_POP_TIME", "TRAN_PREPARED_QUEUE_OFFSET",
		"DUP_INFO", "EXTEND_UNIQ_INFO", "INSTANCE_ID", "CORRELATION_ID", message.PropReplyTo, "TTL", "ARRIVE_TIME", message.PropPushReplyTime,
		message.PropCluster, "MSG_TYPE", message.PropMultiQueueOffset, message.PropTimerDelayMS, message.PropTimerDelaySec, message.PropTimerDeliverMS,
		message.PropTimerEnqueue, message.PropTimerDequeue, "TIMER_ROLL_TIMES", message.PropTimerOut, message.PropTimerDelete, "TIMER_DELAY_LEVEL",
		PropBornHost, PropBornTimestamp, message.PropDLQOriginTopic, message.PropDLQOriginID, message.PropCRC, PropPriority, PropLiteTopic:
		return true
	}
	return false
}

// Properties that gRPC messages have and remoting ones have not. Source: MessageConst of RocketMQ 5.
const (
	PropBornHost      = "__BORNHOST"
	PropBornTimestamp = "BORN_TIMESTAMP"
	PropTraceContext  = "TRACE_CONTEXT"
	PropPriority      = "_SYS_MSG_PRIORITY_"
	PropLiteTopic     = "__LITE_TOPIC"
)
