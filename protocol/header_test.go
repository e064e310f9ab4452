package protocol

import (
	"strings"
	"testing"
)

// header is what all request and response headers can do.
type header interface {
	Append(*Fields)
	Decode(Fields) error
}

func TestHeadersComeBack(t *testing.T) {
	f := func(full, empty header) {
		t.Helper()
		var fs Fields
		full.Append(&fs)
		if err := empty.Decode(fs); err != nil {
			t.Errorf("%T: %v", full, err)
			return
		}
		same(t, empty, full)
	}
	f(&PullMessageHeader{"g", "t", 1, 2, 32, PullSuspend, 3, 15000, "a || b", 9, "TAG", 1 << 20, 2, "c", "b"}, &PullMessageHeader{})
	f(&PullMessageHeader{ConsumerGroup: "g", Topic: "t", RequestSource: -1}, &PullMessageHeader{})
	f(&PullMessageResponseHeader{1, 2, 3, 4, 5, 6, 7, 3}, &PullMessageResponseHeader{})
	f(&SendMessageResponseHeader{[]byte("ID"), 3, 77, []byte("uniq"), "batch", "handle"}, &SendMessageResponseHeader{})
	f(&QueryConsumerOffsetHeader{"g", "t", 3, false}, &QueryConsumerOffsetHeader{})
	f(&QueryConsumerOffsetHeader{"g", "t", 3, true}, &QueryConsumerOffsetHeader{})
	f(&UpdateConsumerOffsetHeader{"g", "t", 3, 1 << 40}, &UpdateConsumerOffsetHeader{})
	f(&SearchOffsetHeader{"t", 0, 1700000000000, "UPPER"}, &SearchOffsetHeader{})
	f(&QueueHeader{"t", 3, false}, &QueueHeader{})
	f(&OffsetResponseHeader{-1}, &OffsetResponseHeader{})
	f(&TimestampResponseHeader{5}, &TimestampResponseHeader{})
	f(&QueryMessageHeader{"t", "k", 32, 1, 2, "K", "l", true}, &QueryMessageHeader{})
	f(&QueryMessageResponseHeader{1, 2}, &QueryMessageResponseHeader{})
	f(&ViewMessageHeader{"t", 99}, &ViewMessageHeader{})
	f(&UnregisterClientHeader{"c", "p", "g"}, &UnregisterClientHeader{})
	f(&ConsumerGroupHeader{"g"}, &ConsumerGroupHeader{})
	f(&ProducerGroupHeader{"g"}, &ProducerGroupHeader{})
	f(&SendBackHeader{9, "g", 3, "id", "t", true, true, -1, "b"}, &SendBackHeader{})
	f(&SendBackHeader{Offset: 9, Group: "g"}, &SendBackHeader{})
	f(&EndTransactionHeader{"t", "p", 1, 2, 8, true, "id", "tx", "b"}, &EndTransactionHeader{})
	f(&CheckTransactionHeader{"t", 1, 2, "id", "tx", "oid", "b"}, &CheckTransactionHeader{})
	f(&CreateTopicHeader{"t", "TBW102", 4, 4, 6, "SINGLE_TAG", 1, true, "+message.type=FIFO", true}, &CreateTopicHeader{})
	f(&TopicHeader{"t"}, &TopicHeader{})
	f(&DeleteGroupHeader{"g", true}, &DeleteGroupHeader{})
	f(&GroupHeader{"g", "t"}, &GroupHeader{})
	f(&CloneGroupOffsetHeader{"a", "b", "t", true}, &CloneGroupOffsetHeader{})
	f(&ConsumeStatsHeader{"g", "t", "a;b"}, &ConsumeStatsHeader{})
	f(&ResetOffsetHeader{"g", "t", 3, 9, -1, true}, &ResetOffsetHeader{})
	f(&ResetOffsetHeader{"g", "t", -1, -1, 1700000000000, false}, &ResetOffsetHeader{})
	f(&ConsumerStatusHeader{"t", "g", "c"}, &ConsumerStatusHeader{})
	f(&RunningInfoHeader{"g", "c", true}, &RunningInfoHeader{})
	f(&ConsumeDirectlyHeader{"g", "c", "id", "b", "t"}, &ConsumeDirectlyHeader{})
	f(&ReplyMessageHeader{"p", "t", "TBW102", 4, 1, 2, 3, 4, "a\x01b\x02", 5, true, "10.0.0.1:1", "10.0.0.2:2", 6}, &ReplyMessageHeader{})
	f(&KVResponseHeader{"v"}, &KVResponseHeader{})
	f(&GetRouteHeader{"t", true, "z"}, &GetRouteHeader{})
	f(&DeleteTopicInNamesrvHeader{"t", "c"}, &DeleteTopicInNamesrvHeader{})
	f(&ClusterHeader{"c"}, &ClusterHeader{})
	f(&BrokerNameHeader{"b"}, &BrokerNameHeader{})
	f(&RegisterBrokerHeader{"b", "a:1", "c", "h:1", 1, 10000, true, true, true, 7, "z"}, &RegisterBrokerHeader{})
	f(&RegisterBrokerResponseHeader{"h:1", "a:1"}, &RegisterBrokerResponseHeader{})
	f(&BrokerIdentityHeader{"b", "a:1", "c", 1}, &BrokerIdentityHeader{})
	f(&QueryDataVersionResponseHeader{true}, &QueryDataVersionResponseHeader{})
	f(&BrokerGroupHeader{"c", "b"}, &BrokerGroupHeader{})
	f(&BrokerHeartbeatHeader{"c", "a:1", "b", 2, -1, -1, -1, -1, -1}, &BrokerHeartbeatHeader{})
}

func TestKVHeader(t *testing.T) {
	full := KVHeader{"n", "k", "v"}
	var fs Fields
	full.Append(&fs)
	var h KVHeader
	if err := h.DecodePut(fs); err != nil || h != full {
		t.Errorf("put: %+v, %v", h, err)
	}
	if err := h.DecodeKey(fs); err != nil || h != (KVHeader{"n", "k", ""}) {
		t.Errorf("key: %+v, %v", h, err)
	}
	if err := h.DecodeNamespace(fs); err != nil || h != (KVHeader{"n", "", ""}) {
		t.Errorf("namespace: %+v, %v", h, err)
	}
}

func fieldsOf(pairs ...string) Fields {
	var fs Fields
	for i := 0; i < len(pairs); i += 2 {
		fs.Add(pairs[i], pairs[i+1])
	}
	return fs
}

func TestConfigPage(t *testing.T) {
	f := func(want ConfigPageHeader, pairs ...string) {
		t.Helper()
		var h ConfigPageHeader
		if err := h.Decode(fieldsOf(pairs...)); err != nil || h != want {
			t.Errorf("got %+v, %v; want %+v", h, err, want)
		}
	}
	f(ConfigPageHeader{})
	f(ConfigPageHeader{3, "v", 10}, "topicSeq", "3", "dataVersion", "v", "maxTopicNum", "10")
	f(ConfigPageHeader{3, "", 10}, "groupSeq", "3", "maxGroupNum", "10")
}

func TestHeadersNameWhatIsWrong(t *testing.T) {
	f := func(h interface{ Decode(Fields) error }, want string, pairs ...string) {
		t.Helper()
		if err := h.Decode(fieldsOf(pairs...)); err == nil || err.Error() != want {
			t.Errorf("%T: got %v, want %s", h, err, want)
		}
	}
	f(&TopicHeader{}, "the custom field <topic> is null")
	f(&QueueHeader{}, "the custom field <queueId> is null", "topic", "t")
	f(&QueueHeader{}, `the custom field <queueId> is not a 32-bit integer: "x"`, "topic", "t", "queueId", "x")
	f(&QueueHeader{}, `the custom field <queueId> is not a 32-bit integer: "2147483648"`, "topic", "t", "queueId", "2147483648")
	f(&SendBackHeader{}, `the custom field <offset> is not a 64-bit integer: "9223372036854775808"`, "offset", "9223372036854775808", "group", "g", "delayLevel", "0")
}

func fullSendHeader() SendMessageHeader {
	return SendMessageHeader{ProducerGroup: []byte("p"), Topic: []byte("t"), DefaultTopic: []byte("TBW102"), DefaultTopicQueueNums: 4, QueueID: -1, SysFlag: 1,
		BornTimestamp: 1700000000000, Flag: 2, Properties: []byte("a\x01b\x02"), ReconsumeTimes: 3, UnitMode: true, Batch: true, HasMaxReconsumeTimes: true,
		MaxReconsumeTimes: 16, BrokerName: []byte("b")}
}

func TestSendHeaderComesBack(t *testing.T) {
	in := fullSendHeader()
	var v1, v2 Fields
	in.AppendV1(&v1)
	in.AppendV2(&v2)
	if len(v1) != 14 || len(v2) != 14 || len(v2[13].Key) != 1 {
		t.Fatalf("%d and %d fields", len(v1), len(v2))
	}
	var got SendMessageHeader
	for code, fs := range map[int32]Fields{ReqSendMessage: v1, ReqSendReplyMessage: v1, ReqSendMessageV2: v2, ReqSendBatchMessage: v2, ReqSendReplyMessageV2: v2} {
		if err := got.DecodeSend(code, fs); err != nil {
			t.Fatal(err)
		}
		same(t, got, in)
	}
	if err := got.DecodeV1(v1[2:]); err == nil || err.Error() != "the custom field <topic> is null" {
		t.Errorf("version 1: %v", err)
	}
	if err := got.DecodeV2(v2[:7]); err == nil || err.Error() != "the custom field <h> is null" {
		t.Errorf("version 2: %v", err)
	}
	v2[4].Value = []byte("one")
	if err := got.DecodeV2(v2); err == nil || !strings.Contains(err.Error(), `<queueId> is not a 32-bit integer: "one"`) {
		t.Errorf("version 2: %v", err)
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	in := fullSendHeader()
	var v1, v2 Fields
	in.AppendV1(&v1)
	in.AppendV2(&v2)
	fs := make(Fields, 0, 8)
	scratch := make([]byte, 0, 64)
	res := SendMessageResponseHeader{MsgID: []byte("ID"), QueueID: 3, QueueOffset: 1 << 40, TransactionID: []byte("uniq")}
	pull := PullMessageResponseHeader{0, 1 << 40, 1, 1 << 40, 0, 0, 0, 0}
	got := testing.AllocsPerRun(100, func() {
		var h SendMessageHeader
		if h.DecodeV1(v1) != nil || h.DecodeV2(v2) != nil {
			t.Fatal("cannot decode")
		}
		fs, scratch = fs[:0], scratch[:0]
		scratch = res.AppendScratch(&fs, scratch)
		fs, scratch = fs[:0], scratch[:0]
		scratch = pull.AppendScratch(&fs, scratch)
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func FuzzSendHeader(f *testing.F) {
	f.Add("a", "p", "e", "-1", false)
	f.Add("topic", "t", "queueId", "9", true)
	f.Fuzz(func(t *testing.T, k1, x1, k2, x2 string, v1 bool) {
		in := fullSendHeader()
		var fs Fields
		if v1 {
			in.AppendV1(&fs)
		} else {
			in.AppendV2(&fs)
		}
		fs.Add(k1, x1)
		fs.Add(k2, x2)
		var h SendMessageHeader
		var err error
		if v1 {
			err = h.DecodeV1(fs)
		} else {
			err = h.DecodeV2(fs)
		}
		if err == nil && len(h.Topic) == 0 && x1 != "" && x2 != "" {
			t.Error("a required text is gone")
		}
	})
}
