package aerobee

import (
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestTransactionsOverGrpc: the end of a transaction names its message by an offset, so the right to the topic is asked for once more behind the proxy, of the
// user who has signed it. Where nobody need sign, the proxy has believed who it is.
func TestTransactionsOverGrpc(t *testing.T) {
	for _, signed := range []string{"true", "false"} {
		s := start(t, "authenticationEnabled", signed, "authorizationEnabled", "true", "initAuthenticationUser", `{"username":"root","password":"top"}`)
		p := s.dial(t)
		for _, r := range []*protocol.Frame{
			p.as("root", "top", protocol.ReqAuthCreateUser, `{"password":"a"}`, "username", "alice"),
			p.as("root", "top", protocol.ReqAuthCreateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Deals","actions":["Pub"],"decision":"Allow"}]}]}`, "subject", "User:alice"),
			p.as("root", "top", protocol.ReqUpdateAndCreateTopic, "", "topic", "Deals", "defaultTopic", "TBW102", "readQueueNums", "1", "writeQueueNums", "1", "perm", "6",
				"topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false", "attributes", "+message.type=TRANSACTION"),
		} {
			p.wantCode(r, protocol.ResSuccess, "")
		}
		u, deals := grpcTo(t, s, "alice").signedBy("alice", "a"), &pb.Resource{Name: "Deals"}
		sent, err := u.SendMessage(u.ctx, &pb.SendMessageRequest{Messages: []*pb.Message{{Topic: deals, Body: []byte("x"),
			SystemProperties: &pb.SystemProperties{MessageId: "01", MessageType: pb.MessageType_TRANSACTION}}}})
		if err != nil || sent.GetStatus().GetCode() != pb.Code_OK {
			t.Fatalf("a half message: %v, %v", sent.GetStatus(), err)
		}
		half := sent.GetEntries()[0]
		r, err := u.EndTransaction(u.ctx, &pb.EndTransactionRequest{Topic: deals, MessageId: half.GetMessageId(), TransactionId: half.GetTransactionId(),
			Resolution: pb.TransactionResolution_COMMIT, Source: pb.TransactionSource_SOURCE_CLIENT})
		if err != nil || r.GetStatus().GetCode() != pb.Code_OK {
			t.Errorf("authenticationEnabled=%s: the end of a transaction: %v, %v", signed, r.GetStatus(), err)
		}
	}
}

// TestDeadLettersOverGrpc: the same for a message that its consumer has given up.
func TestDeadLettersOverGrpc(t *testing.T) {
	s := guarded(t)
	p := s.dial(t)
	for _, r := range []*protocol.Frame{
		p.as("root", "top", protocol.ReqAuthCreateUser, `{"password":"a"}`, "username", "alice"),
		p.as("root", "top", protocol.ReqAuthCreateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Orders","actions":["Pub","Sub"],"decision":"Allow"},`+
			`{"resource":"Group:G","actions":["Sub"],"decision":"Allow"}]}]}`, "subject", "User:alice"),
		p.sendAs("alice", "a", "Orders"),
	} {
		p.wantCode(r, protocol.ResSuccess, "")
	}
	u, orders, group := grpcTo(t, s, "alice").signedBy("alice", "a"), &pb.Resource{Name: "Orders"}, &pb.Resource{Name: "G"}
	receive := func() *pb.Message {
		t.Helper()
		g, err := u.ReceiveMessage(u.ctx, &pb.ReceiveMessageRequest{Group: group, MessageQueue: &pb.MessageQueue{Topic: orders}, BatchSize: 1,
			FilterExpression: &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "*"}, InvisibleDuration: durationpb.New(time.Minute)})
		for err == nil {
			var r *pb.ReceiveMessageResponse
			if r, err = g.Recv(); err == nil && r.GetMessage() != nil {
				return r.GetMessage()
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return nil
	}
	m := receive() // a group that is new begins at the end
	for m == nil {
		p.wantCode(p.sendAs("alice", "a", "Orders"), protocol.ResSuccess, "")
		m = receive()
	}
	r, err := u.ForwardMessageToDeadLetterQueue(u.ctx, &pb.ForwardMessageToDeadLetterQueueRequest{Group: group, Topic: orders, MessageId: m.GetSystemProperties().GetMessageId(),
		ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(), DeliveryAttempt: 1, MaxDeliveryAttempts: 1})
	if err != nil || r.GetStatus().GetCode() != pb.Code_OK {
		t.Errorf("a message that is given up: %v, %v", r.GetStatus(), err)
	}
}
