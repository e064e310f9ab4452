package proxy

// RecallMessage.
//
// Callers: producers, with the handle that the send of a delayed message was answered with.
//
// Behaviour: the message is taken back before it is delivered; the answer comes when that is on disk.
//
// Codes: 40002, 40402 topic; 50001 the handle cannot be read, is another topic's, or its time is over.

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// RecallMessage serves the request of that name.
func (s *Server) RecallMessage(ctx context.Context, r *pb.RecallMessageRequest) (*pb.RecallMessageResponse, error) {
	out := &pb.RecallMessageResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		name, err := check.Topic(r.GetTopic())
		if err != nil {
			return err
		}
		if _, err := s.route(ctx, name); err != nil {
			return err
		}
		handle, err := message.ParseRecallHandle(r.GetRecallHandle())
		if err != nil {
			return err
		}
		f := &protocol.Frame{Code: protocol.ReqRecallMessage}
		f.Fields.Add("producerGroup", name)
		f.Fields.Add("topic", name)
		f.Fields.Add("recallHandle", r.GetRecallHandle())
		f.Fields.Add("bname", handle.Broker)
		return s.call(ctx, c, handle.Broker, f, func(f *protocol.Frame) error {
			out.MessageId = f.Fields.String("msgId")
			return nil
		})
	})
	out.Status = status.Of(err)
	return out, nil
}
