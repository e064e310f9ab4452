package permit_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/permit"
)

func named(name string) *pb.Resource { return &pb.Resource{Name: name} }

func TestNeeds(t *testing.T) {
	f := func(m proto.Message, want string) {
		t.Helper()
		needs, err := permit.Needs(m)
		var got []string
		for _, n := range needs {
			got = append(got, strings.Join(n.Actions, ",")+" "+n.Resource.String())
		}
		text := strings.Join(got, "; ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if text != want {
			t.Errorf("%T asks for %q, want %q", m, text, want)
		}
	}
	topic, group, queue := named("a"), named("g"), &pb.MessageQueue{Topic: named("a")}
	const consumes = "Sub Group:g; Sub Topic:a"
	f(&pb.SendMessageRequest{Messages: []*pb.Message{{Topic: topic}, {Topic: named("b")}, {Topic: topic}}}, "Pub Topic:a; Pub Topic:b")
	f(&pb.SendMessageRequest{}, "error: message is null.")
	f(&pb.SendMessageRequest{Messages: []*pb.Message{{}}}, "error: topic is null.")
	f(&pb.SendMessageRequest{Messages: []*pb.Message{{Topic: &pb.Resource{ResourceNamespace: "ns", Name: "a"}}}}, "Pub Topic:ns%a")
	f(&pb.RecallMessageRequest{Topic: topic}, "Pub Topic:a")
	f(&pb.EndTransactionRequest{Topic: topic}, "Pub Topic:a")
	f(&pb.HeartbeatRequest{ClientType: pb.ClientType_PRODUCER}, "")
	f(&pb.HeartbeatRequest{ClientType: pb.ClientType_LITE_PUSH_CONSUMER, Group: group}, "Sub Group:g")
	f(&pb.HeartbeatRequest{ClientType: pb.ClientType_SIMPLE_CONSUMER}, "error: group is null.")
	f(&pb.NotifyClientTerminationRequest{}, "")
	f(&pb.NotifyClientTerminationRequest{Group: group}, "Sub Group:g")
	f(&pb.QueryRouteRequest{Topic: topic}, "Pub,Sub Topic:a")
	f(&pb.ReceiveMessageRequest{Group: group, MessageQueue: queue}, consumes)
	f(&pb.ReceiveMessageRequest{Group: group}, "error: messageQueue is null.")
	f(&pb.PullMessageRequest{Group: group, MessageQueue: queue}, consumes)
	f(&pb.AckMessageRequest{Group: group, Topic: topic}, consumes)
	f(&pb.ForwardMessageToDeadLetterQueueRequest{Group: group, Topic: topic}, consumes)
	f(&pb.ChangeInvisibleDurationRequest{Group: group, Topic: topic}, "Sub Group:g")
	f(&pb.QueryAssignmentRequest{Group: group, Topic: topic}, consumes)
	f(&pb.SyncLiteSubscriptionRequest{Group: group, Topic: topic}, consumes)
	f(&pb.UpdateOffsetRequest{Group: group, MessageQueue: queue}, "Sub,Update Group:g; Sub,Update Topic:a")
	f(&pb.GetOffsetRequest{Group: group, MessageQueue: queue}, "Sub,Get Group:g; Sub,Get Topic:a")
	f(&pb.QueryOffsetRequest{MessageQueue: queue}, "Sub,Get Topic:a")
	f(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_ThreadStackTrace{}}, "")
	settings := func(s *pb.Settings) *pb.TelemetryCommand {
		return &pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: s}}
	}
	f(settings(&pb.Settings{}), "error: settings command doesn't have publishing or subscription.")
	f(settings(&pb.Settings{PubSub: &pb.Settings_Publishing{Publishing: &pb.Publishing{Topics: []*pb.Resource{topic, named("b")}}}}), "Pub Topic:a; Pub Topic:b")
	f(settings(&pb.Settings{PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{Group: group, Subscriptions: []*pb.SubscriptionEntry{{Topic: topic}}}}}), consumes)
	f(&pb.QueryRouteResponse{}, "error: the server knows no right for this request")
}

// TestEveryRequest: each method of the service has its row.
func TestEveryRequest(t *testing.T) {
	known := map[protoreflect.FullName]bool{}
	for _, m := range []proto.Message{&pb.QueryRouteRequest{}, &pb.HeartbeatRequest{}, &pb.SendMessageRequest{}, &pb.QueryAssignmentRequest{}, &pb.ReceiveMessageRequest{},
		&pb.AckMessageRequest{}, &pb.ForwardMessageToDeadLetterQueueRequest{}, &pb.PullMessageRequest{}, &pb.UpdateOffsetRequest{}, &pb.GetOffsetRequest{}, &pb.QueryOffsetRequest{},
		&pb.EndTransactionRequest{}, &pb.TelemetryCommand{}, &pb.NotifyClientTerminationRequest{}, &pb.ChangeInvisibleDurationRequest{}, &pb.RecallMessageRequest{},
		&pb.SyncLiteSubscriptionRequest{}} {
		_, err := permit.Needs(m)
		known[m.ProtoReflect().Descriptor().FullName()] = err == nil || !strings.Contains(err.Error(), "knows no right")
	}
	methods := pb.File_apache_rocketmq_v2_service_proto.Services().Get(0).Methods()
	for i := range methods.Len() {
		if m := methods.Get(i); !known[m.Input().FullName()] {
			t.Errorf("%s has no row", m.Name())
		}
	}
}

// gate is a guard that knows alice, with the password a.
type gate struct {
	signs, asks bool
	asked       []decide.Need
	user        string
	vouched     string
}

func (g *gate) Signs(string) bool              { return g.signs }
func (g *gate) Asks(string) bool               { return g.asks }
func (g *gate) Passes(string, netip.Addr) bool { return false }
func (g *gate) Known(name string, holds func(string) bool) error {
	if name != "alice" || !holds("a") {
		return errors.New("who?")
	}
	return nil
}
func (g *gate) Has(name string) bool { return name == "alice" }
func (g *gate) Vouched(name string) error {
	g.vouched = name
	return nil
}
func (g *gate) May(name string, _ netip.Addr, needs []decide.Need) error {
	g.user, g.asked = name, needs
	return nil
}

func TestAdmit(t *testing.T) {
	const at = "20261123T170000Z"
	header := func(user, password string) string {
		return "MQv2-HMAC-SHA1 Credential=" + user + ", SignedHeaders=x-mq-date-time, Signature=" + hex.EncodeToString(sign.Sum(password, []byte(at)))
	}
	f := func(g *gate, authorization, time, want string) {
		t.Helper()
		err := permit.Admit(g, &permit.Asked{Message: &pb.QueryRouteRequest{Topic: named("a")}, Authorization: authorization, Time: time})
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q at %q: %v, want %q", authorization, time, err, want)
		}
	}
	f(&gate{}, "nonsense", "", "")
	f(&gate{signs: true}, "", "", "who?")
	f(&gate{signs: true}, header("alice", "a"), at, "")
	f(&gate{signs: true}, header("alice", "b"), at, "who?")
	f(&gate{signs: true}, header("bob", "a"), at, "who?")
	f(&gate{signs: true}, header("alice", "a"), "20261123T170001Z", "who?")
	f(&gate{signs: true}, header("alice", "a"), "", "datetime is null.")
	f(&gate{signs: true}, "nonsense", at, "authentication header is incorrect.")
	g := &gate{asks: true}
	f(g, header("carol", "c"), at, "")
	if g.user != "carol" || len(g.asked) != 1 {
		t.Errorf("asked for %v of %q", g.asked, g.user)
	}
}
