package client

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Recall takes back a message that was sent for a time, see [SendResult]; it is not delivered then. Recalling twice does no
// harm. Errors: a broker's refusal is an [*Error], with code 604 when the time has come; [ErrIllegal] for a text that is no
// handle; else as for Send.
func (p *Producer) Recall(ctx context.Context, handle string) error {
	if err := p.takeOff(); err != nil {
		return err
	}
	defer p.land()
	h, err := message.ParseRecallHandle(handle)
	if err != nil {
		return fmt.Errorf("client: %w: %w", err, ErrIllegal)
	}
	f := &protocol.Frame{Code: protocol.ReqRecallMessage}
	f.Fields.Add("producerGroup", p.client.ns.Wrap(p.config.Group))
	f.Fields.Add("topic", h.Topic)
	f.Fields.Add("recallHandle", handle)
	_, err = p.client.askQueue(ctx, Queue{Topic: h.Topic, BrokerName: h.Broker}, f)
	return err
}
