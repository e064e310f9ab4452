package broker

// END_TRANSACTION (37).
//
// Callers: transactional producers, mostly one-way.
//
// Behaviour: refused by name, as are the prepared messages that it would end (see send.go).
//
// Codes: 16.

import (
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleEndTransaction(c *remoting.Conn, f *protocol.Frame) {
	b.refuse(c, f, refuse(protocol.ResNoPermission, "this version does not support %s, so there is none to end", property.Transaction))
}
