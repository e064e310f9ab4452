package proxy

// ReceiveMessage.
//
// Callers: push and simple consumers.
//
// Behaviour: a pop of all queues of the topic on the broker that the request names, or on any. It waits for messages as long as the request, or the
// client's deadline, allows. First comes a status, then the messages, then the time at which they were handed out. Messages that the client does not
// take are in sight again after a second.
//
// A client whose settings are not known is served by what its request says of it. RocketMQ fails there with 50001; but a receive may overtake the
// settings, and the Go client sends them again only minutes after the server has been started anew.
//
// Codes: 40002, 40402 topic; 40003, 40403 group; 40010 filter; 40011 invisible time; 40018 (40000 for clients before
// 5.0.3) too little time is left to wait; 40401 there is no message; 42900 too many wait; 40300 no queue can be read.

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/settings"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

const (
	// renewedInvisible is how long a message is out of sight whose receipt the server renews.
	renewedInvisible = 60 * time.Second
	// pollGrace is what a broker may take longer to answer than it may wait.
	pollGrace = 3 * time.Second
)

// ReceiveMessage serves the request of that name.
func (s *Server) ReceiveMessage(r *pb.ReceiveMessageRequest, g grpc.ServerStreamingServer[pb.ReceiveMessageResponse]) error {
	ctx := g.Context()
	who, err := s.admitted(ctx, r)
	var p *popped
	err = s.serve(who, err, func(c *client) error {
		if p, err = s.receive(ctx, c, r); err != nil {
			return err
		}
		defer p.bodies.End()
		writing := s.untaken.begin(ctx, p.messages)
		defer writing.end()
		if sent := p.write(g, writing); sent < len(p.messages) {
			s.giveBack(c, p.messages[sent:], p.group, p.topic)
			return errNotTaken
		}
		return nil
	})
	if err == nil || p != nil {
		return nil // it was written, as far as the client took it
	}
	if err := g.Send(&pb.ReceiveMessageResponse{Content: &pb.ReceiveMessageResponse_Status{Status: status.Of(err)}}); err != nil {
		return err
	}
	return g.Send(handedOut(s.opt.Now()))
}

func handedOut(at time.Time) *pb.ReceiveMessageResponse {
	return &pb.ReceiveMessageResponse{Content: &pb.ReceiveMessageResponse_DeliveryTimestamp{DeliveryTimestamp: timestamppb.New(at)}}
}

// errNotTaken says that a client has not taken its messages.
var errNotTaken = status.New(pb.Code_INTERNAL_ERROR, "the client has not taken its messages")

// popped is what a receive brings.
type popped struct {
	group, topic string
	messages     []*pb.Message
	bodies       *convert.Inflation
	at           time.Time
}

// write sends all, and returns how many of the messages the client has taken.
func (p *popped) write(g grpc.ServerStreamingServer[pb.ReceiveMessageResponse], writing *answer) (sent int) {
	if g.Send(&pb.ReceiveMessageResponse{Content: &pb.ReceiveMessageResponse_Status{Status: status.OK()}}) != nil {
		return 0
	}
	for _, m := range p.messages {
		p.bodies.Open(m)
		if g.Send(&pb.ReceiveMessageResponse{Content: &pb.ReceiveMessageResponse_Message{Message: m}}) != nil {
			return sent
		}
		p.bodies.Sent(m)
		writing.sent()
		sent++
	}
	if g.Context().Err() != nil {
		return 0 // nobody knows how many
	}
	_ = g.Send(handedOut(p.at)) // the messages have gone
	return sent
}

// receive pops messages.
func (s *Server) receive(ctx context.Context, c *client, r *pb.ReceiveMessageRequest) (*popped, error) {
	set, err := s.introduced(ctx, c, r)
	if err != nil {
		return nil, err
	}
	wait, err := s.polling(ctx, c, set, r)
	if err != nil {
		return nil, err
	}
	topicName, groupName, err := check.TopicAndGroup(r.GetMessageQueue().GetTopic(), r.GetGroup())
	if err != nil {
		return nil, err
	}
	invisible := r.GetInvisibleDuration().AsDuration()
	if r.GetAutoRenew() {
		invisible = renewedInvisible
	} else if err := check.Invisible(invisible, check.MinInvisible); err != nil {
		return nil, err
	}
	kind, text, err := convert.Filter(r.GetFilterExpression(), s.filters)
	if err != nil {
		return nil, err
	}
	broker, err := s.readableBroker(ctx, topicName, r.GetMessageQueue().GetBroker().GetName())
	if err != nil {
		return nil, err
	}
	h := &protocol.PopMessageHeader{ConsumerGroup: groupName, Topic: topicName, QueueID: -1, MaxMsgNums: max(min(r.GetBatchSize(), settings.ReceiveBatch), 1),
		InvisibleTime: invisible.Milliseconds(), PollTime: wait.Milliseconds(), BornTime: s.opt.Now().UnixMilli(), InitMode: 1, ExpressionType: kind, Expression: text,
		Order: set.GetSubscription().GetFifo(), AttemptID: r.GetAttemptId(), BrokerName: broker}
	p := &popped{group: groupName, topic: topicName, bodies: s.inflater.Batch()}
	// The pop goes on when the client goes away: what it brings is given back at once instead of being out of sight for long.
	ctx, end := s.waits.begin(context.WithoutCancel(ctx), wait+pollGrace)
	defer end()
	f := request(protocol.ReqPopMessage, h)
	read := func(f *protocol.Frame) ([]*pb.Message, time.Time, error) {
		return convert.Popped(f, broker, h, p.bodies)
	}
	if light(set) {
		f = popLite(c, h)
		read = func(f *protocol.Frame) ([]*pb.Message, time.Time, error) {
			return convert.PoppedLite(f, broker, topicName, p.bodies)
		}
	}
	err = s.callWaiting(ctx, c, broker, f, func(f *protocol.Frame) error { return p.read(f, read) })
	if err != nil {
		return nil, err
	}
	if kind == protocol.ExpressionTag {
		s.withoutOthers(ctx, c, p, text)
	}
	s.withoutExhausted(ctx, c, p, set)
	if len(p.messages) == 0 {
		return nil, status.New(pb.Code_MESSAGE_NOT_FOUND, "no new message")
	}
	if r.GetAutoRenew() {
		s.renewLater(c, p)
	}
	return p, nil
}

// withoutOthers takes out what brokers, which compare hashes, took for messages with the tags wanted, and acknowledges it.
func (s *Server) withoutOthers(ctx context.Context, c *client, p *popped, expression string) {
	if expression == "*" {
		return
	}
	wanted := map[string]bool{}
	for tag := range strings.SplitSeq(expression, "||") {
		wanted[strings.TrimSpace(tag)] = true
	}
	p.messages = slices.DeleteFunc(p.messages, func(m *pb.Message) bool {
		sys := m.GetSystemProperties()
		if wanted[sys.GetTag()] {
			return false
		}
		handle, err := readHandle(sys.GetReceiptHandle())
		if err == nil {
			err = s.ackHandle(ctx, c, p.group, p.topic, handle, sys.GetLiteTopic())
		}
		if err != nil {
			s.opt.Logger.Debug("a message of another tag is not acknowledged", "group", p.group, "topic", p.topic, "error", err)
		}
		return true
	})
}

// introduced returns the client's settings, or else those that follow from its request; these are not kept, so that a heartbeat still asks for the real ones.
func (s *Server) introduced(ctx context.Context, c *client, r *pb.ReceiveMessageRequest) (*pb.Settings, error) {
	if set := c.settings.Load(); set != nil {
		return set, nil
	}
	kind := pb.ClientType_SIMPLE_CONSUMER
	if r.GetAutoRenew() {
		kind = pb.ClientType_PUSH_CONSUMER
	}
	in := &pb.Settings{ClientType: &kind, RequestTimeout: durationpb.New(pollGrace), PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{
		Group: r.GetGroup(), Subscriptions: []*pb.SubscriptionEntry{{Topic: r.GetMessageQueue().GetTopic(), Expression: r.GetFilterExpression()}}}}}
	if err := settings.Check(in); err != nil {
		return nil, err
	}
	if err := s.beat(ctx, c, in); err != nil {
		return nil, err
	}
	return s.complete(ctx, in)
}

// read reads the answer to a pop, its messages by a function of the kind of pop.
func (p *popped) read(f *protocol.Frame, messages func(*protocol.Frame) ([]*pb.Message, time.Time, error)) error {
	switch f.Code {
	case protocol.ResSuccess:
	case protocol.ResPollingTimeout, protocol.ResPullNotFound:
		return status.New(pb.Code_MESSAGE_NOT_FOUND, "no new message")
	case protocol.ResPollingFull:
		return status.New(pb.Code_TOO_MANY_REQUESTS, "polling full: %s", f.Remark)
	default:
		return status.Answer(f.Code, f.Remark)
	}
	var err error
	p.messages, p.at, err = messages(f)
	if err == nil && len(p.messages) == 0 {
		return status.New(pb.Code_MESSAGE_NOT_FOUND, "no new message")
	}
	return err
}

// pollMargin is kept of the time that the client gives, so that an empty answer comes before its deadline: the Rust client gives a
// receive no more than the poll that it asks for, and RocketMQ lets it run out.
const pollMargin = 300 * time.Millisecond

// polling is how long a receive waits for messages. Source: ReceiveMessageActivity of RocketMQ 5.
func (s *Server) polling(ctx context.Context, c *client, set *pb.Settings, r *pb.ReceiveMessageRequest) (time.Duration, error) {
	left := s.remaining(ctx)
	wait := left - set.GetRequestTimeout().AsDuration()/2
	if r.LongPollingTimeout != nil {
		wait = r.GetLongPollingTimeout().AsDuration()
	}
	wait = min(max(wait, settings.MinPolling), settings.MaxPolling)
	if left >= settings.MinPolling {
		return min(wait, left-pollMargin), nil
	}
	code := pb.Code_ILLEGAL_POLLING_TIME
	if c.who.Version < "5.0.3" {
		code = pb.Code_BAD_REQUEST
	}
	return 0, status.New(code, "The deadline time remaining is not enough for polling, please check network condition: %d ms are left, a receive waits %d at least",
		left.Milliseconds(), settings.MinPolling.Milliseconds())
}

// readableBroker is the broker of that name, if the topic can be read there, else any other where it can.
func (s *Server) readableBroker(ctx context.Context, topicName, named string) (string, error) {
	parts, err := s.readable(ctx, topicName)
	if err != nil {
		return "", err
	}
	if len(parts) == 0 {
		return "", status.New(pb.Code_FORBIDDEN, "no readable queue of topic %s", topicName)
	}
	for i := range parts {
		if parts[i].Broker == named {
			return named, nil
		}
	}
	return parts[rand.IntN(len(parts))].Broker, nil // #nosec G404 -- spreads load, guards nothing
}

// giveBack makes messages visible again soon.
func (s *Server) giveBack(c *client, messages []*pb.Message, group, topic string) {
	ctx, cancel := context.WithTimeout(context.Background(), s.opt.RequestTimeout)
	defer cancel()
	for _, m := range messages {
		err := s.withReceipt(ctx, c, group, m.GetSystemProperties().GetReceiptHandle(), func(handle protocol.PopHandle) error {
			_, err := s.changeInvisible(ctx, c, group, topic, handle, time.Second, false, m.GetSystemProperties().GetLiteTopic())
			return err
		})
		if err != nil {
			s.opt.Logger.Debug("a message that was not taken is not given back", "group", group, "topic", topic, "error", err)
		}
	}
}
