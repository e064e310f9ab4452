package proxy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

const (
	add       = pb.LiteSubscriptionAction_PARTIAL_ADD
	remove    = pb.LiteSubscriptionAction_PARTIAL_REMOVE
	addAll    = pb.LiteSubscriptionAction_COMPLETE_ADD
	removeAll = pb.LiteSubscriptionAction_COMPLETE_REMOVE
)

// liteNode is a node with the topic chats for lite topics, and the group g that reads them.
func liteNode(t *testing.T, more protocol.Attributes) *node {
	n := start(t, nil)
	n.topic("chats", "LITE")
	g := protocol.NewSubscriptionGroupConfig("g")
	g.ConsumeMessageOrderly = true
	g.Attributes = protocol.Attributes{"+lite.bind.topic": "chats"}
	for k, v := range more {
		g.Attributes[k] = v
	}
	if _, err := n.admin().PutGroup(n.ctx(), admin.Target{}, g); err != nil {
		t.Fatal(err)
	}
	return n
}

// sync says which lite topics of chats a client reads, after change.
func (u *user) sync(code pb.Code, action pb.LiteSubscriptionAction, names []string, change ...func(r *pb.SyncLiteSubscriptionRequest)) {
	u.t.Helper()
	r := &pb.SyncLiteSubscriptionRequest{Action: action, Topic: res("chats"), Group: res("g"), LiteTopicSet: names}
	for _, fn := range change {
		fn(r)
	}
	out, err := u.SyncLiteSubscription(u.ctx(), r)
	if err != nil {
		u.t.Fatal(err)
	}
	want(u.t, out.GetStatus(), code)
}

func lite(name, body string) *pb.Message {
	m := plain("chats", "01"+strings.ToUpper(body), body)
	m.SystemProperties.MessageType, m.SystemProperties.LiteTopic = pb.MessageType_LITE, &name
	return m
}

// takeLite receives until these have come, each written "lite topic: body (attempt)", in any order.
func (u *user) takeLite(texts ...string) map[string]*pb.Message {
	u.t.Helper()
	missing := map[string]bool{}
	for _, text := range texts {
		missing[text] = true
	}
	got := map[string]*pb.Message{}
	for len(missing) > 0 {
		r := receiving("chats", "g")
		r.FilterExpression = nil // as the Java client asks
		code, ms := u.receive(r)
		want(u.t, code, pb.Code_OK)
		for _, m := range ms {
			sys := m.GetSystemProperties()
			text := fmt.Sprintf("%s: %s (%d)", sys.GetLiteTopic(), m.GetBody(), sys.GetDeliveryAttempt())
			if !missing[text] {
				u.t.Fatalf("received %s, want one of %v", text, missing)
			}
			if m.GetTopic().GetName() != "chats" || sys.GetMessageType() != pb.MessageType_LITE || len(m.GetUserProperties()) != 0 {
				u.t.Errorf("message %v", m)
			}
			delete(missing, text)
			got[text] = m
		}
	}
	return got
}

// nothingLite receives once, in vain.
func (u *user) nothingLite() {
	u.t.Helper()
	r := receiving("chats", "g")
	r.LongPollingTimeout = durationpb.New(time.Millisecond)
	code, ms := u.receive(r)
	if code.GetCode() != pb.Code_MESSAGE_NOT_FOUND {
		u.t.Fatalf("%v, %d messages %v", code, len(ms), ms)
	}
}

func (u *user) ackLite(code pb.Code, m *pb.Message) {
	u.t.Helper()
	sys := m.GetSystemProperties()
	out, err := u.AckMessage(u.ctx(), &pb.AckMessageRequest{Group: res("g"), Topic: res("chats"), Entries: []*pb.AckMessageEntry{
		{MessageId: sys.GetMessageId(), ReceiptHandle: sys.GetReceiptHandle(), LiteTopic: sys.LiteTopic}}})
	if err != nil {
		u.t.Fatal(err)
	}
	want(u.t, out.GetStatus(), code)
}

// TestLiteTopics reads lite topics, each in its order, and no others: one that is in hand holds up that one alone.
func TestLiteTopics(t *testing.T) {
	n := liteNode(t, nil)
	p, c := n.client("p"), n.client("c")
	p.settle(producer("chats"))
	_, set := c.settle(consumer(pb.ClientType_LITE_PUSH_CONSUMER, "g", "chats"))
	if sub := set.GetSubscription(); sub.GetLiteSubscriptionQuota() == 0 || sub.GetMaxLiteTopicSize() == 0 || !sub.GetFifo() {
		t.Errorf("settings %v", set)
	}
	c.sync(pb.Code_OK, add, []string{"a", "b"})
	p.send(lite("a", "a0"))
	p.send(lite("a", "a1"))
	p.send(lite("b", "b0"))
	p.send(lite("c", "c0"))
	got := c.takeLite("a: a0 (1)", "a: a1 (1)", "b: b0 (1)")
	c.ackLite(pb.Code_OK, got["a: a0 (1)"])
	a1 := got["a: a1 (1)"].GetSystemProperties()
	out, err := c.ChangeInvisibleDuration(c.ctx(), &pb.ChangeInvisibleDurationRequest{Group: res("g"), Topic: res("chats"), MessageId: a1.GetMessageId(),
		ReceiptHandle: a1.GetReceiptHandle(), InvisibleDuration: durationpb.New(10 * time.Millisecond), LiteTopic: a1.LiteTopic})
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.GetStatus(), pb.Code_OK)
	again := c.takeLite("a: a1 (2)")
	c.ackLite(pb.Code_OK, again["a: a1 (2)"])
	c.ackLite(pb.Code_OK, got["b: b0 (1)"])
	c.sync(pb.Code_OK, remove, []string{"a"})
	p.send(lite("a", "a2"))
	p.send(lite("b", "b1"))
	c.ackLite(pb.Code_OK, c.takeLite("b: b1 (1)")["b: b1 (1)"]) // and not a2
	c.sync(pb.Code_OK, addAll, []string{"a"})
	p.send(lite("b", "b2"))
	c.ackLite(pb.Code_OK, c.takeLite("a: a2 (1)")["a: a2 (1)"]) // and not b2
	c.sync(pb.Code_OK, add, []string{"c"}, func(r *pb.SyncLiteSubscriptionRequest) {
		r.OffsetOption = &pb.OffsetOption{OffsetType: &pb.OffsetOption_Policy_{Policy: pb.OffsetOption_MIN}}
	})
	c.takeLite("c: c0 (1)")
	c.sync(pb.Code_OK, removeAll, nil)
	p.send(lite("a", "a3"))
	c.nothingLite()
}

// TestLiteTopicIsTakenOver: in an exclusive group who loses a lite topic is told by telemetry.
func TestLiteTopicIsTakenOver(t *testing.T) {
	n := liteNode(t, protocol.Attributes{"+lite.sub.model": "Exclusive"})
	p, one, two := n.client("p"), n.client("one"), n.client("two")
	p.settle(producer("chats"))
	told, _ := one.settle(consumer(pb.ClientType_LITE_PUSH_CONSUMER, "g", "chats"))
	two.settle(consumer(pb.ClientType_LITE_PUSH_CONSUMER, "g", "chats"))
	one.sync(pb.Code_OK, add, []string{"a"})
	two.sync(pb.Code_OK, add, []string{"a"})
	cmd, err := told.Recv()
	if err != nil || cmd.GetNotifyUnsubscribeLiteCommand().GetLiteTopic() != "a" {
		t.Errorf("told %v, %v", cmd, err)
	}
	p.send(lite("a", "a0"))
	one.sync(pb.Code_OK, add, []string{"b"})
	p.send(lite("b", "b0"))
	one.takeLite("b: b0 (1)") // and not a0
	two.takeLite("a: a0 (1)")
}

// TestLiteRefusals are what a client of lite topics may not do.
func TestLiteRefusals(t *testing.T) {
	n := liteNode(t, nil)
	n.topic("orders", "NORMAL")
	c := n.client("c")
	c.sync(pb.Code_UNRECOGNIZED_CLIENT_TYPE, add, []string{"a"})
	c.settle(consumer(pb.ClientType_LITE_PUSH_CONSUMER, "g", "chats"))
	c.sync(pb.Code_ILLEGAL_LITE_TOPIC, add, []string{strings.Repeat("x", 65)})
	c.sync(pb.Code_LITE_SUBSCRIPTION_QUOTA_EXCEEDED, add, make([]string, 5000))
	c.sync(pb.Code_BAD_REQUEST, 9, []string{"a"})
	c.sync(pb.Code_ILLEGAL_TOPIC, add, []string{"a"}, func(r *pb.SyncLiteSubscriptionRequest) { r.Topic = res("nobody") })
	code, _ := c.receive(receiving("orders", "g"))
	want(t, code, pb.Code_INTERNAL_SERVER_ERROR)
	r, err := c.SendMessage(c.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{plain("chats", "01AA", "x")}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE)
}
