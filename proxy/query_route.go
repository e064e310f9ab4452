package proxy

// QueryRoute.
//
// Callers: every client at its start and every 30 s, for each topic.
//
// Behaviour: all queues of the topic, with one address for all brokers: the advertised one, else that which the client says that it has dialled,
// else that by which its connection has come.
//
// Codes: 40002 topic; 40402 no such topic; 40017.

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// QueryRoute serves the request of that name.
func (s *Server) QueryRoute(ctx context.Context, r *pb.QueryRouteRequest) (*pb.QueryRouteResponse, error) {
	out := &pb.QueryRouteResponse{}
	who, err := callerOf(ctx)
	if err == nil {
		out.MessageQueues, err = s.queryRoute(ctx, who, r)
	}
	out.Status = status.Of(err)
	return out, nil
}

func (s *Server) queryRoute(ctx context.Context, who backend.Client, r *pb.QueryRouteRequest) ([]*pb.MessageQueue, error) {
	name, err := check.Topic(r.GetTopic())
	if err != nil {
		return nil, err
	}
	parts, err := s.route(ctx, name)
	if err != nil {
		return nil, err
	}
	types := []pb.MessageType{pb.MessageType_MESSAGE_TYPE_UNSPECIFIED}
	if t, err := s.backend.Topic(ctx, name); err == nil {
		types = convert.Types(t.Attributes[messageType])
	}
	var out []*pb.MessageQueue
	for i := range parts {
		p := &parts[i]
		broker := &pb.Broker{Name: p.Broker, Endpoints: s.endpoints(who, r.GetEndpoints())}
		out = append(out, convert.Queues(r.GetTopic(), broker, p.Perm, p.ReadQueues, p.WriteQueues, types)...)
	}
	return out, nil
}

// messageType is the attribute of a topic that says what messages it takes.
const messageType = "message.type"

// route finds the brokers of a topic.
func (s *Server) route(ctx context.Context, name string) ([]backend.Part, error) {
	parts, err := s.backend.Route(ctx, name)
	if errors.Is(err, backend.ErrNoTopic) || err == nil && len(parts) == 0 {
		return nil, status.New(pb.Code_TOPIC_NOT_FOUND, "No topic route info in name server for the topic: %s", name)
	}
	return parts, err
}

// readable are the parts of a topic that may be read.
func (s *Server) readable(ctx context.Context, name string) ([]backend.Part, error) {
	parts, err := s.route(ctx, name)
	if err != nil {
		return nil, err
	}
	return having(parts, func(p *backend.Part) bool { return p.Perm.Readable() && p.ReadQueues > 0 }), nil
}

func having(parts []backend.Part, ok func(p *backend.Part) bool) []backend.Part {
	var out []backend.Part
	for i := range parts {
		if ok(&parts[i]) {
			out = append(out, parts[i])
		}
	}
	return out
}

// endpoints are the address of all brokers for a client.
func (s *Server) endpoints(who backend.Client, dialled *pb.Endpoints) *pb.Endpoints {
	if a := s.backend.Endpoint(who); a != "" {
		return convert.Endpoints(a)
	}
	if len(dialled.GetAddresses()) > 0 {
		return dialled
	}
	return convert.Endpoints(who.Local.String())
}

// topicOf is a topic's configuration, with the code for clients when there is none.
func (s *Server) topicOf(ctx context.Context, name string) (*topic.Config, error) {
	t, err := s.backend.Topic(ctx, name)
	if errors.Is(err, backend.ErrNoTopic) {
		return nil, status.New(pb.Code_TOPIC_NOT_FOUND, "No topic route info in name server for the topic: %s", name)
	}
	return t, err
}
