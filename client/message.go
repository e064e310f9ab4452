package client

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

// Message is what is sent. Only Topic must be given.
type Message struct {
	Topic string
	Body  []byte
	Tag   string   // consumers can subscribe to it
	Keys  []string // the message can be found by each of them; without spaces

	// DelayLevel delays the delivery by one of the broker's levels, from 1 (by default 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m
	// 30m 1h 2h). 0 delivers at once.
	DelayLevel int
	Flag       int32 // for the user alone

	// Properties are the user's own; names and values are UTF-8 without the characters 0x01 and 0x02. RocketMQ's own names (KEYS,
	// TAGS, DELAY, UNIQ_KEY, …) are refused, except those that have no field here, such as TIMER_DELIVER_MS.
	Properties map[string]string
}

// SendStatus says how safely the broker has stored a message. Only [SendOK] is without reserve; the others are stored too, but might
// be lost with the broker. The zero value is none of them: no broker has said anything, since the send failed or was one-way.
type SendStatus int32

// The values of [SendStatus].
const (
	SendOK            SendStatus = iota + 1 // stored as durably as the broker is configured
	FlushDiskTimeout                        // the disk did not confirm in time
	FlushSlaveTimeout                       // the replicas did not confirm in time
	SlaveNotAvailable                       // there is no replica
)

// String is the status as Java names it, "NONE" for the zero value.
func (s SendStatus) String() string {
	switch s {
	case SendOK:
		return "SEND_OK"
	case FlushDiskTimeout:
		return "FLUSH_DISK_TIMEOUT"
	case FlushSlaveTimeout:
		return "FLUSH_SLAVE_TIMEOUT"
	case SlaveNotAvailable:
		return "SLAVE_NOT_AVAILABLE"
	}
	return "NONE"
}

// SendResult says where a message was stored. It is zero when the send failed; of a one-way send only ID and Queue are known.
type SendResult struct {
	ID       string              // the message's unique key, made by the producer; the message can be found by it
	OffsetID string              // the broker's address and the position in its log, in hex
	Queue    Queue               // its topic is without the namespace
	Offset   message.QueueOffset // the message's number in its queue
	Status   SendStatus
}
