package proxy_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// group makes a group, in order or not.
func (n *node) group(name string, ordered bool) {
	n.t.Helper()
	g := protocol.NewSubscriptionGroupConfig(name)
	g.ConsumeMessageOrderly = ordered
	if _, err := n.admin().PutGroup(n.ctx(), admin.Target{}, g); err != nil {
		n.t.Fatal(err)
	}
}

// begin makes a group begin in a topic before the first message: at its end, by a receive that is told at once that there is none.
func (n *node) begin(u *user, topic, group string) {
	n.t.Helper()
	for id := range int32(4) {
		r, err := u.UpdateOffset(u.ctx(), &pb.UpdateOffsetRequest{Group: res(group), MessageQueue: &pb.MessageQueue{Topic: res(topic), Id: id}})
		if err != nil {
			n.t.Fatal(err)
		}
		want(n.t, r.GetStatus(), pb.Code_OK)
	}
}

// pair is a producer and a simple consumer of a topic, both settled.
func pair(t *testing.T, n *node, topic, group string) (p, c *user) {
	t.Helper()
	p, c = n.client("p-"+topic), n.client("c-"+group)
	p.settle(producer(topic))
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, group, topic))
	n.begin(c, topic, group)
	return p, c
}

func (u *user) ack(topic, group string, ms ...*pb.Message) *pb.AckMessageResponse {
	u.t.Helper()
	r := &pb.AckMessageRequest{Group: res(group), Topic: res(topic)}
	for _, m := range ms {
		r.Entries = append(r.Entries, &pb.AckMessageEntry{MessageId: m.GetSystemProperties().GetMessageId(), ReceiptHandle: m.GetSystemProperties().GetReceiptHandle()})
	}
	out, err := u.AckMessage(u.ctx(), r)
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

func TestMessagesOfEachType(t *testing.T) {
	n := start(t, nil)
	for _, kind := range []string{"NORMAL", "FIFO", "DELAY", "TRANSACTION", "PRIORITY", "MIXED"} {
		n.topic("t-"+kind, kind)
	}
	u := n.client("p")
	change := map[string]func(*pb.SystemProperties){
		"NORMAL":      func(*pb.SystemProperties) {},
		"FIFO":        func(s *pb.SystemProperties) { s.MessageType, s.MessageGroup = pb.MessageType_FIFO, new("g") },
		"DELAY":       func(s *pb.SystemProperties) { s.DeliveryTimestamp = timestamppb.New(time.Now().Add(time.Hour)) },
		"PRIORITY":    func(s *pb.SystemProperties) { s.MessageType, s.Priority = pb.MessageType_PRIORITY, new(int32(3)) },
		"TRANSACTION": func(s *pb.SystemProperties) { s.MessageType = pb.MessageType_TRANSACTION },
	}
	for topic := range map[string]bool{"NORMAL": true, "FIFO": true, "DELAY": true, "TRANSACTION": true, "PRIORITY": true, "MIXED": true} {
		for kind, fn := range change {
			m := plain("t-"+topic, "01"+kind, "x")
			fn(m.SystemProperties)
			r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{m}})
			if err != nil {
				t.Fatal(err)
			}
			code := pb.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE
			if topic == kind || topic == "MIXED" {
				code = pb.Code_OK
			}
			if got := r.GetStatus(); got.GetCode() != code {
				t.Errorf("a message of type %s to a topic of type %s: %v, want %s", kind, topic, got, code)
			}
		}
	}
}

// TestMixedTopics needs them to be allowed.
func TestMixedTopics(t *testing.T) {
	n := start(t, map[string]string{"enableMixedMessageType": "false"})
	_, err := n.admin().PutTopic(n.ctx(), admin.Target{}, protocol.TopicConfig{TopicName: "any", WriteQueueNums: 1, Attributes: protocol.Attributes{"message.type": "MIXED"}})
	if err == nil || !strings.Contains(err.Error(), "MIXED message type is not supported") {
		t.Errorf("a topic of type MIXED: %v", err)
	}
}

func TestSendRefusals(t *testing.T) {
	n := start(t, map[string]string{"maxMessageSize": "100000", "timerMaxDelaySec": "3600"})
	n.topic("orders", "MIXED")
	u := n.client("p")
	check := func(code pb.Code, change func(m *pb.Message)) {
		t.Helper()
		m := plain("orders", "01AA", "x")
		change(m)
		r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{m}})
		if err != nil {
			t.Fatal(err)
		}
		if r.GetStatus().GetCode() != code {
			t.Errorf("%v, want %s", r.GetStatus(), code)
		}
	}
	many := map[string]string{}
	for i := range 129 {
		many[fmt.Sprint("k", i)] = "v"
	}
	check(pb.Code_MESSAGE_BODY_EMPTY, func(m *pb.Message) { m.Body = nil })
	check(pb.Code_MESSAGE_BODY_TOO_LARGE, func(m *pb.Message) { m.Body = make([]byte, 100001) })
	check(pb.Code_ILLEGAL_TOPIC, func(m *pb.Message) { m.Topic = res("a b") })
	check(pb.Code_ILLEGAL_TOPIC, func(m *pb.Message) { m.Topic = res("") })
	check(pb.Code_ILLEGAL_TOPIC, func(m *pb.Message) { m.Topic = res("rmq_sys_wheel_timer") })
	check(pb.Code_ILLEGAL_TOPIC, func(m *pb.Message) { m.Topic = res(strings.Repeat("t", 128)) })
	check(pb.Code_TOPIC_NOT_FOUND, func(m *pb.Message) { m.Topic = res("nobody") })
	check(pb.Code_ILLEGAL_MESSAGE_ID, func(m *pb.Message) { m.SystemProperties.MessageId = " " })
	check(pb.Code_ILLEGAL_MESSAGE_TAG, func(m *pb.Message) { m.SystemProperties.Tag = new("a|b") })
	check(pb.Code_ILLEGAL_MESSAGE_TAG, func(m *pb.Message) { m.SystemProperties.Tag = new("  ") })
	check(pb.Code_ILLEGAL_MESSAGE_KEY, func(m *pb.Message) { m.SystemProperties.Keys = []string{"a\x01"} })
	check(pb.Code_ILLEGAL_MESSAGE_GROUP, func(m *pb.Message) { m.SystemProperties.MessageGroup = new(strings.Repeat("g", 64)) })
	check(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, func(m *pb.Message) { m.UserProperties = map[string]string{"TAGS": "x"} })
	check(pb.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, func(m *pb.Message) { m.UserProperties = map[string]string{"a": "\x02"} })
	check(pb.Code_MESSAGE_PROPERTIES_TOO_LARGE, func(m *pb.Message) { m.UserProperties = many })
	check(pb.Code_MESSAGE_PROPERTIES_TOO_LARGE, func(m *pb.Message) { m.UserProperties = map[string]string{"a": strings.Repeat("x", 16384)} })
	check(pb.Code_ILLEGAL_DELIVERY_TIME, func(m *pb.Message) {
		m.SystemProperties.DeliveryTimestamp = timestamppb.New(time.Now().Add(2 * time.Hour))
	})
	check(pb.Code_BAD_REQUEST, func(m *pb.Message) {
		m.SystemProperties.MessageType = pb.MessageType_TRANSACTION
		m.SystemProperties.OrphanedTransactionRecoveryDuration = durationpb.New(2 * time.Hour)
	})
	check(pb.Code_MESSAGE_CORRUPTED, func(m *pb.Message) {
		m.SystemProperties.BodyEncoding, m.Body = pb.Encoding_GZIP, []byte{0x1f, 0x8b, 1, 2, 3}
	})

	r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_MESSAGE_CORRUPTED)
	r, _ = u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{plain("orders", "1", "x"), plain("others", "2", "x")}})
	want(t, r.GetStatus(), pb.Code_MESSAGE_CORRUPTED)
	u.id = ""
	r, _ = u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{plain("orders", "1", "x")}})
	want(t, r.GetStatus(), pb.Code_CLIENT_ID_REQUIRED)
}

// TestOrder is the way of messages with a group: one queue, one after the other, and again until each is acknowledged.
func TestOrder(t *testing.T) {
	n := start(t, nil)
	n.topic("steps", "FIFO")
	n.group("g", true)
	p, c := pair(t, n, "steps", "g")
	queues := map[int32]bool{}
	for i := range 3 {
		m := plain("steps", fmt.Sprint("01", i), fmt.Sprint(i))
		m.SystemProperties.MessageType, m.SystemProperties.MessageGroup = pb.MessageType_FIFO, new("one")
		p.send(m)
	}
	a, err := c.QueryAssignment(c.ctx(), &pb.QueryAssignmentRequest{Topic: res("steps"), Group: res("g")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, a.GetStatus(), pb.Code_OK)
	if len(a.GetAssignments()) != 4 || a.GetAssignments()[3].GetMessageQueue().GetId() != 3 {
		t.Errorf("assignments %v", a.GetAssignments())
	}
	r := receiving("steps", "g")
	r.BatchSize = 2
	code, ms := c.receive(r)
	want(t, code, pb.Code_OK)
	if len(ms) != 2 || string(ms[0].GetBody()) != "0" || string(ms[1].GetBody()) != "1" {
		t.Fatalf("messages %v", ms)
	}
	for _, m := range ms {
		queues[m.GetSystemProperties().GetQueueId()] = true
	}
	if len(queues) != 1 || ms[0].GetSystemProperties().GetMessageGroup() != "one" || ms[0].GetSystemProperties().GetMessageType() != pb.MessageType_FIFO {
		t.Errorf("queues %v of %v", queues, ms)
	}
	// The first is acknowledged, the second comes again at once, and only then the third.
	want(t, c.ack("steps", "g", ms[0]).GetStatus(), pb.Code_OK)
	ch, err := c.ChangeInvisibleDuration(c.ctx(), &pb.ChangeInvisibleDurationRequest{Group: res("g"), Topic: res("steps"), InvisibleDuration: durationpb.New(0),
		MessageId: ms[1].GetSystemProperties().GetMessageId(), ReceiptHandle: ms[1].GetSystemProperties().GetReceiptHandle()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, ch.GetStatus(), pb.Code_OK)
	code, ms = c.receive(r)
	want(t, code, pb.Code_OK)
	if len(ms) == 0 || string(ms[0].GetBody()) != "1" || ms[0].GetSystemProperties().GetDeliveryAttempt() != 2 {
		t.Fatalf("messages %v", ms)
	}
}

func TestDelayAndRecall(t *testing.T) {
	n := start(t, nil)
	n.topic("later", "DELAY")
	p, c := pair(t, n, "later", "g")
	due := func(id string, in time.Duration) *pb.SendResultEntry {
		m := plain("later", id, id)
		m.SystemProperties.MessageType, m.SystemProperties.DeliveryTimestamp = pb.MessageType_DELAY, timestamppb.New(time.Now().Add(in))
		return p.send(m)[0]
	}
	e := due("01FAR", time.Hour)
	if e.GetRecallHandle() == "" {
		t.Fatal("no recall handle")
	}
	due("01NEAR", 200*time.Millisecond)
	r, err := p.RecallMessage(p.ctx(), &pb.RecallMessageRequest{Topic: res("later"), RecallHandle: e.GetRecallHandle()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_OK)
	if r.GetMessageId() != "01FAR" {
		t.Errorf("message id %q", r.GetMessageId())
	}
	r, _ = p.RecallMessage(p.ctx(), &pb.RecallMessageRequest{Topic: res("later"), RecallHandle: "rubbish"})
	want(t, r.GetStatus(), pb.Code_INTERNAL_SERVER_ERROR)
	r, _ = p.RecallMessage(p.ctx(), &pb.RecallMessageRequest{Topic: res("nobody"), RecallHandle: e.GetRecallHandle()})
	want(t, r.GetStatus(), pb.Code_TOPIC_NOT_FOUND)
	code, ms := c.receive(receiving("later", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || ms[0].GetSystemProperties().GetMessageId() != "01NEAR" || ms[0].GetSystemProperties().GetMessageType() != pb.MessageType_DELAY || ms[0].GetSystemProperties().DeliveryTimestamp == nil {
		t.Errorf("messages %v", ms)
	}
}

func TestFilters(t *testing.T) {
	n := start(t, map[string]string{"enablePropertyFilter": "true"})
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	for i, tag := range []string{"a", "b"} {
		m := plain("orders", "01"+tag, tag)
		m.SystemProperties.Tag, m.UserProperties = &tag, map[string]string{"n": fmt.Sprint(i)}
		p.send(m)
	}
	r := receiving("orders", "g")
	r.FilterExpression = &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "b"}
	code, ms := c.receive(r)
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || string(ms[0].GetBody()) != "b" {
		t.Errorf("by tag: %v", ms)
	}
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "sql", "orders"))
	n.begin(c, "orders", "sql")
	r = receiving("orders", "sql")
	r.FilterExpression = &pb.FilterExpression{Type: pb.FilterType_SQL, Expression: "n < 1"}
	code, ms = c.receive(r)
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || string(ms[0].GetBody()) != "a" {
		t.Errorf("by SQL92: %v", ms)
	}
	r.FilterExpression.Expression = "n <"
	code, _ = c.receive(r)
	want(t, code, pb.Code_ILLEGAL_FILTER_EXPRESSION)
}

func TestReceiveRefusals(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	c := n.client("c")
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "orders"))
	check := func(code pb.Code, change func(r *pb.ReceiveMessageRequest)) {
		t.Helper()
		r := receiving("orders", "g")
		change(r)
		if got, _ := c.receive(r); got.GetCode() != code {
			t.Errorf("%v, want %s", got, code)
		}
	}
	check(pb.Code_TOPIC_NOT_FOUND, func(r *pb.ReceiveMessageRequest) { r.MessageQueue.Topic = res("nobody") })
	check(pb.Code_ILLEGAL_TOPIC, func(r *pb.ReceiveMessageRequest) { r.MessageQueue.Topic = res("!") })
	check(pb.Code_ILLEGAL_CONSUMER_GROUP, func(r *pb.ReceiveMessageRequest) { r.Group = res("CID_RMQ_SYS_X") })
	check(pb.Code_ILLEGAL_INVISIBLE_TIME, func(r *pb.ReceiveMessageRequest) { r.InvisibleDuration = durationpb.New(time.Second) })
	check(pb.Code_ILLEGAL_INVISIBLE_TIME, func(r *pb.ReceiveMessageRequest) { r.InvisibleDuration = durationpb.New(13 * time.Hour) })
	st, err := c.ReceiveMessage(c.within(2*time.Second), receiving("orders", "g"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := st.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want(t, in.GetStatus(), pb.Code_ILLEGAL_POLLING_TIME)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-mq-client-id", "c", "grpc-timeout", "1S")
	if st, err = c.ReceiveMessage(ctx, receiving("orders", "g")); err == nil {
		_, err = st.Recv()
	}
	if err != nil && grpcstatus.Code(err) != codes.DeadlineExceeded {
		t.Fatal(err)
	}
	code, _ := c.receive(func() *pb.ReceiveMessageRequest {
		r := receiving("orders", "g")
		r.LongPollingTimeout = durationpb.New(time.Millisecond)
		return r
	}())
	want(t, code, pb.Code_MESSAGE_NOT_FOUND) // after the least time that a receive waits
}

// A consumer whose settings have not come, or not come again after a restart, is served; its heartbeat is told that they are wanted.
func TestReceiveBeforeSettings(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := n.client("p"), n.client("c")
	p.settle(producer("orders"))
	p.send(plain("orders", "01AA", "x"))
	code, ms := c.receive(receiving("orders", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 {
		t.Fatalf("%d messages, want 1", len(ms))
	}
	beat, err := c.Heartbeat(c.ctx(), &pb.HeartbeatRequest{ClientType: pb.ClientType_SIMPLE_CONSUMER, Group: res("g")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, beat.GetStatus(), pb.Code_UNRECOGNIZED_CLIENT_TYPE)
}

func TestReceiptHandles(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	p.send(plain("orders", "01AA", "x"))
	_, ms := c.receive(receiving("orders", "g"))
	if len(ms) != 1 {
		t.Fatalf("messages %v", ms)
	}
	old := ms[0].GetSystemProperties().GetReceiptHandle()
	change := func(handle string, d time.Duration) *pb.ChangeInvisibleDurationResponse {
		r, err := c.ChangeInvisibleDuration(c.ctx(), &pb.ChangeInvisibleDurationRequest{Group: res("g"), Topic: res("orders"), ReceiptHandle: handle, MessageId: "01AA", InvisibleDuration: durationpb.New(d)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := change(old, time.Minute)
	want(t, r.GetStatus(), pb.Code_OK)
	if r.GetReceiptHandle() == old {
		t.Error("the handle is the old one")
	}
	want(t, change("rubbish", time.Minute).GetStatus(), pb.Code_INVALID_RECEIPT_HANDLE)
	want(t, change(old, -time.Second).GetStatus(), pb.Code_ILLEGAL_INVISIBLE_TIME)
	want(t, change(old, 13*time.Hour).GetStatus(), pb.Code_ILLEGAL_INVISIBLE_TIME)
	ms[0].SystemProperties.ReceiptHandle = new("rubbish")
	bad := c.ack("orders", "g", ms[0])
	want(t, bad.GetEntries()[0].GetStatus(), pb.Code_INVALID_RECEIPT_HANDLE)
	ms[0].SystemProperties.ReceiptHandle = new(r.GetReceiptHandle())
	want(t, c.ack("orders", "g", ms[0]).GetStatus(), pb.Code_OK)
	f := strings.Fields(old)
	f[2] = "-100000"
	ms[0].SystemProperties.ReceiptHandle = new(strings.Join(f, " "))
	mixed := c.ack("orders", "g", ms[0], &pb.Message{SystemProperties: &pb.SystemProperties{ReceiptHandle: new(r.GetReceiptHandle())}})
	want(t, mixed.GetStatus(), pb.Code_MULTIPLE_RESULTS)
	want(t, mixed.GetEntries()[0].GetStatus(), pb.Code_INVALID_RECEIPT_HANDLE)
}

func TestDeadLetter(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	p.send(plain("orders", "01AA", "x"))
	_, ms := c.receive(receiving("orders", "g"))
	if len(ms) != 1 {
		t.Fatalf("messages %v", ms)
	}
	r, err := c.ForwardMessageToDeadLetterQueue(c.ctx(), &pb.ForwardMessageToDeadLetterQueueRequest{Group: res("g"), Topic: res("orders"), MessageId: "01AA",
		ReceiptHandle: ms[0].GetSystemProperties().GetReceiptHandle(), DeliveryAttempt: 3, MaxDeliveryAttempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_OK)
	dead := "%DLQ%g"
	st, err := c.PullMessage(c.ctx(), &pb.PullMessageRequest{Group: res("g"), MessageQueue: &pb.MessageQueue{Topic: res(dead)}, BatchSize: 8, LongPollingTimeout: durationpb.New(5 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	code, got, next := pulled(t, st)
	t.Logf("%v %v %d", code, got, next)
	r, _ = c.ForwardMessageToDeadLetterQueue(c.ctx(), &pb.ForwardMessageToDeadLetterQueueRequest{Group: res("g"), Topic: res("orders"), ReceiptHandle: "1 2 3 4 0 b 6 7"})
	want(t, r.GetStatus(), pb.Code_INVALID_RECEIPT_HANDLE)
}

func pulled(t *testing.T, st interface {
	Recv() (*pb.PullMessageResponse, error)
}) (code *pb.Status, ms []*pb.Message, next int64) {
	t.Helper()
	next = -1
	for {
		in, err := st.Recv()
		if err == io.EOF {
			return code, ms, next
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := in.GetContent().(type) {
		case *pb.PullMessageResponse_Status:
			code = v.Status
		case *pb.PullMessageResponse_Message:
			ms = append(ms, v.Message)
		case *pb.PullMessageResponse_NextOffset:
			next = v.NextOffset
		}
	}
}

func TestPullAndOffsets(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := n.client("p"), n.client("c")
	c.settle(consumer(pb.ClientType_PULL_CONSUMER, "g", "orders"))
	before := time.Now()
	sent := p.send(plain("orders", "01AA", "x"))
	var at *pb.MessageQueue
	for id := range int32(4) {
		q := &pb.MessageQueue{Topic: res("orders"), Id: id}
		r, err := c.QueryOffset(c.ctx(), &pb.QueryOffsetRequest{MessageQueue: q, QueryOffsetPolicy: pb.QueryOffsetPolicy_END})
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.GetStatus(), pb.Code_OK)
		if r.GetOffset() == 1 {
			at = q
		}
	}
	if at == nil || sent[0].GetOffset() != 0 {
		t.Fatalf("no queue has the message of %v", sent)
	}
	pull := func(offset int64, wait time.Duration) (*pb.Status, []*pb.Message, int64) {
		st, err := c.PullMessage(c.ctx(), &pb.PullMessageRequest{Group: res("g"), MessageQueue: at, Offset: offset, BatchSize: 8, LongPollingTimeout: durationpb.New(wait)})
		if err != nil {
			t.Fatal(err)
		}
		return pulled(t, st)
	}
	code, ms, next := pull(0, 0)
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || string(ms[0].GetBody()) != "x" || next != 1 {
		t.Errorf("pulled %v, next %d", ms, next)
	}
	code, _, next = pull(1, time.Millisecond)
	want(t, code, pb.Code_MESSAGE_NOT_FOUND)
	if next != 1 {
		t.Errorf("next %d", next)
	}
	code, _, _ = pull(7, 0)
	want(t, code, pb.Code_ILLEGAL_OFFSET)
	code, _, _ = pull(-1, 0)
	want(t, code, pb.Code_ILLEGAL_OFFSET)

	get, err := c.GetOffset(c.ctx(), &pb.GetOffsetRequest{Group: res("g"), MessageQueue: at})
	if err != nil {
		t.Fatal(err)
	}
	want(t, get.GetStatus(), pb.Code_OFFSET_NOT_FOUND)
	up, err := c.UpdateOffset(c.ctx(), &pb.UpdateOffsetRequest{Group: res("g"), MessageQueue: at, Offset: 1})
	if err != nil {
		t.Fatal(err)
	}
	want(t, up.GetStatus(), pb.Code_OK)
	get, _ = c.GetOffset(c.ctx(), &pb.GetOffsetRequest{Group: res("g"), MessageQueue: at})
	want(t, get.GetStatus(), pb.Code_OK)
	if get.GetOffset() != 1 {
		t.Errorf("offset %d", get.GetOffset())
	}
	up, _ = c.UpdateOffset(c.ctx(), &pb.UpdateOffsetRequest{Group: res("g"), MessageQueue: at, Offset: -1})
	want(t, up.GetStatus(), pb.Code_ILLEGAL_OFFSET)
	up, _ = c.UpdateOffset(c.ctx(), &pb.UpdateOffsetRequest{Group: res("g"), MessageQueue: &pb.MessageQueue{Topic: res("orders"), Id: 9}})
	want(t, up.GetStatus(), pb.Code_BAD_REQUEST)
	for policy, offset := range map[pb.QueryOffsetPolicy]int64{pb.QueryOffsetPolicy_BEGINNING: 0, pb.QueryOffsetPolicy_END: 1, pb.QueryOffsetPolicy_TIMESTAMP: 0} {
		r, err := c.QueryOffset(c.ctx(), &pb.QueryOffsetRequest{MessageQueue: at, QueryOffsetPolicy: policy, Timestamp: timestamppb.New(before)})
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.GetStatus(), pb.Code_OK)
		if r.GetOffset() != offset {
			t.Errorf("%s: offset %d, want %d", policy, r.GetOffset(), offset)
		}
	}
	r, _ := c.QueryOffset(c.ctx(), &pb.QueryOffsetRequest{MessageQueue: at, QueryOffsetPolicy: pb.QueryOffsetPolicy_TIMESTAMP})
	want(t, r.GetStatus(), pb.Code_BAD_REQUEST)
}

func TestTransactions(t *testing.T) {
	n := start(t, nil)
	n.topic("deals", "TRANSACTION")
	p, c := pair(t, n, "deals", "g")
	half := func(id string) *pb.SendResultEntry {
		m := plain("deals", id, id)
		m.SystemProperties.MessageType = pb.MessageType_TRANSACTION
		return p.send(m)[0]
	}
	end := func(id, transaction string, how pb.TransactionResolution) *pb.Status {
		r, err := p.EndTransaction(p.ctx(), &pb.EndTransactionRequest{Topic: res("deals"), MessageId: id, TransactionId: transaction, Resolution: how, Source: pb.TransactionSource_SOURCE_CLIENT})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetStatus()
	}
	back := half("01BACK")
	want(t, end("01BACK", back.GetTransactionId(), pb.TransactionResolution_ROLLBACK), pb.Code_OK)
	e := half("01DONE")
	want(t, end("01DONE", e.GetTransactionId(), pb.TransactionResolution_COMMIT), pb.Code_OK)
	code, ms := c.receive(receiving("deals", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || ms[0].GetSystemProperties().GetMessageId() != "01DONE" || ms[0].GetSystemProperties().GetMessageType() != pb.MessageType_TRANSACTION {
		t.Fatalf("messages %v", ms)
	}
	want(t, end("01BACK", back.GetTransactionId(), pb.TransactionResolution_COMMIT), pb.Code_INTERNAL_SERVER_ERROR)
	want(t, end("01BACK", "", pb.TransactionResolution_COMMIT), pb.Code_INVALID_TRANSACTION_ID)
	want(t, end("01BACK", "rubbish", pb.TransactionResolution_COMMIT), pb.Code_INVALID_TRANSACTION_ID)
}

// TestOrphanedTransaction is a transaction that its producer has forgotten: it is asked by its telemetry stream, and settles it then.
func TestOrphanedTransaction(t *testing.T) {
	n := start(t, map[string]string{"transactionTimeOut": "100", "transactionCheckInterval": "100"})
	n.topic("deals", "TRANSACTION")
	c := n.client("c")
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "deals"))
	n.begin(c, "deals", "g")
	p := n.client("p")
	st, _ := p.settle(producer("deals"))
	m := plain("deals", "01LOST", "body")
	m.SystemProperties.MessageType, m.UserProperties = pb.MessageType_TRANSACTION, map[string]string{"a": "b"}
	e := p.send(m)[0]
	in, err := st.Recv()
	if err != nil {
		t.Fatal(err)
	}
	q := in.GetRecoverOrphanedTransactionCommand()
	if q == nil || q.GetTransactionId() != e.GetTransactionId() || string(q.GetMessage().GetBody()) != "body" || q.GetMessage().GetTopic().GetName() != "deals" ||
		q.GetMessage().GetSystemProperties().GetMessageId() != "01LOST" || q.GetMessage().GetUserProperties()["a"] != "b" {
		t.Fatalf("asked %v, want %s", in, e.GetTransactionId())
	}
	r, err := p.EndTransaction(p.ctx(), &pb.EndTransactionRequest{Topic: res("deals"), MessageId: "01LOST", TransactionId: q.GetTransactionId(),
		Resolution: pb.TransactionResolution_COMMIT, Source: pb.TransactionSource_SOURCE_SERVER_CHECK})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_OK)
	code, ms := c.receive(receiving("deals", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || string(ms[0].GetBody()) != "body" {
		t.Errorf("messages %v", ms)
	}
}

func TestTelemetryRefusals(t *testing.T) {
	n := start(t, nil)
	u := n.client("c")
	check := func(s *pb.Settings) {
		t.Helper()
		st, err := u.Telemetry(u.ctx())
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: s}}); err != nil {
			t.Fatal(err)
		}
		if in, err := st.Recv(); grpcstatus.Code(err) != codes.InvalidArgument {
			t.Errorf("%v, %v, want INVALID_ARGUMENT", in, err)
		}
	}
	check(&pb.Settings{})
	check(producer("a b"))
	check(consumer(pb.ClientType_PUSH_CONSUMER, "a b", "t"))
	check(consumer(pb.ClientType_CLIENT_TYPE_UNSPECIFIED, "g", "t"))
	s := producer("t")
	s.ClientProperties = map[string]string{"1": "x"}
	check(s)
	many := producer()
	for i := range 1025 {
		many.GetPublishing().Topics = append(many.GetPublishing().Topics, res(fmt.Sprint("t", i)))
	}
	check(many)
}

// TestMembers shows gRPC clients to administrators as any other clients.
func TestMembers(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := n.client("p"), n.client("c")
	p.settle(producer("orders"))
	st, _ := c.settle(consumer(pb.ClientType_PUSH_CONSUMER, "g", "orders"))
	g, err := n.admin().Group(n.ctx(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Members) != 1 || g.Members[0].ClientID != "c" || g.Members[0].Language != "GO" {
		t.Errorf("members %+v", g.Members)
	}
	_ = st
	bye, err := c.NotifyClientTermination(c.ctx(), &pb.NotifyClientTerminationRequest{Group: res("g")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, bye.GetStatus(), pb.Code_OK)
	bye, _ = c.NotifyClientTermination(c.ctx(), &pb.NotifyClientTerminationRequest{Group: res("g")})
	want(t, bye.GetStatus(), pb.Code_UNRECOGNIZED_CLIENT_TYPE)
}

func TestAssignmentsAndRoutes(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	c := n.client("c")
	a, err := c.QueryAssignment(c.ctx(), &pb.QueryAssignmentRequest{Topic: res("orders"), Group: res("g"), Endpoints: &pb.Endpoints{}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, a.GetStatus(), pb.Code_OK)
	if q := a.GetAssignments()[0].GetMessageQueue(); len(a.GetAssignments()) != 1 || q.GetId() != -1 || q.GetPermission() != pb.Permission_READ_WRITE || len(q.GetBroker().GetEndpoints().GetAddresses()) != 1 {
		t.Errorf("assignments %v", a.GetAssignments())
	}
	a, _ = c.QueryAssignment(c.ctx(), &pb.QueryAssignmentRequest{Topic: res("nobody"), Group: res("g")})
	want(t, a.GetStatus(), pb.Code_TOPIC_NOT_FOUND)
	a, _ = c.QueryAssignment(c.ctx(), &pb.QueryAssignmentRequest{Topic: res("orders"), Group: res("")})
	want(t, a.GetStatus(), pb.Code_ILLEGAL_CONSUMER_GROUP)
	r, _ := c.QueryRoute(c.ctx(), &pb.QueryRouteRequest{Topic: res("nobody")})
	want(t, r.GetStatus(), pb.Code_TOPIC_NOT_FOUND)
	r, _ = c.QueryRoute(c.ctx(), &pb.QueryRouteRequest{Topic: res("TBW102")})
	want(t, r.GetStatus(), pb.Code_ILLEGAL_TOPIC)
}

func TestReflectionAndHealth(t *testing.T) {
	n := start(t, nil)
	u := n.client("c")
	h, err := grpc_health_v1.NewHealthClient(u.conn).Check(u.ctx(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v", h, err)
	}
	st, err := grpc_reflection_v1.NewServerReflectionClient(u.conn).ServerReflectionInfo(u.ctx())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *grpc_reflection_v1.ServerReflectionRequest) *grpc_reflection_v1.ServerReflectionResponse {
		if err := st.Send(r); err != nil {
			t.Fatal(err)
		}
		in, err := st.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	var names []string
	for _, s := range ask(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}).GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if !slices.Contains(names, "apache.rocketmq.v2.MessagingService") {
		t.Errorf("services %v", names)
	}
	in := ask(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "apache.rocketmq.v2.MessagingService"}})
	if len(in.GetFileDescriptorResponse().GetFileDescriptorProto()) < 2 {
		t.Errorf("descriptors %v", in)
	}
	err = u.conn.Invoke(u.ctx(), "/apache.rocketmq.v2.Admin/ChangeLogLevel", &pb.HeartbeatRequest{}, &pb.HeartbeatResponse{})
	if grpcstatus.Code(err) != codes.Unimplemented {
		t.Errorf("Admin: %v, want UNIMPLEMENTED", err)
	}
}

// TestGroups makes a group on first use, unless the operator forbids it.
func TestGroups(t *testing.T) {
	n := start(t, map[string]string{"autoCreateSubscriptionGroup": "false"})
	n.topic("orders", "NORMAL")
	c := n.client("c")
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "nobody", "orders"))
	code, _ := c.receive(receiving("orders", "nobody"))
	want(t, code, pb.Code_CONSUMER_GROUP_NOT_FOUND)
	n.group("g", false)
	p, c := pair(t, n, "orders", "g")
	p.send(plain("orders", "01AA", "x"))
	code, ms := c.receive(receiving("orders", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 {
		t.Errorf("messages %v", ms)
	}
}

// TestPriority finds a message with a priority in the queue of that number.
func TestPriority(t *testing.T) {
	n := start(t, nil)
	n.topic("urgent", "PRIORITY")
	p, c := pair(t, n, "urgent", "g")
	m := plain("urgent", "01AA", "x")
	m.SystemProperties.MessageType, m.SystemProperties.Priority = pb.MessageType_PRIORITY, new(int32(2))
	p.send(m)
	code, ms := c.receive(receiving("urgent", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 || ms[0].GetSystemProperties().GetPriority() != 2 || ms[0].GetSystemProperties().GetQueueId() != 2 || ms[0].GetSystemProperties().GetMessageType() != pb.MessageType_PRIORITY {
		t.Errorf("messages %v", ms)
	}
}

// TestAMessageWithoutSystemProperties is refused for its id.
func TestAMessageWithoutSystemProperties(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	u := n.client("p")
	r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{{Topic: res("orders"), Body: []byte("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_ILLEGAL_MESSAGE_ID)
}
