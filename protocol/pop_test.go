package protocol

import (
	"bufio"
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// popCases are the lines of pop.tsv: what RocketMQ's own classes say.
func popCases(t testing.TB, kind string) (cases [][]string) {
	for lines := bufio.NewScanner(bytes.NewReader(golden(t, "pop.tsv"))); lines.Scan(); {
		if fields := strings.Split(lines.Text(), "\t"); fields[0] == kind {
			cases = append(cases, fields[1:])
		}
	}
	if len(cases) == 0 {
		t.Fatalf("pop.tsv has no %s", kind)
	}
	return cases
}

func popHandleOf(t *testing.T, text string) PopHandle {
	t.Helper()
	f := strings.Split(text, ",")
	n := func(i int) int64 {
		v, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	h := PopHandle{Topic: PopTopicOf(f[0]), StartOffset: n(1), PopTime: n(2), InvisibleTime: n(3), ReviveQueue: int32(n(4)), BrokerName: f[5],
		QueueID: int32(n(6)), QueueOffset: n(7), CommitLogOffset: -1}
	if len(f) > 8 {
		h.CommitLogOffset = n(8)
	}
	return h
}

func TestPopHandlesAreAsJavaHasThem(t *testing.T) {
	for _, kind := range []string{"handle8", "handle9"} {
		for _, c := range popCases(t, kind) {
			h := popHandleOf(t, c[0])
			same(t, string(h.Append(nil)), c[1])
			got, err := ParsePopHandle(c[1])
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, h)
		}
	}
	for _, c := range popCases(t, "real") {
		h, err := ParsePopHandle(c[0])
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("%s,%v", h.Topic.Name("g", "t"), h.Ordered()), c[1])
	}
}

func TestPopHandlesThatAreRefused(t *testing.T) {
	for _, text := range []string{"", "1 2 3", "1 2 3 4 0 b 6 7 8 9", "x 2 3 4 0 b 6 7", "1 2 3 4 3 b 6 7", "1 2 3 4 0  6 7", "1 2 3 4 0 b -1 7",
		"1 2 3 9999999999 0 b 6 7", "1 2 3 4 0 b 6 99999999999999999999"} {
		if h, err := ParsePopHandle(text); err == nil {
			t.Errorf("%q is taken for %+v", text, h)
		}
	}
}

func TestPopInfosAreAsJavaHasThem(t *testing.T) {
	topics := []PopTopic{PopNormal, PopRetryV1, PopRetryV2}
	var start, msg, order []byte
	for i, p := range topics {
		q, off := int32(i), int64(100+i)
		start = AppendStartOffset(start, p, q, off)
		offs := []int64{off, off + 2, 9000000000}
		if i == 1 {
			offs = []int64{7}
		}
		msg = AppendMsgOffsets(msg, p, q, offs)
		order = AppendOrderCount(order, p, q, off, int32(2+i))
		order = AppendQueueOrderCount(order, p, q, int32(i))
	}
	same(t, string(start), popCases(t, "start")[0][1])
	same(t, string(msg), popCases(t, "msg")[0][1])
	same(t, string(order), popCases(t, "order")[0][1])

	for _, kind := range []string{"parsed-start", "parsed-order"} {
		got, err := ParseStartOffsets(popCases(t, kind)[0][0])
		if err != nil {
			t.Fatal(err)
		}
		same(t, javaMap(got), popCases(t, kind)[0][1])
	}
	offs, err := ParseMsgOffsets(popCases(t, "parsed-msg")[0][0])
	if err != nil {
		t.Fatal(err)
	}
	same(t, javaMap(offs), popCases(t, "parsed-msg")[0][1])
	for i, c := range popCases(t, "keys") {
		p := PopTopicOf(c[0])
		same(t, PopQueueKey(p, int32(i))+","+PopMessageKey(p, int32(i), int64(100+i)), c[1])
	}
}

// javaMap prints a map as Java prints a sorted one.
func javaMap[V any](m map[string]V) string {
	var keys, out []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out = append(out, k+"="+strings.ReplaceAll(fmt.Sprint(m[k]), " ", ", "))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func TestPopInfosThatAreRefused(t *testing.T) {
	for _, text := range []string{"0 1", "0 1 x", "0 1 2;0 1 3", ";", "0 1 2;;0 2 3"} {
		if m, err := ParseStartOffsets(text); err == nil {
			t.Errorf("%q is taken for %v", text, m)
		}
	}
	if m, err := ParseMsgOffsets("0 1 2,,3"); err == nil {
		t.Errorf("a gap is taken for %v", m)
	}
	if m, err := ParseStartOffsets(""); err != nil || m != nil {
		t.Errorf("nothing gives %v, %v", m, err)
	}
}

// popHeader is what every header of pop requests and answers can do.
type popHeader interface {
	Decode(Fields) error
	Append(*Fields)
}

// TestPopHeadersAreAsJavaHasThem reads frames of RocketMQ's own classes and writes the same fields again.
func TestPopHeadersAreAsJavaHasThem(t *testing.T) {
	const handle = "12 1700000000123 60000 3 0 broker-a 5 14"
	for name, want := range map[string]popHeader{
		"pop_request": &PopMessageHeader{ConsumerGroup: "g", Topic: "t", QueueID: -1, MaxMsgNums: 32, InvisibleTime: 60000, PollTime: 15000,
			BornTime: 1700000000000, InitMode: 1, ExpressionType: "TAG", Expression: "a || b", Order: true, AttemptID: "a-1", BrokerName: "broker-a"},
		"pop_request_bare": &PopMessageHeader{ConsumerGroup: "g", Topic: "t"},
		"pop_response": &PopMessageResponseHeader{PopTime: 1700000000123, InvisibleTime: 60000, ReviveQueue: 3, RestNum: 17,
			StartOffsetInfo: popCases(t, "start")[0][1], MsgOffsetInfo: popCases(t, "msg")[0][1], OrderCountInfo: popCases(t, "order")[0][1]},
		"ack_request":               &AckMessageHeader{ConsumerGroup: "g", Topic: "t", QueueID: 5, ExtraInfo: handle, Offset: 14},
		"change_invisible_request":  &ChangeInvisibleHeader{ConsumerGroup: "g", Topic: "t", QueueID: 5, ExtraInfo: handle, Offset: 14, InvisibleTime: 10000},
		"change_invisible_response": &ChangeInvisibleResponseHeader{PopTime: 5, InvisibleTime: 6, ReviveQueue: 7},
		"notification_request":      &NotificationHeader{ConsumerGroup: "g", Topic: "t", QueueID: -1, PollTime: 1000, BornTime: 2000, Order: true, AttemptID: "a-1"},
		"notification_response":     &NotificationResponseHeader{HasMsg: true},
		"peek_request":              &PeekMessageHeader{ConsumerGroup: "g", Topic: "t", QueueID: 2, MaxMsgNums: 8},
		"polling_info_request":      &PollingInfoHeader{ConsumerGroup: "g", Topic: "t", QueueID: 2},
		"polling_info_response":     &PollingInfoResponseHeader{PollingNum: 9},
	} {
		frame := goldenFrame(t, name+".frame")
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface().(popHeader)
		if err := got.Decode(frame.Fields); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, got, want)
		var fs Fields
		want.Append(&fs)
		same(t, sortedFields(fs), sortedFields(frame.Fields))
	}
}

func sortedFields(fs Fields) []string {
	var out []string
	for _, f := range fs {
		out = append(out, string(f.Key)+"="+string(f.Value))
	}
	slices.Sort(out)
	return out
}

func TestPopHeadersNeedTheirFields(t *testing.T) {
	for _, h := range popHeaders() {
		if _, optional := h.(*NotificationResponseHeader); !optional && h.Decode(nil) == nil {
			t.Errorf("%T needs no field", h)
		}
	}
}

func popHeaders() []popHeader {
	return []popHeader{&PopMessageHeader{}, &PopMessageResponseHeader{}, &AckMessageHeader{}, &ChangeInvisibleHeader{},
		&ChangeInvisibleResponseHeader{}, &NotificationHeader{}, &NotificationResponseHeader{}, &PeekMessageHeader{}, &PollingInfoHeader{},
		&PollingInfoResponseHeader{}}
}

func TestPopBodiesAreAsJavaHasThem(t *testing.T) {
	f := func(name string, got []byte) {
		t.Helper()
		same(t, string(got), string(golden(t, name)))
	}
	batch := decoded[BatchAckRequest](t, "batch_ack.json")
	f("batch_ack.json", MarshalBody(batch))
	for i, want := range [][]int{{0}, {0, 1, 5, 31}, {63, 64, 200}} {
		var got []int
		var again BitSet
		batch.Acks[i].Bits.Each(func(n int) bool {
			got = append(got, n)
			again.Set(n)
			return true
		})
		same(t, got, want)
		same(t, again, batch.Acks[i].Bits)
		if p, err := batch.Acks[i].PopTopic(); err != nil || int(p) != i {
			t.Errorf("the topic of batch %d is %d, %v", i, p, err)
		}
	}
	same(t, batch.Acks[2].ReviveQueue, int32(PopOrderQueue))
	f("query_assignment.json", MarshalBody(decoded[QueryAssignmentRequest](t, "query_assignment.json")))
	f("request_mode.json", MarshalBody(decoded[RequestMode](t, "request_mode.json")))
	f("assignments.json", MarshalBody(decoded[QueryAssignmentResponse](t, "assignments.json")))
}

func TestBatchAckTakesLongNamesToo(t *testing.T) {
	var got BatchAckRequest
	err := UnmarshalBody([]byte(`{"brokerName":"b","acks":[{"consumerGroup":"g","topic":"t","retry":"1","startOffset":5,"queueId":2,`+
		`"reviveQueueId":3,"popTime":7,"invisibleTime":8,"bitSet":[3,-128]}]}`), &got)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, BatchAckRequest{BrokerName: "b", Acks: []BatchAck{{ConsumerGroup: "g", Topic: "t", Retry: "1", StartOffset: 5, QueueID: 2,
		ReviveQueue: 3, PopTime: 7, InvisibleTime: 8, Bits: BitSet{3, 128}}}})
	for _, bits := range []string{`"!"`, `[300]`, `{}`, `"` + strings.Repeat("A", 4*maxBitSet) + `"`} {
		if UnmarshalBody([]byte(`{"acks":[{"b":`+bits+`}]}`), &got) == nil {
			t.Errorf("the bit set %.20s is taken", bits)
		}
	}
	if _, err := (&BatchAck{Retry: "3"}).PopTopic(); err == nil {
		t.Error("the topic kind 3 is taken")
	}
}

// FuzzPopHandle reads handles: what is taken comes out as the same handle again.
func FuzzPopHandle(f *testing.F) {
	for _, kind := range []string{"handle8", "handle9"} {
		for _, c := range popCases(f, kind) {
			f.Add(c[1])
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParsePopHandle(text)
		if err != nil {
			return
		}
		again, err := ParsePopHandle(string(h.Append(nil)))
		if err != nil || again != h {
			t.Fatalf("%q is %+v, and then %+v, %v", text, h, again, err)
		}
	})
}

// FuzzPopInfo reads the offset texts of a pop's answer, and any header and body of the family.
func FuzzPopInfo(f *testing.F) {
	for _, kind := range []string{"parsed-start", "parsed-msg", "parsed-order"} {
		f.Add([]byte(popCases(f, kind)[0][0]))
	}
	f.Add(golden(f, "batch_ack.json"))
	f.Add(golden(f, "pop_request.frame")[4:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseStartOffsets(string(b)); err == nil && (m == nil) != (len(b) == 0) {
			t.Errorf("%q gives %v", b, m)
		}
		if _, err := ParseMsgOffsets(string(b)); err != nil && err.Error() == "" {
			t.Error("refused without a word")
		}
		var batch BatchAckRequest
		if UnmarshalBody(b, &batch) == nil {
			var again BatchAckRequest
			if err := UnmarshalBody(MarshalBody(batch), &again); err != nil {
				t.Errorf("what was taken cannot be read again: %v", err)
			}
		}
		var frame Frame
		if DecodeFrame(b, &frame) != nil {
			return
		}
		for _, h := range popHeaders() {
			if err := h.Decode(frame.Fields); err != nil && err.Error() == "" {
				t.Errorf("%T refuses without a word", h)
			}
		}
	})
}
