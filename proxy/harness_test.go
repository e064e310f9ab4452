package proxy_test

import (
	"context"
	"io"
	"maps"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	aerobee "github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// node is a whole node in memory with what the tests ask of it.
type node struct {
	*aerobeetest.Broker
	t     testing.TB
	serve string // address for gRPC clients
}

// inFront says that clients reach the node through another one, which is a proxy in front of it: all tests hold there too.
var inFront = os.Getenv("AEROBEE_TEST_PROXY") == "remote"

// start starts a node with these settings, which takes topics of type MIXED unless they say otherwise.
func start(t testing.TB, settings map[string]string) *node {
	t.Helper()
	own := map[string]string{"enableMixedMessageType": "true"}
	maps.Copy(own, settings)
	n := &node{t: t, Broker: aerobeetest.StartConfig(t, aerobee.Config{Settings: own})}
	n.serve = n.Addr()
	if inFront {
		n.serve = startProxy(t, n.Addr(), own).Addr()
	}
	return n
}

// startProxy starts a proxy in front of the cluster of a NameServer.
func startProxy(t testing.TB, nameServer string, settings map[string]string) *aerobee.Server {
	t.Helper()
	own := maps.Clone(settings)
	if own == nil {
		own = map[string]string{}
	}
	own["roles"], own["namesrvAddr"] = "proxy", nameServer
	p, err := aerobee.Start(aerobee.Config{Memory: true, Settings: own, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("the proxy's end: %v", err)
		}
	})
	return p
}

func (n *node) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	n.t.Cleanup(cancel)
	return ctx
}

// admin asks the broker.
func (n *node) admin() *admin.Admin {
	n.t.Helper()
	a, err := admin.New(admin.Options{NameServers: []string{n.Addr()}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = a.Close() })
	return a
}

// topic makes a topic of four queues that takes messages of a type.
func (n *node) topic(name, kind string) {
	n.t.Helper()
	if _, err := n.admin().PutTopic(n.ctx(), admin.Target{}, protocol.TopicConfig{TopicName: name, WriteQueueNums: 4, Attributes: protocol.Attributes{"message.type": kind}}); err != nil {
		n.t.Fatal(err)
	}
}

// user is one client: a connection and its id.
type user struct {
	pb.MessagingServiceClient
	t    testing.TB
	id   string
	conn *grpc.ClientConn
}

func (n *node) client(id string) *user {
	n.t.Helper()
	c, err := grpc.NewClient("passthrough:///"+n.serve, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	return &user{MessagingServiceClient: pb.NewMessagingServiceClient(c), t: n.t, id: id, conn: c}
}

// ctx is a request's context with what clients say of themselves.
func (u *user) ctx() context.Context { return u.within(30 * time.Second) }

func (u *user) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	u.t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", u.id, "x-mq-language", "GOLANG", "x-mq-client-version", "5.1.0", "x-mq-protocol", "v2")
}

func res(name string) *pb.Resource { return &pb.Resource{Name: name} }

// settle opens a telemetry stream and agrees on settings.
func (u *user) settle(s *pb.Settings) (grpc.BidiStreamingClient[pb.TelemetryCommand, pb.TelemetryCommand], *pb.Settings) {
	u.t.Helper()
	st, err := u.Telemetry(u.within(time.Minute))
	if err != nil {
		u.t.Fatal(err)
	}
	if err := st.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: s}}); err != nil {
		u.t.Fatal(err)
	}
	in, err := st.Recv()
	if err != nil {
		u.t.Fatal(err)
	}
	want(u.t, in.GetStatus(), pb.Code_OK)
	return st, in.GetSettings()
}

func producer(topics ...string) *pb.Settings {
	s := &pb.Settings{ClientType: pb.ClientType_PRODUCER.Enum(), PubSub: &pb.Settings_Publishing{Publishing: &pb.Publishing{}}}
	for _, t := range topics {
		s.GetPublishing().Topics = append(s.GetPublishing().Topics, res(t))
	}
	return s
}

func consumer(kind pb.ClientType, group string, topics ...string) *pb.Settings {
	s := &pb.Settings{ClientType: kind.Enum(), RequestTimeout: durationpb.New(3 * time.Second), PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{Group: res(group)}}}
	for _, t := range topics {
		s.GetSubscription().Subscriptions = append(s.GetSubscription().Subscriptions, &pb.SubscriptionEntry{Topic: res(t), Expression: &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "*"}})
	}
	return s
}

func want(t testing.TB, got *pb.Status, code pb.Code) {
	t.Helper()
	if got.GetCode() != code {
		t.Fatalf("status %s %q, want %s", got.GetCode(), got.GetMessage(), code)
	}
}

func plain(topic, id, body string) *pb.Message {
	return &pb.Message{Topic: res(topic), Body: []byte(body), SystemProperties: &pb.SystemProperties{MessageId: id, MessageType: pb.MessageType_NORMAL, BodyEncoding: pb.Encoding_IDENTITY}}
}

// send sends messages, which must be stored.
func (u *user) send(ms ...*pb.Message) []*pb.SendResultEntry {
	u.t.Helper()
	r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: ms})
	if err != nil {
		u.t.Fatal(err)
	}
	want(u.t, r.GetStatus(), pb.Code_OK)
	return r.GetEntries()
}

// receive receives once, and returns the status and the messages.
func (u *user) receive(r *pb.ReceiveMessageRequest) (*pb.Status, []*pb.Message) {
	u.t.Helper()
	st, err := u.ReceiveMessage(u.ctx(), r)
	if err != nil {
		u.t.Fatal(err)
	}
	var code *pb.Status
	var out []*pb.Message
	for {
		in, err := st.Recv()
		if err == io.EOF {
			return code, out
		}
		if err != nil {
			u.t.Fatal(err)
		}
		switch {
		case in.GetStatus() != nil:
			code = in.GetStatus()
		case in.GetMessage() != nil:
			out = append(out, in.GetMessage())
		}
	}
}

func receiving(topic, group string) *pb.ReceiveMessageRequest {
	return &pb.ReceiveMessageRequest{Group: res(group), MessageQueue: &pb.MessageQueue{Topic: res(topic)}, FilterExpression: &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "*"},
		BatchSize: 16, InvisibleDuration: durationpb.New(30 * time.Second)}
}
