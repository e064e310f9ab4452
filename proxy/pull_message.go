package proxy

// PullMessage.
//
// Callers: pull consumers. RocketMQ's proxy declares this request and does not serve it.
//
// Behaviour: a PULL_MESSAGE (11) of one queue from an offset on, which waits for messages as long as the request says. First comes a status, then the
// messages, then the offset to go on from, whatever the status.
//
// Codes: 40002, 40402 topic; 40003, 40403 group; 40000 queue; 40010 filter; 40019 the offset lies outside of the queue; 40401 there is no message.

import (
	"context"

	"google.golang.org/grpc"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/settings"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// PullMessage serves the request of that name.
func (s *Server) PullMessage(r *pb.PullMessageRequest, g grpc.ServerStreamingServer[pb.PullMessageResponse]) error {
	who, err := s.admitted(g.Context(), r)
	p := pulled{next: -1, bodies: s.inflater.Batch()}
	defer p.bodies.End()
	err = s.serve(who, err, func(c *client) error { return s.pull(g.Context(), c, r, &p) })
	if err := g.Send(&pb.PullMessageResponse{Content: &pb.PullMessageResponse_Status{Status: status.Of(err)}}); err != nil {
		return err
	}
	writing := s.untaken.begin(g.Context(), p.messages)
	defer writing.end()
	for _, m := range p.messages {
		p.bodies.Open(m)
		if err := g.Send(&pb.PullMessageResponse{Content: &pb.PullMessageResponse_Message{Message: m}}); err != nil {
			return err
		}
		p.bodies.Sent(m)
		writing.sent()
	}
	if p.next < 0 {
		return nil
	}
	return g.Send(&pb.PullMessageResponse{Content: &pb.PullMessageResponse_NextOffset{NextOffset: p.next}})
}

// pulled is what a pull brings.
type pulled struct {
	messages []*pb.Message
	bodies   *convert.Inflation
	next     int64
}

func (s *Server) pull(ctx context.Context, c *client, r *pb.PullMessageRequest, to *pulled) error {
	p, group, err := s.placeAndGroup(ctx, r.GetMessageQueue(), r.GetGroup())
	if err != nil {
		return err
	}
	if r.GetOffset() < 0 {
		return status.New(pb.Code_ILLEGAL_OFFSET, "the offset %d is negative", r.GetOffset())
	}
	kind, text, err := convert.Filter(r.GetFilterExpression(), s.filters)
	if err != nil {
		return err
	}
	wait := min(max(r.GetLongPollingTimeout().AsDuration(), 0), settings.MaxPolling)
	h := &protocol.PullMessageHeader{ConsumerGroup: group, Topic: p.topic, QueueID: p.id, QueueOffset: r.GetOffset(), MaxMsgNums: max(min(r.GetBatchSize(), settings.ReceiveBatch), 1),
		SysFlag: protocol.PullSubscription, Subscription: text, ExpressionType: kind, RequestSource: -1}
	if wait > 0 {
		h.SysFlag |= protocol.PullSuspend
		h.SuspendTimeoutMillis = wait.Milliseconds()
	}
	ctx, end := s.waits.begin(ctx, wait+pollGrace)
	defer end()
	return s.callWaiting(ctx, c, p.broker, request(protocol.ReqPullMessage, h), func(f *protocol.Frame) error { return to.read(f, p.topic) })
}

// read reads the answer to a pull.
func (p *pulled) read(f *protocol.Frame, topic string) error {
	var h protocol.PullMessageResponseHeader
	switch f.Code {
	case protocol.ResSuccess, protocol.ResPullNotFound, protocol.ResPullRetryImmediately, protocol.ResPullOffsetMoved:
		if err := h.Decode(f.Fields); err != nil {
			return err
		}
		p.next = h.NextBeginOffset
	}
	switch f.Code {
	case protocol.ResSuccess:
	case protocol.ResPullNotFound, protocol.ResPullRetryImmediately:
		return status.New(pb.Code_MESSAGE_NOT_FOUND, "no new message")
	case protocol.ResPullOffsetMoved:
		return status.New(pb.Code_ILLEGAL_OFFSET, "the queue has the offsets %d to %d", h.MinOffset, h.MaxOffset)
	default:
		return status.Answer(f.Code, f.Remark)
	}
	for raw := f.Body; len(raw) > 0; {
		r, err := message.ParseRecord(raw)
		if err != nil {
			return err
		}
		raw = raw[r.Size:]
		r.Topic = []byte(topic)
		p.messages = append(p.messages, p.bodies.Message(&r))
	}
	return nil
}
