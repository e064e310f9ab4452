package proxy

// ForwardMessageToDeadLetterQueue.
//
// Callers: push consumers of ordered groups, for a message that they have given up.
//
// Behaviour: the message is copied to the group's dead letter topic, and acknowledged when the copy is on disk.
//
// Codes: 40002 topic; 40003 group; 40013 the handle cannot be read, its time is over, or it does not say where the message lies; 50001 the broker refuses.

import (
	"context"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// ForwardMessageToDeadLetterQueue serves the request of that name.
func (s *Server) ForwardMessageToDeadLetterQueue(ctx context.Context, r *pb.ForwardMessageToDeadLetterQueueRequest) (*pb.ForwardMessageToDeadLetterQueueResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error { return s.deadLetter(ctx, c, r) })
	return &pb.ForwardMessageToDeadLetterQueueResponse{Status: status.Of(err)}, nil
}

func (s *Server) deadLetter(ctx context.Context, c *client, r *pb.ForwardMessageToDeadLetterQueueRequest) error {
	topic, group, err := check.TopicAndGroup(r.GetTopic(), r.GetGroup())
	if err != nil {
		return err
	}
	return s.withReceipt(ctx, c, group, r.GetReceiptHandle(), func(handle protocol.PopHandle) error {
		if handle.CommitLogOffset < 0 {
			return status.New(pb.Code_INVALID_RECEIPT_HANDLE, "the receipt handle does not say where the message lies")
		}
		if err := s.inTime(&handle); err != nil {
			return err
		}
		h := &protocol.SendBackHeader{Offset: handle.CommitLogOffset, Group: group, DelayLevel: -1, OriginMsgID: r.GetMessageId(), OriginTopic: handle.Topic.Name(group, topic),
			HasMaxReconsumeTimes: true, MaxReconsumeTimes: 0, BrokerName: handle.BrokerName}
		if err := s.call(ctx, c, handle.BrokerName, request(protocol.ReqConsumerSendMsgBack, h), nil); err != nil {
			return err
		}
		return s.ackHandle(ctx, c, group, topic, handle, r.GetLiteTopic())
	})
}
