package protocol

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// goldenFrame decodes a captured frame, which has its length in front.
func goldenFrame(t testing.TB, name string) Frame {
	t.Helper()
	var f Frame
	if err := DecodeFrame(golden(t, name)[4:], &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// decoded reads a golden body.
func decoded[T any](t testing.TB, name string) T {
	t.Helper()
	var v T
	if err := UnmarshalBody(golden(t, name), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// The bodies whose text is fixed by the wire: what the 5.5.0 server wrote must come out byte for byte when it is read and written.
func TestBodiesAreWrittenAsApacheWritesThem(t *testing.T) {
	f := func(name string, got []byte) {
		t.Helper()
		same(t, string(got), string(golden(t, name)))
	}
	route := decoded[RouteData](t, "route_fastjson.json")
	f("route_fastjson.json", route.Append(nil, FastJSON))
	f("route_standard.json", route.Append(nil, StandardJSON))
	cluster := decoded[ClusterInfo](t, "cluster.json")
	f("cluster.json", cluster.Append(nil, FastJSON))
	members := decoded[BrokerMemberGroupResponse](t, "member_group.json")
	f("member_group.json", members.Append(nil, FastJSON))
	f("kv_table.json", MarshalBody(decoded[KVTable](t, "kv_table.json")))
	f("topic_list_system.json", MarshalBody(decoded[TopicList](t, "topic_list_system.json")))
	f("topic_config.json", MarshalBody(decoded[TopicConfig](t, "topic_config.json")))
}

func TestRouteGolden(t *testing.T) {
	want := RouteData{
		Brokers:       []BrokerData{{Addrs: map[int64]string{0: "127.0.0.1:21010"}, Name: "broker-a", Cluster: "DefaultCluster"}},
		FilterServers: map[string][]string{},
		Queues:        []QueueData{{BrokerName: "broker-a", Perm: 6, ReadQueueNums: 4, WriteQueueNums: 4}},
	}
	same(t, decoded[RouteData](t, "route_fastjson.json"), want)
	same(t, decoded[RouteData](t, "route_standard.json"), want)
}

func TestRouteWithEverything(t *testing.T) {
	r := RouteData{
		Brokers:       []BrokerData{{Addrs: map[int64]string{1: "b:2", 0: "a:1"}, Name: "Größe\"", Cluster: "c", EnableActingMaster: true, ZoneName: "z"}},
		FilterServers: map[string][]string{"a:1": {"f:1", "f:2"}},
		OrderConf:     "b:4",
		Queues:        []QueueData{{"b", 6, 4, 1, 4}},
		Mappings:      map[string]TopicQueueMappingInfo{"b": {BrokerName: "b", CurrIDMap: map[int32]int32{0: 3, 1: 4}, Epoch: 7, Scope: "__global__", Topic: "t", TotalQueues: 2}},
	}
	same(t, string(r.Append(nil, FastJSON)), `{"brokerDatas":[{"brokerAddrs":{0:"a:1",1:"b:2"},"brokerName":"Größe\"","cluster":"c","enableActingMaster":true,"zoneName":"z"}],`+
		`"filterServerTable":{"a:1":["f:1","f:2"]},"orderTopicConf":"b:4","queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"topicSysFlag":1,"writeQueueNums":4}],`+
		`"topicQueueMappingByBroker":{"b":{"bname":"b","currIdMap":{0:3,1:4},"dirty":false,"epoch":7,"scope":"__global__","topic":"t","totalQueues":2}}}`)
	standard := r.Append(nil, StandardJSON)
	if !bytes.Contains(standard, []byte(`"Gr\u00F6\u00DFe\""`)) {
		t.Errorf("not escaped: %s", standard)
	}
	for _, style := range []JSONStyle{FastJSON, StandardJSON} {
		var back RouteData
		if err := UnmarshalBody(r.Append(nil, style), &back); err != nil {
			t.Fatal(err)
		}
		same(t, back, r)
	}
}

func TestTopicStatsGolden(t *testing.T) {
	s := decoded[TopicStats](t, "topic_stats.json")
	want := TopicStats{OffsetTable: map[MessageQueue]TopicOffset{}}
	for id := range int32(4) {
		want.OffsetTable[MessageQueue{"broker-a", id, "golden"}] = TopicOffset{}
	}
	same(t, s, want)
	got := s.Append(nil)
	if len(got) != len(golden(t, "topic_stats.json")) || !bytes.HasPrefix(got, []byte(`{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"golden"}:{"lastUpdateTimestamp":0,`)) ||
		!bytes.HasSuffix(got, []byte(`},"topicPutTps":0.0}`)) {
		t.Errorf("got %s", got)
	}
}

func TestConsumeStats(t *testing.T) {
	text := `{"consumeTps":1.5,"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:{"brokerOffset":10,"consumerOffset":5,"lastTimestamp":9,"pullOffset":6}}}`
	var s ConsumeStats
	if err := UnmarshalBody([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	same(t, s, ConsumeStats{1.5, map[MessageQueue]OffsetWrapper{{"b", 0, "t"}: {10, 5, 9, 6}}})
	same(t, string(s.Append(nil)), text)
}

func TestGroupConfigGolden(t *testing.T) {
	c := decoded[SubscriptionGroupConfig](t, "group_config.json")
	if c.GroupName != "golden-group" || c.RetryMaxTimes != 7 || !c.ConsumeEnable || string(c.Extra["groupRetryPolicy"]) != `{"type":"CUSTOMIZED"}` {
		t.Errorf("got %+v", c)
	}
	var back SubscriptionGroupConfig
	if err := UnmarshalBody(MarshalBody(c), &back); err != nil {
		t.Fatal(err)
	}
	same(t, back, c)
	short := NewSubscriptionGroupConfig("g")
	var got SubscriptionGroupConfig
	if err := UnmarshalBody([]byte(`{"groupName":"g"}`), &got); err != nil {
		t.Fatal(err)
	}
	same(t, got, short)
	table := decoded[SubscriptionGroupTable](t, "all_groups.json")
	if len(table.Groups) != 9 || table.DataVersion.Counter != 1 {
		t.Errorf("got %d groups, version %+v", len(table.Groups), table.DataVersion)
	}
}

// goldenTopic is the topic that was made before the captures.
func goldenTopic() TopicConfig {
	return TopicConfig{Attributes: map[string]string{"message.type": "FIFO"}, Order: true, Perm: 6, ReadQueueNums: 4, TopicFilterType: "SINGLE_TAG",
		TopicName: "golden", WriteQueueNums: 4}
}

func TestTopicConfigGolden(t *testing.T) {
	same(t, decoded[TopicConfig](t, "topic_config.json"), goldenTopic())
	all := decoded[TopicConfigTable](t, "all_topics.json")
	same(t, all.Topics["golden"], goldenTopic())
	if len(all.Topics) != 16 {
		t.Errorf("%d topics, want 16", len(all.Topics))
	}
}

func TestHeartbeatBody(t *testing.T) {
	h, err := UnmarshalHeartbeat([]byte(`{"clientID":"10.0.0.1@7#1","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY",` +
		`"groupName":"g","messageModel":"CLUSTERING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[97,98],"expressionType":"TAG","subString":"a || b",` +
		`"subVersion":1700000000000,"tagsSet":["a","b"],"topic":"t"}],"unitMode":false}],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"p"}],"withoutSub":false}`))
	if err != nil {
		t.Fatal(err)
	}
	want := HeartbeatData{ClientID: "10.0.0.1@7#1", ProducerDataSet: []ProducerData{{"p"}}, ConsumerDataSet: []ConsumerData{{
		ConsumeFromWhere: ConsumeFromLast, ConsumeType: ConsumePassively, GroupName: "g", MessageModel: ModelClustering,
		SubscriptionData: []SubscriptionData{{CodeSet: []int32{97, 98}, ExpressionType: ExpressionTag, SubString: "a || b", SubVersion: 1700000000000,
			TagsSet: []string{"a", "b"}, Topic: "t"}}}}}
	same(t, h, want)
	var back HeartbeatData
	if err := UnmarshalBody(MarshalBody(h), &back); err != nil {
		t.Fatal(err)
	}
	same(t, back, want)
	if _, err := UnmarshalHeartbeat([]byte(`{"clientID":`)); err == nil {
		t.Error("half a body was taken")
	}
}

func TestLockBodies(t *testing.T) {
	var r LockBatchRequest
	if err := UnmarshalBody([]byte(`{"clientId":"c","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":1,"topic":"t"}],"onlyThisBroker":false}`), &r); err != nil {
		t.Fatal(err)
	}
	same(t, r, LockBatchRequest{"c", "g", []MessageQueue{{"b", 1, "t"}}, false})
	same(t, string(MarshalBody(LockBatchResponse{r.Queues})), `{"lockOKMQSet":[{"brokerName":"b","queueId":1,"topic":"t"}]}`)
}

func TestResetOffset(t *testing.T) {
	text := `{"offsetTable":{{"brokerName":"a","queueId":1,"topic":"t"}:-1,{"brokerName":"b","queueId":0,"topic":"t"}:7}}`
	var r ResetOffset
	if err := UnmarshalBody([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	same(t, r, ResetOffset{map[MessageQueue]int64{{"b", 0, "t"}: 7, {"a", 1, "t"}: -1}})
	same(t, string(r.Append(nil)), text)
	same(t, string(r.AppendList(nil)), `{"offsetTable":[{"brokerName":"a","offset":-1,"queueId":1,"topic":"t"},{"brokerName":"b","offset":7,"queueId":0,"topic":"t"}]}`)
}

func TestConsumerStatus(t *testing.T) {
	text := `{"consumerTable":{"c":{{"brokerName":"b","queueId":0,"topic":"t"}:7},"d":{}},"messageQueueTable":{{"brokerName":"a","queueId":1,"topic":"t"}:5}}`
	var c ConsumerStatus
	if err := UnmarshalBody([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	same(t, c, ConsumerStatus{map[string]map[MessageQueue]int64{"c": {{"b", 0, "t"}: 7}, "d": {}}, map[MessageQueue]int64{{"a", 1, "t"}: 5}})
	same(t, string(c.Append(nil)), text)
}

func TestNormalizeJSON(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := NormalizeJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	f(`{"a":1}`, `{"a":1}`)
	f(`{0:"a",1:"b"}`, `{"0":"a","1":"b"}`)
	f(`{-1:{2:[3,4,]},}`, `{"-1":{"2":[3,4]}}`)
	f(`{{"q":0}:1}`, `{"{\"q\":0}":1}`)
	f(`{{q:'it"s'}:null}`, `{"{\"q\":\"it\\\"s\"}":null}`)
	f(`{name:'x\'y'}`, `{"name":"x'y"}`)
	f(" { 0 : true } ", `{"0":true}`)
	f("{0:\"a\tb\"}", `{"0":"a\u0009b"}`)

	bad := func(in, why string) {
		t.Helper()
		if got, err := NormalizeJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got %s, %v; want an error with %q", in, got, err, why)
		}
	}
	bad(``, "no value")
	bad(`{0:nul}`, "no number")
	bad(`{0:"a`, "no end")
	bad(`{0 "a"}`, "colon")
	bad(`{0:1 1:2}`, "comma")
	bad(`{0:1} x`, "behind")
	bad(strings.Repeat("[", 100)+"x", "deeper than 64")
	// Each of these keys stands in the next one, which would have twice as many backslashes: gigabytes from 200 bytes.
	bad(strings.Repeat("{", 60)+`"k":1`+strings.Repeat("}:1", 59)+"}", "a key in a key that is one itself")
	bad(`{[{{0:1}:2}]:3}`, "a key in a key that is one itself")
	f(`{{a:{b:1}}:{{c:2}:3}}`, `{"{\"a\":{\"b\":1}}":{"{\"c\":2}":3}}`)
}

func FuzzNormalizeJSON(f *testing.F) {
	for _, name := range []string{"route_fastjson.json", "topic_stats.json", "cluster.json"} {
		f.Add(golden(f, name))
	}
	f.Add([]byte(`{{q:'it"s'}:null,0:[1,],}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := NormalizeJSON(bytes.Clone(b))
		if err != nil {
			return
		}
		twice, err := NormalizeJSON(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q became %q and then %q, %v", b, once, twice, err)
		}
		var r RouteData
		if UnmarshalBody(b, &r) == nil {
			var back RouteData
			if err := UnmarshalBody(r.Append(nil, FastJSON), &back); err != nil {
				t.Errorf("what was written cannot be read: %v", err)
			}
		}
	})
}
