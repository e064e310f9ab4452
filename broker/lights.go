package broker

import (
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// light looks after what a message says of light queues (LMQs): the names must be right, and that of a lite topic becomes the name of its queue, whatever
// else the message names, as in RocketMQ 5.5. Switched off, a message stands in its own queue alone, as with RocketMQ's defaults.
func (b *Broker) light(w *sendWork) error {
	if !w.found.Lights || b.opt.NoLights {
		return nil
	}
	if w.found.Lite && light.Allowed(w.hdr.Topic) {
		name, _ := message.Properties(w.props).Get(property.LiteTopic)
		queue, err := light.LiteQueue(string(w.hdr.Topic), string(name))
		if err != nil {
			return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: property %s: %v", property.LiteTopic, err)
		}
		props := message.Properties(w.props).With(message.PropMultiDispatch, queue)
		w.props = w.found.Scan(nil, props)
	}
	if _, err := light.Names(w.hdr.Topic, w.props); err != nil {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: %v", err)
	}
	return nil
}
