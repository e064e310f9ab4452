package proxy

// AckMessage.
//
// Callers: consumers, for what they have consumed.
//
// Behaviour: each entry is acknowledged at the broker that its handle names, and has a result of its own. A receipt that the server has renewed is
// acknowledged by its newest handle.
//
// Codes: 40002 topic; 40003 group; per entry 40013 the handle cannot be read, or its time is over; 50001 the broker refuses it.

import (
	"context"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// AckMessage serves the request of that name.
func (s *Server) AckMessage(ctx context.Context, r *pb.AckMessageRequest) (*pb.AckMessageResponse, error) {
	out := &pb.AckMessageResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error { return s.ack(ctx, c, r, out) })
	if err != nil {
		out.Entries, out.Status = nil, status.Of(err)
	}
	return out, nil
}

func (s *Server) ack(ctx context.Context, c *client, r *pb.AckMessageRequest, out *pb.AckMessageResponse) error {
	topic, group, err := check.TopicAndGroup(r.GetTopic(), r.GetGroup())
	if err != nil {
		return err
	}
	if n := len(r.GetEntries()); n > maxMessages {
		return status.New(pb.Code_BAD_REQUEST, "a request has %d entries, the limit is %d", n, maxMessages)
	}
	all := make([]*pb.Status, 0, len(r.GetEntries()))
	for _, e := range r.GetEntries() {
		st := status.Of(s.ackOne(ctx, c, group, topic, e))
		out.Entries = append(out.Entries, &pb.AckMessageResultEntry{MessageId: e.GetMessageId(), ReceiptHandle: e.GetReceiptHandle(), Status: st})
		all = append(all, st)
	}
	out.Status = status.All(all)
	return nil
}

func (s *Server) ackOne(ctx context.Context, c *client, group, topic string, e *pb.AckMessageEntry) error {
	return s.withReceipt(ctx, c, group, e.GetReceiptHandle(), func(handle protocol.PopHandle) error {
		if err := s.inTime(&handle); err != nil {
			return err
		}
		return s.ackHandle(ctx, c, group, topic, handle, e.GetLiteTopic())
	})
}

// ackHandle acknowledges one message.
func (s *Server) ackHandle(ctx context.Context, c *client, group, topic string, handle protocol.PopHandle, lite string) error {
	h := &protocol.AckMessageHeader{ConsumerGroup: group, Topic: handle.Topic.Name(group, topic), QueueID: handle.QueueID, ExtraInfo: string(handle.Append(nil)),
		Offset: handle.QueueOffset, BrokerName: handle.BrokerName}
	f := request(protocol.ReqAckMessage, h)
	if lite != "" {
		f.Fields.Add("liteTopic", lite)
	}
	return s.call(ctx, c, handle.BrokerName, f, nil)
}

// inTime refuses a handle whose time is over: the message is in sight again, and may be in others' hands.
func (s *Server) inTime(h *protocol.PopHandle) error {
	if h.PopTime+h.InvisibleTime > s.opt.Now().UnixMilli() {
		return nil
	}
	return status.New(pb.Code_INVALID_RECEIPT_HANDLE, "receipt handle is expired: its time was over at %d", h.PopTime+h.InvisibleTime)
}

// readHandle reads a receipt handle.
func readHandle(text string) (protocol.PopHandle, error) {
	h, err := protocol.ParsePopHandle(text)
	if err != nil {
		return h, status.New(pb.Code_INVALID_RECEIPT_HANDLE, "%v", err)
	}
	return h, nil
}

// changeInvisible sets from when on a message is in sight again, and returns its new handle.
func (s *Server) changeInvisible(ctx context.Context, c *client, group, topic string, old protocol.PopHandle, d time.Duration, suspend bool, lite string) (protocol.PopHandle, error) {
	h := &protocol.ChangeInvisibleHeader{ConsumerGroup: group, Topic: old.Topic.Name(group, topic), QueueID: old.QueueID, ExtraInfo: string(old.Append(nil)),
		Offset: old.QueueOffset, InvisibleTime: d.Milliseconds(), Suspend: suspend, LiteTopic: lite, BrokerName: old.BrokerName}
	fresh := old
	err := s.call(ctx, c, old.BrokerName, request(protocol.ReqChangeMessageInvisibleTime, h), func(f *protocol.Frame) error {
		var res protocol.ChangeInvisibleResponseHeader
		if err := res.Decode(f.Fields); err != nil {
			return err
		}
		fresh.PopTime, fresh.InvisibleTime, fresh.ReviveQueue = res.PopTime, res.InvisibleTime, res.ReviveQueue
		return nil
	})
	return fresh, err
}
