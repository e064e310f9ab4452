package proxy

// QueryAssignment.
//
// Callers: push consumers, every 5 s for each topic.
//
// Behaviour: one queue with id -1, all of a broker's, for each broker where the topic can be read; every single queue when the group consumes in order.
// All members get the same: who gets which message the broker decides at each receive.
//
// Codes: 40002, 40402 topic; 40003 group; 40300 no queue can be read.

import (
	"context"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// QueryAssignment serves the request of that name.
func (s *Server) QueryAssignment(ctx context.Context, r *pb.QueryAssignmentRequest) (*pb.QueryAssignmentResponse, error) {
	out := &pb.QueryAssignmentResponse{}
	who, err := callerOf(ctx)
	if err == nil {
		out.Assignments, err = s.assignments(ctx, who, r)
	}
	out.Status = status.Of(err)
	return out, nil
}

func (s *Server) assignments(ctx context.Context, who backend.Client, r *pb.QueryAssignmentRequest) ([]*pb.Assignment, error) {
	topicName, groupName, err := check.TopicAndGroup(r.GetTopic(), r.GetGroup())
	if err != nil {
		return nil, err
	}
	parts, err := s.readable(ctx, topicName)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, status.New(pb.Code_FORBIDDEN, "no readable queue of topic %s", topicName)
	}
	g, known, err := s.backend.Group(ctx, groupName)
	if err != nil {
		return nil, err
	}
	single := known && g.ConsumeMessageOrderly && g.Attributes[liteBindTopic] == ""
	var out []*pb.Assignment
	for i := range parts {
		p := &parts[i]
		perm := pb.Permission_READ
		if p.Perm.Writable() {
			perm = pb.Permission_READ_WRITE
		}
		add := func(id int32) {
			out = append(out, &pb.Assignment{MessageQueue: &pb.MessageQueue{Topic: r.GetTopic(), Id: id, Permission: perm,
				Broker: &pb.Broker{Name: p.Broker, Endpoints: s.endpoints(who, r.GetEndpoints())}}})
		}
		if !single {
			add(-1)
			continue
		}
		for id := range p.ReadQueues {
			add(id)
		}
	}
	return out, nil
}

// liteBindTopic is the attribute of a group whose members consume light topics of one topic.
const liteBindTopic = "lite.bind.topic"
