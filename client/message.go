package client

import (
	"github.com/aerobee-mq/aerobee/client/intercept"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

// Message is what is sent: Topic, Body, Tag, Keys, DelayLevel, DeliverAt, Flag and Properties, as [wire.Message] says. Only Topic must be given.
type Message = wire.Message

// Delivery is one message as a consumer gets it: a Message with its ids, its place, its times, hosts and earlier failures, as
// [wire.Delivery] says. What is kept for long is better kept as a Clone: deliveries that came together share one buffer.
type Delivery = wire.Delivery

// SendStatus says how safely the broker has stored a message. Only [SendOK] is without reserve; the others are stored too, but might
// be lost with the broker. The zero value is none of them: no broker has said anything, since the send failed or was one-way.
type SendStatus = wire.SendStatus

// The values of [SendStatus].
const (
	SendOK            = wire.SendOK            // stored as durably as the broker is configured
	FlushDiskTimeout  = wire.FlushDiskTimeout  // the disk did not confirm in time
	FlushSlaveTimeout = wire.FlushSlaveTimeout // the replicas did not confirm in time
	SlaveNotAvailable = wire.SlaveNotAvailable // there is no replica
)

// SendResult says where a message was stored: its ID, OffsetID, Queue, Offset, Status and RecallHandle, as [wire.SendResult] says.
type SendResult = wire.SendResult

// Interceptor sees what is sent and handled, and can add to it, as [intercept.Interceptor] says.
type Interceptor = intercept.Interceptor

// Sending is what an [Interceptor] sees of a send: Group, Messages and OneWay.
type Sending = intercept.Sending

// Handling is what an [Interceptor] sees of a handling: Group and Deliveries.
type Handling = intercept.Handling
