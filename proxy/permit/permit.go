// Package permit says what right each gRPC request asks for, and has a [Guard] look at it. The table is that of RocketMQ's proxy; for requests that the
// proxy does not serve it is that of the remoting requests which do the same. Package proxy calls [Admit] before each request and each command of a telemetry
// stream. Everything here is safe to call at once.
//
// What differs from RocketMQ on purpose: all messages of a send are looked at, not the first one alone; and who may ask for rights without a signature
// (authorizationEnabled alone) is whom the header names, where RocketMQ's proxy refuses everybody.
package permit

import (
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Guard lets pass or refuses; *guard.Guard does. Its errors' texts are for clients.
type Guard interface {
	// Signs tells whether a request of that full name needs a signature, Asks whether it needs rights.
	Signs(request string) bool
	Asks(request string) bool
	// Passes tells whether requests from an address, or this user's from there, are asked for nothing.
	Passes(name string, from netip.Addr) bool
	// Known refuses who is no user, whose password does not hold, and who asks too often.
	Known(name string, holds func(password string) bool) error
	// Has tells whether there is a user of that name, and Vouched refuses one, whose certificate a client has shown, as Known does: who is disabled, or asks
	// too often.
	Has(name string) bool
	Vouched(name string) error
	// May refuses a user who has not all of the rights.
	May(name string, from netip.Addr, needs []decide.Need) error
}

// Asked is a request, with what its headers say.
type Asked struct {
	Message proto.Message
	// Authorization and Time are the headers authorization and x-mq-date-time, "" without them.
	Authorization, Time string
	From                []netip.Addr // one at least, and each must be allowed
	// Holder is the user whose certificate the client has shown, verified, "" for nobody's. It counts for requests without Authorization.
	Holder string
}

// Admit has a guard look at a request, nil for nobody. The error's text is for the client.
func Admit(g Guard, a *Asked) error {
	if g == nil {
		return nil
	}
	if len(a.From) == 0 {
		a.From = []netip.Addr{{}} // nowhere is no reason to ask for nothing
	}
	name := string(a.Message.ProtoReflect().Descriptor().FullName())
	signs, asks := g.Signs(name), g.Asks(name)
	if !signs && !asks {
		return nil
	}
	var h sign.Header
	if a.Authorization != "" {
		if a.Time == "" {
			return sign.Problem("datetime is null.")
		}
		var err error
		if h, err = sign.ReadHeader(a.Authorization); err != nil {
			return err
		}
	}
	vouched := a.vouched(g)
	if vouched {
		h.User = a.Holder
	}
	if len(a.From) > 0 && !slices.ContainsFunc(a.From, func(from netip.Addr) bool { return !g.Passes(h.User, from) }) {
		return nil
	}
	if signs {
		if err := known(g, a, &h, vouched); err != nil {
			return err
		}
	}
	if !asks {
		return nil
	}
	needs, err := Needs(a.Message)
	if err != nil {
		return err
	}
	for _, from := range a.From {
		if err := g.May(h.User, from, needs); err != nil {
			return err
		}
	}
	return nil
}

// known refuses whose signature does not hold, or, if a certificate stands in its place, who may not come in by one.
func known(g Guard, a *Asked, h *sign.Header, vouched bool) error {
	if vouched {
		return g.Vouched(h.User)
	}
	return g.Known(h.User, func(password string) bool { return h.Signed(a.Time, password) })
}

// User is who has signed a request that was admitted, or whose certificate stands in the place of a signature; "" where nobody had to: the operator has it that
// anybody may send such ones.
func User(g Guard, a *Asked) string {
	if g == nil || !g.Signs(string(a.Message.ProtoReflect().Descriptor().FullName())) {
		return ""
	}
	if a.vouched(g) {
		return a.Holder
	}
	h, err := sign.ReadHeader(a.Authorization)
	if err != nil {
		return "" // an address of which nothing is asked
	}
	return strings.Clone(h.User) // it stays with the client, and the header need not
}

// vouched tells whether the certificate says who asks.
func (a *Asked) vouched(g Guard) bool { return a.Authorization == "" && g.Has(a.Holder) }

// wants gathers needs, each once, and what is missing.
type wants struct {
	found []decide.Need
	err   error
}

func (w *wants) add(kind, name, missing string, actions []string) {
	if name == "" {
		if w.err == nil {
			w.err = sign.Problem(missing)
		}
		return
	}
	n := decide.Need{Resource: acl.Resource{Kind: kind, Name: name}, Actions: actions}
	if !slices.ContainsFunc(w.found, func(have decide.Need) bool { return have.Resource == n.Resource }) {
		w.found = append(w.found, n)
	}
}

func (w *wants) topic(r *pb.Resource, actions ...string) {
	w.add(decide.Topic, check.Name(r), "topic is null.", actions)
}

func (w *wants) group(r *pb.Resource, actions ...string) {
	w.add(decide.Group, check.Name(r), "group is null.", actions)
}

func (w *wants) queue(q *pb.MessageQueue, actions ...string) {
	if q == nil {
		w.err = sign.Problem("messageQueue is null.")
		return
	}
	w.topic(q.GetTopic(), actions...)
}

// Needs is what a request asks for; nothing is nil. The error says what the request does not name.
func Needs(m proto.Message) ([]decide.Need, error) {
	var w wants
	switch r := m.(type) {
	case *pb.SendMessageRequest:
		if len(r.GetMessages()) == 0 {
			return nil, sign.Problem("message is null.")
		}
		for _, one := range r.GetMessages() {
			w.topic(one.GetTopic(), decide.Pub)
		}
	case *pb.RecallMessageRequest:
		w.topic(r.GetTopic(), decide.Pub)
	case *pb.EndTransactionRequest:
		w.topic(r.GetTopic(), decide.Pub)
	case *pb.HeartbeatRequest:
		if consumes(r.GetClientType()) {
			w.group(r.GetGroup(), decide.Sub)
		}
	case *pb.NotifyClientTerminationRequest:
		if r.GetGroup().GetName() != "" {
			w.group(r.GetGroup(), decide.Sub)
		}
	case *pb.QueryRouteRequest:
		w.topic(r.GetTopic(), decide.Pub, decide.Sub)
	case *pb.TelemetryCommand:
		if r.GetSettings() != nil {
			w.settings(r.GetSettings())
		}
	default:
		w.consumer(m)
	}
	return w.found, w.err
}

// consumer is Needs of what consumers ask.
func (w *wants) consumer(m proto.Message) {
	switch r := m.(type) {
	case *pb.ReceiveMessageRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.queue(r.GetMessageQueue(), decide.Sub)
	case *pb.PullMessageRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.queue(r.GetMessageQueue(), decide.Sub)
	case *pb.AckMessageRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.topic(r.GetTopic(), decide.Sub)
	case *pb.ForwardMessageToDeadLetterQueueRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.topic(r.GetTopic(), decide.Sub)
	case *pb.ChangeInvisibleDurationRequest:
		w.group(r.GetGroup(), decide.Sub)
	case *pb.QueryAssignmentRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.topic(r.GetTopic(), decide.Sub)
	case *pb.SyncLiteSubscriptionRequest:
		w.group(r.GetGroup(), decide.Sub)
		w.topic(r.GetTopic(), decide.Sub)
	case *pb.UpdateOffsetRequest:
		w.group(r.GetGroup(), decide.Sub, decide.Update)
		w.queue(r.GetMessageQueue(), decide.Sub, decide.Update)
	case *pb.GetOffsetRequest:
		w.group(r.GetGroup(), decide.Sub, decide.Get)
		w.queue(r.GetMessageQueue(), decide.Sub, decide.Get)
	case *pb.QueryOffsetRequest:
		w.queue(r.GetMessageQueue(), decide.Sub, decide.Get)
	default:
		w.err = sign.Problem("the server knows no right for this request")
	}
}

func (w *wants) settings(s *pb.Settings) {
	if s.GetPublishing() == nil && s.GetSubscription() == nil {
		w.err = sign.Problem("settings command doesn't have publishing or subscription.")
		return
	}
	for _, topic := range s.GetPublishing().GetTopics() {
		w.topic(topic, decide.Pub)
	}
	if in := s.GetSubscription(); in != nil {
		w.group(in.GetGroup(), decide.Sub)
		for _, entry := range in.GetSubscriptions() {
			w.topic(entry.GetTopic(), decide.Sub)
		}
	}
}

func consumes(kind pb.ClientType) bool {
	return kind != pb.ClientType_PRODUCER && kind != pb.ClientType_CLIENT_TYPE_UNSPECIFIED
}
