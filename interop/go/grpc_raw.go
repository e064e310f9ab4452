package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// rawScenarios send what the client does not send: what it refuses by itself, has no call for, or cannot take apart in the answer.
func rawScenarios() []scenario {
	return []scenario{
		{"raw-wrong-type", rawWrongType}, {"raw-oversize", rawOversize}, {"raw-refusals", rawRefusals}, {"raw-gzip", rawGzip}, {"raw-ack", rawAck},
		{"raw-recall", rawRecall}, {"raw-settings", rawSettings}, {"raw-unimplemented", rawUnimplemented}, {"raw-metadata", rawMetadata},
	}
}

// stub is a client by itself: a connection with an id.
type stub struct {
	v2.MessagingServiceClient
	conn *grpc.ClientConn
	id   string
	sent int
}

func (l *lab) stub() (*stub, error) {
	conn, err := grpc.NewClient(os.Getenv("INTEROP_GRPC"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, conn.Close)
	return &stub{MessagingServiceClient: v2.NewMessagingServiceClient(conn), conn: conn, id: l.unique("stub")}, nil
}

// calling is a context for one call.
func (s *stub) calling(limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	return metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", s.id, "x-mq-language", "GO", "x-mq-protocol", "v2", "x-mq-client-version", "5.1.3"), cancel
}

func resource(name string) *v2.Resource { return &v2.Resource{Name: name} }

// build returns a message with an id of its own.
func (s *stub) build(topic string, body []byte, typed v2.MessageType) *v2.Message {
	s.sent++
	return &v2.Message{Topic: resource(topic), Body: body, SystemProperties: &v2.SystemProperties{
		MessageId: fmt.Sprintf("01%032X", time.Now().UnixNano()+int64(s.sent)), BodyEncoding: v2.Encoding_IDENTITY, BornTimestamp: timestamppb.Now(), BornHost: "stub", MessageType: typed}}
}

// send returns the request's status and its entries.
func (s *stub) send(messages ...*v2.Message) (int, []*v2.SendResultEntry, error) {
	ctx, cancel := s.calling(20 * time.Second)
	defer cancel()
	got, err := s.SendMessage(ctx, &v2.SendMessageRequest{Messages: messages}, grpc.MaxCallSendMsgSize(64<<20))
	if err != nil {
		return 0, nil, err
	}
	return int(got.GetStatus().GetCode()), got.GetEntries(), nil
}

// wants sends and wants this status.
func (s *stub) wants(what string, status int, messages ...*v2.Message) error {
	got, _, err := s.send(messages...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return equal(what, status, got)
}

// introduce opens the telemetry stream with settings and returns it with the server's.
func (l *lab) introduce(s *stub, settings *v2.Settings) (v2.MessagingService_TelemetryClient, *v2.TelemetryCommand, error) {
	ctx, cancel := s.calling(2 * time.Minute)
	l.closers = append(l.closers, func() error { cancel(); return nil })
	stream, err := s.Telemetry(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}}); err != nil {
		return nil, nil, err
	}
	got, err := stream.Recv()
	return stream, got, err
}

func producing(topics ...string) *v2.Settings {
	kind, publishing := v2.ClientType_PRODUCER, &v2.Publishing{}
	for _, topic := range topics {
		publishing.Topics = append(publishing.Topics, resource(topic))
	}
	return &v2.Settings{ClientType: &kind, RequestTimeout: durationpb.New(3 * time.Second), PubSub: &v2.Settings_Publishing{Publishing: publishing}}
}

func consuming(kind v2.ClientType, group, topic string) *v2.Settings {
	all := &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"}
	return &v2.Settings{ClientType: &kind, RequestTimeout: durationpb.New(3 * time.Second), PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
		Group: resource(group), Subscriptions: []*v2.SubscriptionEntry{{Topic: resource(topic), Expression: all}}}}}
}

// rawWrongType wants each pair of a topic's type and a message's that do not fit refused by the server too.
func rawWrongType(l *lab) error {
	s, err := l.stub()
	if err != nil {
		return err
	}
	types := []v2.MessageType{v2.MessageType_NORMAL, v2.MessageType_FIFO, v2.MessageType_DELAY, v2.MessageType_TRANSACTION}
	for _, of := range types {
		topic, err := l.typedTopic(strings.ToLower(of.String()), 1, of.String())
		if err != nil {
			return err
		}
		for _, typed := range types {
			m := s.build(topic, []byte("x"), typed)
			group := "group"
			switch typed {
			case v2.MessageType_FIFO:
				m.SystemProperties.MessageGroup = &group
			case v2.MessageType_DELAY:
				m.SystemProperties.DeliveryTimestamp = timestamppb.New(time.Now().Add(time.Second))
			}
			want := 40014
			if typed == of {
				want = 20000
			}
			if err := s.wants(fmt.Sprintf("%v to a topic of %v", typed, of), want, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// rawOversize wants the server's own limits.
func rawOversize(l *lab) error {
	topic, err := l.typedTopic("topic", 1, "NORMAL")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	over := s.build(topic, make([]byte, 4<<20+1), v2.MessageType_NORMAL)
	far := s.build(topic, make([]byte, 40<<20), v2.MessageType_NORMAL)
	return all(s.wants("4 MiB and one byte", 41301, over), s.wants("40 MiB", 41301, far),
		s.wants("still connected", 20000, s.build(topic, []byte("x"), v2.MessageType_NORMAL)))
}

func rawRefusals(l *lab) error {
	topic, err := l.typedTopic("topic", 1, "NORMAL")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	with := func(change func(*v2.Message)) *v2.Message {
		m := s.build(topic, []byte("x"), v2.MessageType_NORMAL)
		change(m)
		return m
	}
	transacting, err := l.typedTopic("transacting", 1, "TRANSACTION")
	if err != nil {
		return err
	}
	text := func(text string) *string { return &text }
	cases := []struct {
		what    string
		status  int
		message *v2.Message
	}{
		{"no body", 41302, with(func(m *v2.Message) { m.Body = nil })},
		{"no topic", 40002, with(func(m *v2.Message) { m.Topic = nil })},
		{"a topic with a blank", 40002, with(func(m *v2.Message) { m.Topic = resource("a b") })},
		{"a system topic", 40002, with(func(m *v2.Message) { m.Topic = resource("SCHEDULE_TOPIC_XXXX") })},
		{"no id", 40009, with(func(m *v2.Message) { m.SystemProperties.MessageId = "" })},
		{"a blank tag", 40004, with(func(m *v2.Message) { m.SystemProperties.Tag = text(" ") })},
		{"a tag with a bar", 40004, with(func(m *v2.Message) { m.SystemProperties.Tag = text("a|b") })},
		{"a tag with a control", 40004, with(func(m *v2.Message) { m.SystemProperties.Tag = text("a\x01b") })},
		{"a blank key", 40005, with(func(m *v2.Message) { m.SystemProperties.Keys = []string{" "} })},
		{"a key with a control", 40005, with(func(m *v2.Message) { m.SystemProperties.Keys = []string{"a\x02"} })},
		{"a property with a control", 40007, with(func(m *v2.Message) { m.UserProperties = map[string]string{"a\x01": "b"} })},
		{"a reserved property", 40007, with(func(m *v2.Message) { m.UserProperties = map[string]string{"UNIQ_KEY": "b"} })},
		{"a long message group", 40006, with(func(m *v2.Message) { m.SystemProperties.MessageGroup = text(strings.Repeat("g", 65)) })},
		{"a blank message group", 40006, with(func(m *v2.Message) { m.SystemProperties.MessageGroup = text(" ") })},
		{"a long recovery", 40000, with(func(m *v2.Message) {
			m.Topic, m.SystemProperties.MessageType = resource(transacting), v2.MessageType_TRANSACTION
			m.SystemProperties.OrphanedTransactionRecoveryDuration = durationpb.New(2 * time.Hour)
		})},
	}
	absent, _, err := s.send(with(func(m *v2.Message) { m.Topic = resource(l.unique("absent")) }))
	if err != nil {
		return err
	}
	l.differs("grpc-absent-topic", 40402, absent)
	var wrong []string
	for _, c := range cases {
		if err := s.wants(c.what, c.status, c.message); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	other, err := l.typedTopic("other", 1, "NORMAL")
	if err != nil {
		return err
	}
	two := s.wants("two topics", 40016, s.build(topic, []byte("x"), v2.MessageType_NORMAL), s.build(other, []byte("x"), v2.MessageType_NORMAL))
	return all(equal("wrong", "", strings.Join(wrong, "; ")), two, s.wants("nothing", 40016))
}

// rawGzip wants a body that the sender compressed inflated by the remoting client, and by a server's answer marked as it was.
func rawGzip(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	text := strings.Repeat("compressible ", 1000)
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	m := s.build(topic, body.Bytes(), v2.MessageType_NORMAL)
	m.SystemProperties.BodyEncoding = v2.Encoding_GZIP
	if err := s.wants("compressed", 20000, m); err != nil {
		return err
	}
	c, err := l.simple(topic, group, byTag("*"))
	if err != nil {
		return err
	}
	got, err := receiveOne(c, 30*time.Second)
	if err != nil {
		return err
	}
	if string(got.GetBody()) != text {
		return fmt.Errorf("%d bytes came over gRPC as %d", len(text), len(got.GetBody()))
	}
	if err := c.Ack(context.Background(), got); err != nil {
		return err
	}
	reader, err := l.group("reader")
	if err != nil {
		return err
	}
	in, err := l.consume(topic, reader)
	if err != nil {
		return err
	}
	over, err := in.one(30 * time.Second)
	if err != nil {
		return err
	}
	seen := "inflated"
	if string(over.Body) != text {
		seen = "another body"
	}
	l.differs("grpc-compressed-body", "inflated", seen)
	return nil
}

// received is what a poll answered.
type received struct {
	statuses []int
	messages []*v2.Message
}

func (s *stub) receive(request *v2.ReceiveMessageRequest) (received, error) {
	ctx, cancel := s.calling(12 * time.Second)
	defer cancel()
	stream, err := s.ReceiveMessage(ctx, request)
	if err != nil {
		return received{}, err
	}
	var got received
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if m := part.GetMessage(); m != nil {
			got.messages = append(got.messages, m)
		} else if part.GetStatus() != nil {
			got.statuses = append(got.statuses, int(part.GetStatus().GetCode()))
		}
	}
}

// rawAck takes the answers apart that the client does not look at: entries of a batch, old and senseless handles.
func rawAck(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	if _, _, err := l.introduce(s, consuming(v2.ClientType_SIMPLE_CONSUMER, group, topic)); err != nil {
		return err
	}
	for range 4 {
		if err := s.wants("sent", 20000, s.build(topic, []byte("x"), v2.MessageType_NORMAL)); err != nil {
			return err
		}
	}
	ctx, cancel := s.calling(time.Minute)
	defer cancel()
	route, err := s.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: resource(topic), Endpoints: endpoints()})
	if err != nil {
		return err
	}
	if err := all(equal("route", 20000, int(route.GetStatus().GetCode())), equal("queues", 1, len(route.GetMessageQueues()))); err != nil {
		return err
	}
	queue := route.GetMessageQueues()[0]
	if err := equal("accepts", fmt.Sprint([]v2.MessageType{v2.MessageType_NORMAL}), fmt.Sprint(queue.GetAcceptMessageTypes())); err != nil {
		return err
	}
	request := &v2.ReceiveMessageRequest{Group: resource(group), MessageQueue: queue, FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		BatchSize: 32, InvisibleDuration: durationpb.New(60 * time.Second)}
	var messages []*v2.Message
	for start := time.Now(); len(messages) < 4; {
		got, err := s.receive(request)
		if err != nil {
			return err
		}
		if time.Since(start) > 30*time.Second {
			return fmt.Errorf("%d of 4 messages in 30 s, statuses %v", len(messages), got.statuses)
		}
		messages = append(messages, got.messages...)
	}
	entry := func(i int) *v2.AckMessageEntry {
		properties := messages[i].GetSystemProperties()
		return &v2.AckMessageEntry{MessageId: properties.GetMessageId(), ReceiptHandle: properties.GetReceiptHandle()}
	}
	changed, err := s.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{Group: resource(group), Topic: resource(topic),
		ReceiptHandle: entry(3).GetReceiptHandle(), MessageId: entry(3).GetMessageId(), InvisibleDuration: durationpb.New(30 * time.Second)})
	if err != nil {
		return err
	}
	fresh := &v2.AckMessageEntry{MessageId: entry(3).GetMessageId(), ReceiptHandle: changed.GetReceiptHandle()}
	ack := func(entries ...*v2.AckMessageEntry) (string, error) {
		got, err := s.AckMessage(ctx, &v2.AckMessageRequest{Group: resource(group), Topic: resource(topic), Entries: entries})
		if err != nil {
			return "", err
		}
		codes := []int{int(got.GetStatus().GetCode())}
		for _, e := range got.GetEntries() {
			codes = append(codes, int(e.GetStatus().GetCode()))
		}
		return strings.Trim(fmt.Sprint(codes), "[]"), nil
	}
	senseless := &v2.AckMessageEntry{MessageId: entry(0).GetMessageId(), ReceiptHandle: "senseless"}
	two, err2 := ack(entry(0), entry(1))
	mixed, errMixed := ack(entry(2), senseless)
	good, wrong := mixed[:max(0, strings.LastIndex(mixed, " "))], mixed[strings.LastIndex(mixed, " ")+1:]
	l.differs("grpc-senseless-handle", "40013", wrong)
	changedAck, errChanged := ack(fresh)
	return all(err2, errMixed, errChanged, equal("change", 20000, int(changed.GetStatus().GetCode())),
		equal("new handle differs", true, changed.GetReceiptHandle() != entry(3).GetReceiptHandle()),
		equal("two", "20000 20000 20000", two), equal("one good, one senseless", "30000 20000", good), equal("after a change", "20000 20000", changedAck),
		l.driver.ask(fmt.Sprintf("committed %s %s 1 4", topic, group)))
}

func endpoints() *v2.Endpoints {
	host, port, _ := strings.Cut(os.Getenv("INTEROP_GRPC"), ":")
	number := 0
	fmt.Sscan(port, &number)
	return &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: host, Port: int32(number)}}}
}

func rawRecall(l *lab) error {
	topic, group, err := l.typed(1, "DELAY", 16, "")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	if _, _, err := l.introduce(s, producing(topic)); err != nil {
		return err
	}
	m := s.build(topic, []byte("gone"), v2.MessageType_DELAY)
	m.SystemProperties.DeliveryTimestamp = timestamppb.New(time.Now().Add(5 * time.Second))
	status, entries, err := s.send(m)
	if err != nil || status != 20000 || len(entries) != 1 || entries[0].GetRecallHandle() == "" {
		return fmt.Errorf("status %d, entries %v, %w", status, entries, err)
	}
	ctx, cancel := s.calling(20 * time.Second)
	defer cancel()
	got, err := s.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: resource(topic), RecallHandle: entries[0].GetRecallHandle()})
	if err != nil {
		return err
	}
	if err := all(equal("recall", 20000, int(got.GetStatus().GetCode())), equal("id", m.GetSystemProperties().GetMessageId(), got.GetMessageId())); err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	return in.nothing(8 * time.Second)
}

// rawSettings wants the settings that clients are told.
func rawSettings(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 7, "orderly")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	_, got, err := l.introduce(s, producing(topic))
	if err != nil {
		return err
	}
	publishing, policy := got.GetSettings().GetPublishing(), got.GetSettings().GetBackoffPolicy()
	err = all(equal("status", 20000, int(got.GetStatus().GetCode())), equal("validates types", true, publishing.GetValidateMessageType()),
		equal("largest body", 4<<20, publishing.GetMaxBodySize()), equal("attempts", 3, policy.GetMaxAttempts()),
		equal("backoff", "10ms 1s 2", fmt.Sprint(policy.GetExponentialBackoff().GetInitial().AsDuration(), policy.GetExponentialBackoff().GetMax().AsDuration(), policy.GetExponentialBackoff().GetMultiplier())),
		equal("metric is said", true, got.GetSettings().GetMetric() != nil))
	if err != nil {
		return err
	}
	c, err := l.stub()
	if err != nil {
		return err
	}
	c.id += "-consumer"
	_, got, err = l.introduce(c, consuming(v2.ClientType_PUSH_CONSUMER, group, topic))
	if err != nil {
		return err
	}
	subscription, policy := got.GetSettings().GetSubscription(), got.GetSettings().GetBackoffPolicy()
	var delays []time.Duration
	for _, d := range policy.GetCustomizedBackoff().GetNext() {
		delays = append(delays, d.AsDuration())
	}
	want := []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}
	return all(equal("fifo", true, subscription.GetFifo()), equal("batch", 32, subscription.GetReceiveBatchSize()),
		equal("poll", 20*time.Second, subscription.GetLongPollingTimeout().AsDuration()), equal("attempts", 8, policy.GetMaxAttempts()),
		equal("delays", fmt.Sprint(want), fmt.Sprint(delays[:min(len(delays), len(want))])), equal("number of delays", 18, len(delays)))
}

// rawUnimplemented wants the plain refusal of what RocketMQ's proxy does not serve.
func rawUnimplemented(l *lab) error {
	s, err := l.stub()
	if err != nil {
		return err
	}
	ctx, cancel := s.calling(20 * time.Second)
	defer cancel()
	_, err = v2.NewAdminClient(s.conn).ChangeLogLevel(ctx, &v2.ChangeLogLevelRequest{})
	if err == nil || !strings.Contains(err.Error(), "Unimplemented") {
		return fmt.Errorf("the service Admin: %v", err)
	}
	return nil
}

// rawMetadata wants a client without an id, or without settings, told so.
func rawMetadata(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	s, err := l.stub()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	anonymous, err := s.Heartbeat(ctx, &v2.HeartbeatRequest{Group: resource(group), ClientType: v2.ClientType_PUSH_CONSUMER})
	if err != nil {
		return err
	}
	ctx, cancel = s.calling(20 * time.Second)
	defer cancel()
	stranger, err := s.Heartbeat(ctx, &v2.HeartbeatRequest{Group: resource(group), ClientType: v2.ClientType_PUSH_CONSUMER})
	if err != nil {
		return err
	}
	assigned, err := s.QueryAssignment(ctx, &v2.QueryAssignmentRequest{Group: resource(group), Topic: resource(topic), Endpoints: endpoints()})
	if err != nil {
		return err
	}
	var ids []int32
	for _, a := range assigned.GetAssignments() {
		ids = append(ids, a.GetMessageQueue().GetId())
	}
	slices.Sort(ids)
	return all(equal("without an id", 40017, int(anonymous.GetStatus().GetCode())), equal("without settings", 40015, int(stranger.GetStatus().GetCode())),
		equal("assignment", 20000, int(assigned.GetStatus().GetCode())), equal("queues", "[-1]", fmt.Sprint(ids)))
}
