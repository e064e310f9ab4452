package proxy

// Heartbeat, NotifyClientTermination.
//
// Callers: every client each 10 s, and at its end.
//
// Behaviour: a heartbeat enters the client again in what its settings name: as a producer of each topic, under the topic's name as group, or as a
// member of its consumer group, with its subscriptions. A client that goes leaves at once, and its settings are forgotten.
//
// Codes: 40015 no settings were sent before, or the client type is unknown; 40003 group; 40017.

import (
	"context"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// Heartbeat serves the request of that name.
func (s *Server) Heartbeat(ctx context.Context, r *pb.HeartbeatRequest) (*pb.HeartbeatResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		set, err := c.known()
		if err != nil {
			return err
		}
		if set.GetSubscription() != nil {
			if _, err := check.Group(r.GetGroup()); err != nil {
				return err
			}
		}
		return s.beat(ctx, c, set)
	})
	return &pb.HeartbeatResponse{Status: status.Of(err)}, nil
}

// known returns the client's settings.
func (c *client) known() (*pb.Settings, error) {
	if set := c.settings.Load(); set != nil {
		return set, nil
	}
	return nil, status.New(pb.Code_UNRECOGNIZED_CLIENT_TYPE, "cannot find client settings for this client: %.300s", c.who.ID)
}

// beat enters a client in its groups at all brokers that have its topics, or as many as there are.
func (s *Server) beat(ctx context.Context, c *client, set *pb.Settings) error {
	data := protocol.HeartbeatData{ClientID: c.who.ID, ProducerDataSet: []protocol.ProducerData{}, ConsumerDataSet: []protocol.ConsumerData{}}
	var topics []string
	switch {
	case set.GetPublishing() != nil:
		for _, t := range set.GetPublishing().GetTopics() {
			data.ProducerDataSet = append(data.ProducerDataSet, protocol.ProducerData{GroupName: check.Name(t)})
			topics = append(topics, check.Name(t))
		}
	default:
		d, err := convert.Consumer(set, c.since.Load(), s.filters)
		if err != nil {
			return err
		}
		for i := range d.SubscriptionData {
			topics = append(topics, d.SubscriptionData[i].Topic)
		}
		data.ConsumerDataSet = append(data.ConsumerDataSet, d)
	}
	body := protocol.MarshalBody(data)
	return s.tellAll(ctx, c, s.brokersOf(ctx, topics), body)
}

// beatTime is how long one of several brokers may take to answer a heartbeat; a broker that is alone has the request's time.
const beatTime = 2 * time.Second

// tellAll sends a heartbeat to brokers at once. It succeeds if any has taken it: a client must be able to work while a broker is gone, which hears the next
// heartbeat when it is back.
func (s *Server) tellAll(ctx context.Context, c *client, brokers []string, body []byte) error {
	if len(brokers) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, beatTime)
		defer cancel()
	}
	all := make([]error, len(brokers))
	var wg sync.WaitGroup
	for i, broker := range brokers {
		wg.Go(func() {
			all[i] = s.call(ctx, c, broker, &protocol.Frame{Code: protocol.ReqHeartBeat, Body: body}, nil)
		})
	}
	wg.Wait()
	failed, taken := all[0], false
	for i, err := range all {
		taken = taken || err == nil
		if err != nil {
			s.opt.Logger.Debug("a broker has not taken a heartbeat", "client", c.who.ID, "broker", brokers[i], "error", err)
		}
		if hopeless(err) { // what a broker says is more than that another says nothing
			failed = err
		}
	}
	if taken {
		return nil
	}
	return failed
}

// brokersOf are the brokers that have any of the topics; "" stands for any broker, when none has.
func (s *Server) brokersOf(ctx context.Context, topics []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, name := range topics {
		parts, err := s.backend.Route(ctx, name)
		if err != nil {
			continue // it may be made later
		}
		for i := range parts {
			if b := parts[i].Broker; !seen[b] {
				seen[b] = true
				out = append(out, b)
			}
		}
	}
	if len(out) == 0 {
		return []string{""}
	}
	return out
}

// NotifyClientTermination serves the request of that name.
func (s *Server) NotifyClientTermination(ctx context.Context, r *pb.NotifyClientTerminationRequest) (*pb.NotifyClientTerminationResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		set, err := c.known()
		if err != nil {
			return err
		}
		if set.GetSubscription() != nil {
			if _, err := check.Group(r.GetGroup()); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, s.opt.RequestTimeout)
		defer cancel()
		s.giveBackAll(ctx, c)
		s.forget(c)
		return nil
	})
	return &pb.NotifyClientTerminationResponse{Status: status.Of(err)}, nil
}
