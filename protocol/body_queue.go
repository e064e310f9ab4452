package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MessageQueue names a queue in bodies, with its broker. As a key of a map it is read from and written as a JSON object.
type MessageQueue struct {
	BrokerName string `json:"brokerName"`
	QueueID    int32  `json:"queueId"`
	Topic      string `json:"topic"`
}

// String names the queue for people: "queue 3 of orders at broker-a".
func (q MessageQueue) String() string {
	return fmt.Sprintf("queue %d of %s at %s", q.QueueID, q.Topic, q.BrokerName)
}

// messageQueueFields is MessageQueue without its methods.
type messageQueueFields MessageQueue

// UnmarshalJSON reads the object. As a map's key it comes as a string, which [NormalizeJSON] has made of the object.
func (q *MessageQueue) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		return q.UnmarshalText([]byte(text))
	}
	return json.Unmarshal(b, (*messageQueueFields)(q))
}

// UnmarshalText reads a key: the text of the object.
func (q *MessageQueue) UnmarshalText(b []byte) error {
	return json.Unmarshal(b, (*messageQueueFields)(q))
}

// appendJSON appends the object, as a value and as a key alike.
func (q *MessageQueue) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"brokerName":`...)
	dst = appendJSONText(dst, q.BrokerName, false)
	dst = append(dst, `,"queueId":`...)
	dst = strconv.AppendInt(dst, int64(q.QueueID), 10)
	dst = append(dst, `,"topic":`...)
	return append(appendJSONText(dst, q.Topic, false), '}')
}

// Compare orders queues by topic, broker and number, as every RocketMQ client sorts them before it shares them out.
func (q MessageQueue) Compare(o MessageQueue) int {
	if c := strings.Compare(q.Topic, o.Topic); c != 0 {
		return c
	}
	if c := strings.Compare(q.BrokerName, o.BrokerName); c != 0 {
		return c
	}
	return int(q.QueueID) - int(o.QueueID)
}

// appendQueueMap appends a map with queues as keys, sorted by topic, broker and queue.
func appendQueueMap[V any](dst []byte, m map[MessageQueue]V, value func([]byte, *V) []byte) []byte {
	keys := make([]MessageQueue, 0, len(m))
	for q := range m {
		keys = append(keys, q)
	}
	slices.SortFunc(keys, MessageQueue.Compare)
	dst = append(dst, '{')
	for i := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(keys[i].appendJSON(dst), ':')
		v := m[keys[i]]
		dst = value(dst, &v)
	}
	return append(dst, '}')
}
