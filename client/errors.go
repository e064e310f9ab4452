package client

import (
	"errors"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
)

// Error is a broker's or NameServer's refusal, with its response code and remark.
type Error = cluster.Error

// What [errors.Is] finds in the errors of this package, apart from the errors of the context.
var (
	ErrClosed        = cluster.ErrClosed        // the client, producer or consumer was closed
	ErrNoRoute       = cluster.ErrNoRoute       // no broker takes messages for this topic
	ErrUnreachable   = cluster.ErrUnreachable   // no connection, or it was lost before the answer
	ErrTopicNotFound = cluster.ErrTopicNotFound // code 17: no such topic, and it may not be made by itself
	ErrBusy          = cluster.ErrBusy          // codes 2 and 215: the broker is overloaded or limits the rate
	ErrUnavailable   = cluster.ErrUnavailable   // code 14: the disk is full, or the broker is shutting down
	ErrNotPermitted  = cluster.ErrNotPermitted  // code 16
	ErrIllegal       = cluster.ErrIllegal       // codes 13 and 29, and what is refused before it is sent
	ErrNotFound      = cluster.ErrNotFound      // codes 22 and 206

	ErrTimeout  = errors.New("no answer in time")         // a try was not answered within SendTimeout; the message may be stored
	ErrTooLarge = wire.ErrTooLarge                        // beyond MaxMessageSize; it is also ErrIllegal
	ErrExists   = errors.New("group has a consumer here") // a Client can have one consumer of a group
)
