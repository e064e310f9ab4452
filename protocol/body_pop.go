package protocol

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/bits"
)

// BatchAckRequest is the request body of BATCH_ACK_MESSAGE (200151), from pop consumers and gRPC proxies.
type BatchAckRequest struct {
	Acks       []BatchAck `json:"acks"`
	BrokerName string     `json:"brokerName"`
}

// BatchAck is what of one pop of one queue is acknowledged.
type BatchAck struct {
	Bits          BitSet `json:"b"` // bit i is the message at StartOffset + i
	ConsumerGroup string `json:"c"`
	InvisibleTime int64  `json:"it"` // ms
	PopTime       int64  `json:"pt"` // ms
	QueueID       int32  `json:"q"`
	Retry         string `json:"r"` // a PopTopic as a digit
	ReviveQueue   int32  `json:"rq"`
	StartOffset   int64  `json:"so"`
	Topic         string `json:"t"`
}

// UnmarshalJSON reads the short names of the members, and the long ones that RocketMQ takes as well.
func (a *BatchAck) UnmarshalJSON(b []byte) error {
	type short BatchAck
	in := struct {
		*short
		Bits          *BitSet `json:"bitSet"`
		ConsumerGroup *string `json:"consumerGroup"`
		InvisibleTime *int64  `json:"invisibleTime"`
		PopTime       *int64  `json:"popTime"`
		QueueID       *int32  `json:"queueId"`
		Retry         *string `json:"retry"`
		ReviveQueue   *int32  `json:"reviveQueueId"`
		StartOffset   *int64  `json:"startOffset"`
		Topic         *string `json:"topic"`
	}{short: (*short)(a), Bits: &a.Bits, ConsumerGroup: &a.ConsumerGroup, InvisibleTime: &a.InvisibleTime, PopTime: &a.PopTime,
		QueueID: &a.QueueID, Retry: &a.Retry, ReviveQueue: &a.ReviveQueue, StartOffset: &a.StartOffset, Topic: &a.Topic}
	return json.Unmarshal(b, &in)
}

// PopTopic returns which topic was popped.
func (a *BatchAck) PopTopic() (PopTopic, error) {
	if len(a.Retry) != 1 || a.Retry[0] < '0' || a.Retry[0] > '0'+byte(PopRetryV2) {
		return 0, fmt.Errorf("a batch of acknowledgements names the topic kind %.20q", a.Retry)
	}
	return PopTopic(a.Retry[0] - '0'), nil
}

// maxBitSet bounds a bit set in bytes.
const maxBitSet = 8 << 10

// BitSet is a set of small numbers as Java's BitSet gives it out: byte by byte, the lowest bit first. In JSON it is the bytes
// in base64, in Java's newer JSON a list of numbers.
type BitSet []byte

// Set adds a number.
func (s *BitSet) Set(n int) {
	for len(*s) <= n/8 {
		*s = append(*s, 0)
	}
	(*s)[n/8] |= 1 << (n % 8)
}

// Each visits the numbers of the set in order until visit returns false.
func (s BitSet) Each(visit func(n int) bool) {
	for i, b := range s {
		for ; b != 0; b &= b - 1 {
			if !visit(i*8 + bits.TrailingZeros8(b)) {
				return
			}
		}
	}
}

// MarshalJSON writes the bytes in base64.
func (s BitSet) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.StdEncoding.EncodeToString(s))
}

// UnmarshalJSON reads both forms.
func (s *BitSet) UnmarshalJSON(b []byte) error {
	var raw []byte
	if len(b) > 0 && b[0] == '[' {
		var numbers []int16 // a Java byte is signed
		if err := json.Unmarshal(b, &numbers); err != nil {
			return err
		}
		for _, n := range numbers {
			if n < -128 || n > 255 {
				return fmt.Errorf("a bit set holds the byte %d", n)
			}
			raw = append(raw, byte(n))
		}
	} else if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) > maxBitSet {
		return fmt.Errorf("a bit set of %d bytes, the limit is %d", len(raw), maxBitSet)
	}
	*s = raw
	return nil
}

// QueryAssignmentRequest is the request body of QUERY_ASSIGNMENT (400), from push consumers that leave sharing out to the broker.
type QueryAssignmentRequest struct {
	ClientID      string `json:"clientId"`
	ConsumerGroup string `json:"consumerGroup"`
	MessageModel  string `json:"messageModel,omitempty"`
	StrategyName  string `json:"strategyName"` // AVG, AVG_BY_CIRCLE
	Topic         string `json:"topic"`
}

// QueryAssignmentResponse is the answer's body of 400. A client keeps what it had when Assignments is nil.
type QueryAssignmentResponse struct {
	Assignments []MessageQueueAssignment `json:"messageQueueAssignments"`
}

// MessageQueueAssignment is one queue that a client may consume, and how. Queue -1 is all of a broker, to pop from.
type MessageQueueAssignment struct {
	Attachments map[string]string `json:"attachments,omitempty"`
	Queue       MessageQueue      `json:"messageQueue"`
	Mode        string            `json:"mode"`
}

// The modes of consuming a queue.
const (
	ModePull = "PULL"
	ModePop  = "POP"
)

// RequestMode is the request body of SET_MESSAGE_REQUEST_MODE (401), and what is kept of it: whether a group pulls or pops a
// topic, and with how many other members each queue is shared then.
type RequestMode struct {
	ConsumerGroup    string `json:"consumerGroup"`
	Mode             string `json:"mode"`
	PopShareQueueNum int32  `json:"popShareQueueNum"`
	Topic            string `json:"topic"`
}
