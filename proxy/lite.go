package proxy

// SyncLiteSubscription, and what receives and acknowledgements of light topics have of their own.
//
// Callers: light push consumers, when they subscribe to light topics or leave them, and all of it every now and then.
//
// Behaviour: what the client says goes to all brokers of the topic, as LITE_SUBSCRIPTION_CTL (200071); its receives are POP_LITE_MESSAGE (200070). A broker
// without light topics refuses both.
//
// Codes: 40002 topic, also one to which the group is not bound; 40402 topic; 40003 group; 40015 no settings were sent before; 40020 name of a light topic; 40000 too many of them, or an unknown action; 42902 the
// broker allows no more; 50100 the broker has no light topics.

import (
	"cmp"
	"context"
	"sync"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/settings"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// SyncLiteSubscription serves the request of that name.
func (s *Server) SyncLiteSubscription(ctx context.Context, r *pb.SyncLiteSubscriptionRequest) (*pb.SyncLiteSubscriptionResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error { return s.syncLite(ctx, c, r) })
	return &pb.SyncLiteSubscriptionResponse{Status: status.Of(err)}, nil
}

// liteSubscription is the request body of 200071, or one of its entries.
type liteSubscription struct {
	Action  string      `json:"action"`
	Client  string      `json:"clientId"`
	Group   string      `json:"group"`
	Topic   string      `json:"topic"`
	Lite    []string    `json:"liteTopicSet"`
	Option  *liteOffset `json:"offsetOption,omitempty"`
	Version int64       `json:"version"`
}

// liteOffset is where a light topic is read from that the group has not read before.
type liteOffset struct {
	Type  string `json:"type"`
	Value int64  `json:"value"`
}

func (s *Server) syncLite(ctx context.Context, c *client, r *pb.SyncLiteSubscriptionRequest) error {
	if _, err := c.known(); err != nil {
		return err
	}
	topic, group, err := check.TopicAndGroup(r.GetTopic(), r.GetGroup())
	if err != nil {
		return err
	}
	g, _, err := s.backend.Group(ctx, group)
	if err != nil {
		return err
	}
	if bound := g.Attributes[liteBindTopic]; bound != topic {
		return status.New(pb.Code_ILLEGAL_TOPIC, "lite group %s is expected to bind topic %s, but actual is %s", group, bound, topic)
	}
	action, known := pb.LiteSubscriptionAction_name[int32(r.GetAction())]
	switch n := len(r.GetLiteTopicSet()); {
	case !known:
		return status.New(pb.Code_BAD_REQUEST, "unknown action %d", r.GetAction())
	case n > settings.LiteQuota:
		return status.New(pb.Code_LITE_SUBSCRIPTION_QUOTA_EXCEEDED, "%d light topics, the limit is %d", n, settings.LiteQuota)
	}
	for _, name := range r.GetLiteTopicSet() {
		if err := check.LiteTopic(name); err != nil {
			return err
		}
	}
	sub := liteSubscription{Action: action, Client: c.who.ID, Group: group, Topic: topic, Lite: r.GetLiteTopicSet(), Option: offsetOption(r.GetOffsetOption()), Version: r.GetVersion()}
	if sub.Lite == nil {
		sub.Lite = []string{}
	}
	parts, err := s.route(ctx, topic)
	if err != nil {
		return err
	}
	body := protocol.MarshalBody(map[string]any{"subscriptionSet": []liteSubscription{sub}})
	all := make([]error, len(parts))
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { all[i] = s.tellLite(ctx, c, parts[i].Broker, body) })
	}
	wg.Wait()
	return cmp.Or(all...) // the first broker that refuses is who the client hears of
}

func (s *Server) tellLite(ctx context.Context, c *client, broker string, body []byte) error {
	f := &protocol.Frame{Code: protocol.ReqLiteSubscriptionCtl, Body: body}
	return s.callRaw(ctx, c, broker, f, func(f *protocol.Frame) error {
		if f.Code == protocol.ResLiteSubscriptionQuotaExceeded {
			return status.New(pb.Code_LITE_SUBSCRIPTION_QUOTA_EXCEEDED, "%s", f.Remark)
		}
		return status.Answer(f.Code, f.Remark)
	})
}

func offsetOption(o *pb.OffsetOption) *liteOffset {
	switch v := o.GetOffsetType().(type) {
	case *pb.OffsetOption_Policy_:
		return &liteOffset{"POLICY", int64(v.Policy)}
	case *pb.OffsetOption_Offset:
		return &liteOffset{"OFFSET", v.Offset}
	case *pb.OffsetOption_TailN:
		return &liteOffset{"TAIL_N", v.TailN}
	case *pb.OffsetOption_Timestamp:
		return &liteOffset{"TIMESTAMP", v.Timestamp}
	}
	return nil
}

// light reports whether a client consumes light topics.
func light(set *pb.Settings) bool {
	t := set.GetClientType()
	return t == pb.ClientType_LITE_PUSH_CONSUMER || t == pb.ClientType_LITE_SIMPLE_CONSUMER
}

// popLite is the request of a receive of light topics.
func popLite(c *client, h *protocol.PopMessageHeader) *protocol.Frame {
	f := &protocol.Frame{Code: protocol.ReqPopLiteMessage}
	f.Fields.Add("clientId", c.who.ID)
	f.Fields.Add("consumerGroup", h.ConsumerGroup)
	f.Fields.Add("topic", h.Topic)
	f.Fields.AddInt("maxMsgNum", int64(h.MaxMsgNums))
	f.Fields.AddInt("invisibleTime", h.InvisibleTime)
	f.Fields.AddInt("pollTime", h.PollTime)
	f.Fields.AddInt("bornTime", h.BornTime)
	if h.AttemptID != "" {
		f.Fields.Add("attemptId", h.AttemptID)
	}
	f.Fields.Add("bname", h.BrokerName)
	return f
}
