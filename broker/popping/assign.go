package popping

// QUERY_ASSIGNMENT (400), SET_MESSAGE_REQUEST_MODE (401).
//
// Callers: 400 push consumers that leave the sharing out to the broker (clientRebalance=false), at each rebalance; 401 mqadmin
// setConsumeMode.
//
// Behaviour: 400 shares the topic's queues on all brokers out among the members of the group, sorted by client id, with the
// strategy that the client names. A group that pops a topic gets queue -1, all of a broker's, of each broker for every member, or, when a
// share number is set, its own queues and those of as many neighbours. Retry topics are always pulled. An answer without
// assignments tells the client to keep what it has. What 401 sets is durable before the answer.
//
// Codes: 0; 16 a mode for a retry topic; 17 no such topic (401); 26 no such group (401); 1 unreadable body.

import (
	"context"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// maxModeBody bounds the bodies of both requests in bytes.
const maxModeBody = 64 << 10

// strategyOf finds the strategy of a name; nil if the broker has none of it, as Apache has none but these.
func strategyOf(name string) allocate.Strategy {
	for _, s := range []allocate.Strategy{allocate.Averagely{}, allocate.ByCircle{}} {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

// HandleQueryAssignment serves QUERY_ASSIGNMENT.
func (p *Pops) HandleQueryAssignment(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) { p.queryAssignment(c, f) }) // it may ask a NameServer
}

func (p *Pops) queryAssignment(c *remoting.Conn, f *protocol.Frame) {
	var req protocol.QueryAssignmentRequest
	if !p.readBody(c, f, &req) {
		return
	}
	mode, ok := p.store.RequestMode(req.ConsumerGroup, req.Topic)
	if !ok && !message.IsRetry(req.Topic) {
		mode = p.opt.Mode
	}
	var list []protocol.MessageQueueAssignment
	if queues := p.assign(&req, mode); queues != nil {
		list = []protocol.MessageQueueAssignment{}
		name := protocol.ModePull
		if mode.Pop {
			name = protocol.ModePop
		}
		for _, q := range queues {
			list = append(list, protocol.MessageQueueAssignment{Mode: name,
				Queue: q})
		}
	}
	out := f.Reply(protocol.ResSuccess, "")
	out.Body = []byte("{}")
	if list != nil {
		out.Body = protocol.MarshalBody(protocol.QueryAssignmentResponse{Assignments: list})
	}
	if err := c.Send(&out); err != nil {
		p.opt.Logger.Debug("answer not sent", "remote", c.RemoteAddr(), "error", err)
	}
}

// readBody reads a body of JSON, or refuses the request.
func (p *Pops) readBody(c *remoting.Conn, f *protocol.Frame, to any) bool {
	if len(f.Body) > maxModeBody {
		p.host.Refuse(c, f, apart.Refuse(protocol.ResSystemError, "the request's body has %d bytes, the limit is %d", len(f.Body), maxModeBody))
		return false
	}
	if err := protocol.UnmarshalBody(f.Body, to); err != nil {
		p.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return false
	}
	return true
}

// assign shares a topic's queues out; nil tells the client to keep what it has.
func (p *Pops) assign(req *protocol.QueryAssignmentRequest, mode pop.Mode) []allocate.Queue {
	queues, err := p.queues(req.Topic)
	if err != nil {
		p.opt.Logger.Warn("no queues are assigned: the topic's route is not known", "group", req.ConsumerGroup, "topic", req.Topic, "error", err)
	}
	if len(queues) == 0 {
		return nil
	}
	if req.MessageModel == protocol.ModelBroadcasting {
		return queues
	}
	members := p.host.Members(req.ConsumerGroup)
	slices.Sort(members)
	members = slices.Compact(members)
	s := strategyOf(req.StrategyName)
	if len(members) == 0 || s == nil {
		p.opt.Logger.Warn("no queues are assigned", "group", req.ConsumerGroup, "topic", req.Topic, "client", req.ClientID,
			"members", len(members), "strategy", req.StrategyName)
		return nil
	}
	if mode.Pop {
		return p.share(s, req.ClientID, queues, members, int(mode.Share))
	}
	out, err := s.Allocate(req.ClientID, queues, members)
	if err != nil {
		p.opt.Logger.Warn("no queues are assigned", "group", req.ConsumerGroup, "topic", req.Topic, "client", req.ClientID, "error", err)
		return nil
	}
	return notNil(out)
}

// queues are a topic's readable queues, sorted.
func (p *Pops) queues(topicName string) (out []allocate.Queue, err error) {
	if p.opt.Queues != nil {
		ctx, cancel := context.WithTimeout(context.Background(), routeTimeout)
		defer cancel()
		return p.opt.Queues(ctx, topicName)
	}
	t, _ := p.store.Topic(topicName)
	if !t.Perm.Readable() {
		return nil, nil
	}
	for id := range t.ReadQueues {
		out = append(out, allocate.Queue{Topic: t.Name, BrokerName: p.opt.BrokerName, QueueID: id})
	}
	return out, nil
}

// routeTimeout bounds the look for a topic's queues on other brokers.
const routeTimeout = 2 * time.Second

// share assigns queues to pop.
func (p *Pops) share(s allocate.Strategy, me string, queues []allocate.Queue, members []string, others int) []allocate.Queue {
	at := slices.Index(members, me)
	switch {
	case others <= 0 || others >= len(members)-1:
		out := slices.Clone(queues)
		for i := range out {
			out[i].QueueID = -1
		}
		return slices.Compact(out)
	case at < 0:
		return []allocate.Queue{}
	case len(members) > len(queues):
		return []allocate.Queue{queues[at%len(queues)]}
	}
	var out []allocate.Queue
	for i := range others + 1 {
		mine, err := s.Allocate(members[(at+i)%len(members)], queues, members)
		if err != nil {
			p.opt.Logger.Warn("no queues are assigned", "client", me, "error", err)
			return nil
		}
		out = append(out, mine...)
	}
	return notNil(out)
}

func notNil(list []allocate.Queue) []allocate.Queue {
	if list == nil {
		return []allocate.Queue{}
	}
	return list
}

// HandleSetRequestMode serves SET_MESSAGE_REQUEST_MODE.
func (p *Pops) HandleSetRequestMode(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		var req protocol.RequestMode
		if !p.readBody(c, f, &req) {
			return
		}
		if err := p.setMode(&req); err != nil {
			p.host.Refuse(c, f, err)
			return
		}
		p.host.Answer(c, f, protocol.ResSuccess, "")
	})
}

func (p *Pops) setMode(req *protocol.RequestMode) error {
	if message.IsRetry(req.Topic) {
		return apart.Refuse(protocol.ResNoPermission, "retry topic is not allowed to set mode: %.300s", req.Topic)
	}
	if _, ok := p.store.Topic(req.Topic); !ok {
		return apart.Refuse(protocol.ResTopicNotExist, "topic[%.300s] not exist", req.Topic)
	}
	if _, err := p.host.EnsureGroup(req.ConsumerGroup); err != nil {
		return apart.Refuse(protocol.ResSubscriptionGroupNotExist, "subscription group does not exist: %.300s: %v", req.ConsumerGroup, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), popTimeout)
	defer cancel()
	p.opt.Logger.Info("how a group reads a topic is set", "group", req.ConsumerGroup, "topic", req.Topic, "mode", req.Mode, "share", req.PopShareQueueNum)
	return p.store.SetRequestMode(ctx, req.ConsumerGroup, req.Topic, pop.Mode{Pop: req.Mode == protocol.ModePop, Share: max(req.PopShareQueueNum, 0)})
}
