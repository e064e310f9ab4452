package proxy

import (
	"context"
	"slices"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// withoutExhausted takes out the messages that have been delivered as often as their group lets them, and has them put among its dead letters.
// Aerobee's brokers do that before a message is handed out once more; RocketMQ's leave it to the proxy. One that cannot be put there now comes
// again when its time is up.
func (s *Server) withoutExhausted(ctx context.Context, c *client, p *popped, set *pb.Settings) {
	most := set.GetBackoffPolicy().GetMaxAttempts()
	if most <= 0 {
		return
	}
	p.messages = slices.DeleteFunc(p.messages, func(m *pb.Message) bool {
		sys := m.GetSystemProperties()
		if sys.GetDeliveryAttempt() <= most {
			return false
		}
		err := s.deadLetter(ctx, c, &pb.ForwardMessageToDeadLetterQueueRequest{Group: &pb.Resource{Name: p.group}, Topic: &pb.Resource{Name: p.topic},
			ReceiptHandle: sys.GetReceiptHandle(), MessageId: sys.GetMessageId(), LiteTopic: sys.LiteTopic})
		if err != nil {
			s.opt.Logger.Warn("a message that was delivered as often as its group lets it is not among the dead letters yet", "group", p.group, "topic", p.topic,
				"id", sys.GetMessageId(), "attempts", sys.GetDeliveryAttempt()-1, "limit", most, "error", err)
		}
		return true
	})
}
