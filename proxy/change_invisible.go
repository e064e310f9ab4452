package proxy

// ChangeInvisibleDuration.
//
// Callers: consumers, to gain time for a message, or to give it back.
//
// Behaviour: the message is out of sight for so long from now. The answer brings a new handle; the old one does not count any more, and the server does
// not renew the receipt any more.
//
// Codes: 40002 topic; 40003 group; 40011 duration; 40013 handle; 50001 the broker refuses.

import (
	"context"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// ChangeInvisibleDuration serves the request of that name.
func (s *Server) ChangeInvisibleDuration(ctx context.Context, r *pb.ChangeInvisibleDurationRequest) (*pb.ChangeInvisibleDurationResponse, error) {
	out := &pb.ChangeInvisibleDurationResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		topic, group, err := check.TopicAndGroup(r.GetTopic(), r.GetGroup())
		if err != nil {
			return err
		}
		d := r.GetInvisibleDuration().AsDuration()
		if err := check.Invisible(d, 0); err != nil {
			return err
		}
		return s.withReceipt(ctx, c, group, r.GetReceiptHandle(), func(handle protocol.PopHandle) error {
			fresh, err := s.changeInvisible(ctx, c, group, topic, handle, d, r.GetSuspend(), r.GetLiteTopic())
			out.ReceiptHandle = string(fresh.Append(nil))
			return err
		})
	})
	if err != nil {
		out.ReceiptHandle = ""
	}
	out.Status = status.Of(err)
	return out, nil
}
