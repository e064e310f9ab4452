package convert_test

import (
	"bytes"
	"compress/gzip"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// record stores a message as a broker would, and reads it back.
func record(t testing.TB, m *pb.Message) message.Record {
	t.Helper()
	is := check.TypeOf(m.GetSystemProperties())
	body, err := convert.NewInflater(4<<20, 1<<30).StoredBody(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	r := message.Record{Topic: []byte(check.Name(m.GetTopic())), Body: body, SysFlag: convert.SysFlag(m, is) &^ message.FlagTransactionMask, BornTime: 5,
		BornHost: netip.MustParseAddrPort("10.0.0.9:1"), StoreHost: netip.MustParseAddrPort("10.0.0.1:10911"),
		Properties: convert.Properties(nil, m, is, check.Name(m.GetTopic()), "10.0.0.9:1")}
	raw := message.AppendRecord(nil, &r)
	message.Seal(raw, 100, 7, 9)
	out, err := message.ParseRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestThereAndBack sends each property through a record.
func TestThereAndBack(t *testing.T) {
	m := &pb.Message{Topic: &pb.Resource{ResourceNamespace: "ns", Name: "orders"}, Body: []byte("body"), UserProperties: map[string]string{"a": "b"}, SystemProperties: &pb.SystemProperties{
		MessageId: "01AA", Tag: new("x"), Keys: []string{"k1", "k2"}, MessageGroup: new("g"), TraceContext: new("trace"), BornTimestamp: timestamppb.New(time.UnixMilli(1234)),
		BornHost: "host-1", Priority: new(int32(4)), LiteTopic: new("lite")}}
	r := record(t, m)
	out := convert.Message(&r)
	sys := out.GetSystemProperties()
	if out.GetTopic().GetResourceNamespace() != "ns" || out.GetTopic().GetName() != "orders" || string(out.GetBody()) != "body" || len(out.GetUserProperties()) != 2 || out.GetUserProperties()["a"] != "b" ||
		out.GetUserProperties()[message.PropShardingKey] != "g" { // RocketMQ shows the message group there too
		t.Errorf("message %v", out)
	}
	if sys.GetMessageId() != "01AA" || sys.GetTag() != "x" || len(sys.GetKeys()) != 2 || sys.GetMessageGroup() != "g" || sys.GetTraceContext() != "trace" || sys.GetBornHost() != "host-1" ||
		sys.GetPriority() != 4 || sys.GetLiteTopic() != "lite" || sys.GetMessageType() != pb.MessageType_FIFO || sys.GetQueueOffset() != 7 || sys.GetStoreHost() != "10.0.0.1:10911" {
		t.Errorf("system properties %v", sys)
	}
	m.SystemProperties = &pb.SystemProperties{MessageId: "01BB", MessageType: pb.MessageType_TRANSACTION, OrphanedTransactionRecoveryDuration: durationpb.New(time.Minute)}
	r = record(t, m)
	if v := r.Properties.GetString(message.PropImmunity); v != "60" {
		t.Errorf("immunity %q", v)
	}
	if out = convert.Message(&r); out.GetSystemProperties().GetMessageType() != pb.MessageType_TRANSACTION || out.GetSystemProperties().GetBornHost() != "10.0.0.9:1" {
		t.Errorf("transaction %v", out)
	}
}

// TestBodies reads bodies that either kind of producer has compressed.
func TestBodies(t *testing.T) {
	text := bytes.Repeat([]byte("hello "), 100)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(text)
	_ = w.Close()
	m := &pb.Message{Topic: &pb.Resource{Name: "t"}, Body: zipped.Bytes(), SystemProperties: &pb.SystemProperties{MessageId: "1", BodyEncoding: pb.Encoding_GZIP}}
	r := record(t, m)
	if plain, err := compression.Body(r.Body, r.SysFlag); err != nil || !bytes.Equal(plain, text) {
		t.Errorf("a remoting consumer reads %d bytes, %v", len(plain), err)
	}
	if out := convert.Message(&r); !bytes.Equal(out.GetBody(), text) || out.GetSystemProperties().GetBodyEncoding() != pb.Encoding_IDENTITY {
		t.Errorf("a gRPC consumer reads %d bytes, %s", len(out.GetBody()), out.GetSystemProperties().GetBodyEncoding())
	}
	for _, kind := range []compression.Kind{compression.Zlib, compression.LZ4, compression.ZSTD} {
		r.Body, r.SysFlag = compression.Append(nil, text, kind, 5), kind.Flag()
		if out := convert.Message(&r); !bytes.Equal(out.GetBody(), text) {
			t.Errorf("%s: %d bytes", kind, len(out.GetBody()))
		}
	}
	r.Body = []byte("nonsense")
	if out := convert.Message(&r); string(out.GetBody()) != "nonsense" || out.GetSystemProperties().GetBodyEncoding() != pb.Encoding_GZIP {
		t.Errorf("unreadable: %v", out)
	}
}

func TestDeadLetterIsNamed(t *testing.T) {
	r := message.Record{Topic: []byte("%DLQ%g"), Properties: message.AppendProperty(message.AppendProperty(nil, message.PropDLQOriginTopic, "t"), message.PropDLQOriginID, "01"), StoreHost: netip.MustParseAddrPort("10.0.0.1:1")}
	if d := convert.Message(&r).GetSystemProperties().GetDeadLetterQueue(); d.GetTopic() != "t" || d.GetMessageId() != "01" {
		t.Errorf("dead letter %v", d)
	}
}

func TestQueues(t *testing.T) {
	check := func(perm topic.Perm, r, w int32, want string) {
		t.Helper()
		got := ""
		for i, q := range convert.Queues(&pb.Resource{Name: "t"}, &pb.Broker{}, perm, r, w, nil) {
			if int(q.GetId()) != i {
				t.Errorf("queue %d has id %d", i, q.GetId())
			}
			got += q.GetPermission().String()[:1]
			if q.GetPermission() == pb.Permission_READ_WRITE {
				got += "W"
			}
		}
		if got != want {
			t.Errorf("perm %d, %d readable, %d writable: %s, want %s", perm, r, w, got, want)
		}
	}
	check(6, 2, 2, "RWRW")
	check(6, 3, 1, "RRRW")
	check(6, 1, 2, "WRW")
	check(4, 2, 3, "RR")
	check(2, 2, 3, "WWW")
	check(0, 2, 3, "NNN")
	check(0, 0, 0, "N")
}

func TestConsumer(t *testing.T) {
	s := &pb.Settings{ClientType: pb.ClientType_PUSH_CONSUMER.Enum(), PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{Group: &pb.Resource{Name: "g"}, Subscriptions: []*pb.SubscriptionEntry{
		{Topic: &pb.Resource{Name: "t"}, Expression: &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "a || b"}}, {Topic: &pb.Resource{Name: "u"}}}}}}
	d, err := convert.Consumer(s, 3, filter.NewCache(8))
	if err != nil || d.ConsumeType != protocol.ConsumePassively || len(d.SubscriptionData) != 2 || len(d.SubscriptionData[0].CodeSet) != 2 || d.SubscriptionData[0].CodeSet[0] != 'a' || d.SubscriptionData[1].SubString != "*" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestEndpoints(t *testing.T) {
	for in, want := range map[string]pb.AddressScheme{"127.0.0.1:8081": pb.AddressScheme_IPv4, "[::1]:8081": pb.AddressScheme_IPv6, "broker.example:8081": pb.AddressScheme_DOMAIN_NAME} {
		if e := convert.Endpoints(in); e.GetScheme() != want || e.GetAddresses()[0].GetPort() != 8081 {
			t.Errorf("%s: %v", in, e)
		}
	}
}

func FuzzTransactionID(f *testing.F) {
	f.Add("broker-a@12@3")
	f.Add("a@b@1@2")
	f.Add("@1@2")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := convert.ParseTransactionID(text)
		if err != nil {
			return
		}
		again, err := convert.ParseTransactionID(id.String())
		if err != nil || again != id {
			t.Fatalf("%q: %v, then %v, %v", text, id, again, err)
		}
	})
}

// FuzzPopped reads the answers of brokers: whatever they are, nothing but an error comes of it.
func FuzzPopped(f *testing.F) {
	m := &pb.Message{Topic: &pb.Resource{Name: "t"}, Body: []byte("x"), SystemProperties: &pb.SystemProperties{MessageId: "1"}}
	r := record(f, m)
	raw := message.AppendRecord(nil, &r)
	message.Seal(raw, 100, 7, 9)
	f.Add("0 0 7", "0 0 7", "", raw)
	f.Add("", "", "0 qo0%7 2", raw[:50])
	f.Fuzz(func(t *testing.T, starts, offsets, counts string, body []byte) {
		fr := protocol.Frame{Body: body}
		h := protocol.PopMessageResponseHeader{PopTime: 1, InvisibleTime: 2, StartOffsetInfo: starts, MsgOffsetInfo: offsets, OrderCountInfo: counts}
		h.Append(&fr.Fields)
		all, _, err := convert.Popped(&fr, "b", &protocol.PopMessageHeader{Topic: "t", Order: counts != ""}, nil)
		if err != nil {
			return
		}
		for _, m := range all {
			if _, err := protocol.ParsePopHandle(m.GetSystemProperties().GetReceiptHandle()); err != nil {
				t.Fatalf("a handle that nobody can read: %v", err)
			}
		}
	})
}
