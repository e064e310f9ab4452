package request

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// replyTopic is how the names of the topics end that replies are sent to; they begin with the cluster's.
const replyTopic = "_REPLY_TOPIC"

// Reply answers a request that a consumer was given, from within its handler. It returns when the client that asked has
// taken the reply; its error says so when that client has gone. The message's topic is not looked at.
func (r *Requester) Reply(ctx context.Context, to *wire.Delivery, m *wire.Message) error {
	id, asker, in := to.Property("CORRELATION_ID"), to.Property(message.PropReplyTo), to.Property(message.PropCluster)
	if id == "" || asker == "" || in == "" {
		return fmt.Errorf("request: message %s of topic %s: %w", to.ID, to.Topic, ErrNotAsked)
	}
	if err := wire.Check(m, r.opt.MaxMessageSize); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	own := *m
	own.Topic = in + replyTopic
	own.Properties = map[string]string{"CORRELATION_ID": id, message.PropReplyTo: asker, "MSG_TYPE": "reply", "TTL": to.Property("TTL")}
	for name, value := range m.Properties {
		if _, taken := own.Properties[name]; !taken {
			own.Properties[name] = value
		}
	}
	route, err := r.cluster.Route(ctx, own.Topic)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return r.send(ctx, route, protocol.ReqSendReplyMessageV2, &own)
}
