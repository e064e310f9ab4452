package wire

import "github.com/aerobee-mq/aerobee/message"

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
	// RecallHandle takes a message back that waits for its DeliverAt, by a producer's Recall; "" where it does not wait, or cannot be recalled.
	RecallHandle string
}
