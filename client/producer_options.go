package client

// SendOption says something about one send.
type SendOption struct {
	kind   optionKind
	queue  Queue
	key    string
	choose func(queues []Queue, m *Message) Queue
}

type optionKind byte

const (
	optionNone optionKind = iota
	optionQueue
	optionKey
	optionSelect
)

// ToQueue sends to this queue and no other. Its topic is not looked at.
func ToQueue(q Queue) SendOption { return SendOption{kind: optionQueue, queue: q} }

// ByKey sends all messages of a key to the same queue, as long as the topic has the same queues, so that they keep their order. It is
// the choice that Java's SelectMessageQueueByHash makes for the same text.
func ByKey(key string) SendOption { return SendOption{kind: optionKey, key: key} }

// Select has choose pick one of the topic's queues, which are sorted by broker and number. The list is shared: it must not be changed.
func Select(choose func(queues []Queue, m *Message) Queue) SendOption {
	return SendOption{kind: optionSelect, choose: choose}
}
