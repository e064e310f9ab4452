package proxy

// UpdateOffset, GetOffset, QueryOffset.
//
// Callers: pull consumers. RocketMQ's proxy declares these requests and does not serve them.
//
// Behaviour: they are UPDATE_CONSUMER_OFFSET (15), QUERY_CONSUMER_OFFSET (14), and GET_MIN_OFFSET, GET_MAX_OFFSET or SEARCH_OFFSET_BY_TIMESTAMP (31, 30, 29) of
// one queue.
//
// Codes: 40002, 40402 topic; 40003, 40403 group; 40000 the queue's broker does not have the topic, or there is no such queue; 40019 offset; 40404 the group has
// no offset there.

import (
	"context"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// place is one queue.
type place struct {
	topic  string
	broker string
	id     int32
}

// placeOf finds a queue.
func (s *Server) placeOf(ctx context.Context, q *pb.MessageQueue) (place, error) {
	name, err := check.Topic(q.GetTopic())
	if err != nil {
		return place{}, err
	}
	parts, err := s.route(ctx, name)
	if err != nil {
		return place{}, err
	}
	for i := range parts {
		p := &parts[i]
		if p.Broker != q.GetBroker().GetName() && (q.GetBroker().GetName() != "" || len(parts) > 1) {
			continue
		}
		if q.GetId() < 0 || q.GetId() >= max(p.ReadQueues, p.WriteQueues) {
			return place{}, status.New(pb.Code_BAD_REQUEST, "topic %s has %d queues on broker %s, there is no queue %d", name, p.ReadQueues, p.Broker, q.GetId())
		}
		return place{name, p.Broker, q.GetId()}, nil
	}
	return place{}, status.New(pb.Code_BAD_REQUEST, "topic %s does not lie on broker %.300q", name, q.GetBroker().GetName())
}

// placeAndGroup finds a queue, and a group's name.
func (s *Server) placeAndGroup(ctx context.Context, q *pb.MessageQueue, g *pb.Resource) (place, string, error) {
	group, err := check.Group(g)
	if err != nil {
		return place{}, "", err
	}
	p, err := s.placeOf(ctx, q)
	return p, group, err
}

// UpdateOffset serves the request of that name.
func (s *Server) UpdateOffset(ctx context.Context, r *pb.UpdateOffsetRequest) (*pb.UpdateOffsetResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		p, group, err := s.placeAndGroup(ctx, r.GetMessageQueue(), r.GetGroup())
		if err != nil {
			return err
		}
		if r.GetOffset() < 0 {
			return status.New(pb.Code_ILLEGAL_OFFSET, "the offset %d is negative", r.GetOffset())
		}
		h := &protocol.UpdateConsumerOffsetHeader{ConsumerGroup: group, Topic: p.topic, QueueID: p.id, CommitOffset: r.GetOffset()}
		return s.call(ctx, c, p.broker, request(protocol.ReqUpdateConsumerOffset, h), nil)
	})
	return &pb.UpdateOffsetResponse{Status: status.Of(err)}, nil
}

// GetOffset serves the request of that name.
func (s *Server) GetOffset(ctx context.Context, r *pb.GetOffsetRequest) (*pb.GetOffsetResponse, error) {
	out := &pb.GetOffsetResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		p, group, err := s.placeAndGroup(ctx, r.GetMessageQueue(), r.GetGroup())
		if err != nil {
			return err
		}
		h := &protocol.QueryConsumerOffsetHeader{ConsumerGroup: group, Topic: p.topic, QueueID: p.id}
		return s.callRaw(ctx, c, p.broker, request(protocol.ReqQueryConsumerOffset, h), func(f *protocol.Frame) error {
			if f.Code == protocol.ResQueryNotFound {
				return status.New(pb.Code_OFFSET_NOT_FOUND, "group %s has no offset in queue %d of topic %s", group, p.id, p.topic)
			}
			return readOffset(f, &out.Offset)
		})
	})
	out.Status = status.Of(err)
	return out, nil
}

// readOffset reads an answer that is an offset.
func readOffset(f *protocol.Frame, to *int64) error {
	if err := status.Answer(f.Code, f.Remark); err != nil {
		return err
	}
	var h protocol.OffsetResponseHeader
	err := h.Decode(f.Fields)
	*to = h.Offset
	return err
}

// QueryOffset serves the request of that name.
func (s *Server) QueryOffset(ctx context.Context, r *pb.QueryOffsetRequest) (*pb.QueryOffsetResponse, error) {
	out := &pb.QueryOffsetResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		p, err := s.placeOf(ctx, r.GetMessageQueue())
		if err != nil {
			return err
		}
		queue := &protocol.QueueHeader{Topic: p.topic, QueueID: p.id, Committed: true}
		var f *protocol.Frame
		switch r.GetQueryOffsetPolicy() {
		case pb.QueryOffsetPolicy_BEGINNING:
			f = request(protocol.ReqGetMinOffset, queue)
		case pb.QueryOffsetPolicy_END:
			f = request(protocol.ReqGetMaxOffset, queue)
		case pb.QueryOffsetPolicy_TIMESTAMP:
			if !r.GetTimestamp().IsValid() {
				return status.New(pb.Code_BAD_REQUEST, "an offset is asked for by time, and the time is missing or wrong")
			}
			f = request(protocol.ReqSearchOffsetByTimestamp, &protocol.SearchOffsetHeader{Topic: p.topic, QueueID: p.id, Timestamp: r.GetTimestamp().AsTime().UnixMilli()})
		default:
			return status.New(pb.Code_BAD_REQUEST, "an offset is asked for in an unknown way: %d", r.GetQueryOffsetPolicy())
		}
		return s.callRaw(ctx, c, p.broker, f, func(f *protocol.Frame) error { return readOffset(f, &out.Offset) })
	})
	out.Status = status.Of(err)
	return out, nil
}
