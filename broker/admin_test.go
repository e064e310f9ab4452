package broker

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

func topicFields(name string, queues, perm string) fields {
	return fields{"topic": name, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": perm, "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}
}

func TestTopicsAreMadeChangedAndDeleted(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	put := func(code int32, remark string, fs fields) {
		t.Helper()
		if got := p.call(protocol.ReqUpdateAndCreateTopic, fs, nil); got.Code != code || !strings.Contains(got.Remark, remark) {
			t.Errorf("answered %d %q, want %d %q", got.Code, got.Remark, code, remark)
		}
	}
	put(0, "", topicFields("t", "3", "6").with(fields{"attributes": "+queue.type=SimpleCQ"}))
	before := n.store.TopicVersion()
	put(0, "", topicFields("t", "3", "6"))
	if n.store.TopicVersion() != before {
		t.Error("a change that changes nothing moved the version")
	}
	put(0, "", topicFields("t", "5", "4").with(fields{"attributes": "+message.type=FIFO,+queue.type=SimpleCQ"}))
	got := p.want(0, p.call(protocol.ReqGetTopicConfig, fields{"topic": "t"}, nil))
	want := protocol.TopicConfig{TopicName: "t", ReadQueueNums: 5, WriteQueueNums: 5, Perm: 4, TopicFilterType: "SINGLE_TAG", Attributes: map[string]string{"message.type": "FIFO", "queue.type": "SimpleCQ"}}
	if diff := cmp.Diff(want, decode[protocol.TopicConfig](t, got.Body)); diff != "" {
		t.Error(diff)
	}
	put(29, "illegal characters", topicFields("no spaces", "3", "6"))
	put(29, "conflict with system topic", topicFields("TBW102", "3", "6"))
	put(29, "conflict with system topic", topicFields("rmq_sys_x", "3", "6"))
	put(29, "perm is 9", topicFields("t", "3", "9"))
	put(29, "must lie in 0..65536", topicFields("t", "-1", "6"))
	put(1, "unsupported key: colour", topicFields("t", "5", "4").with(fields{"attributes": "+colour=red"}))
	put(1, "not supported by this version: the log is deleted by age", topicFields("u", "5", "4").with(fields{"attributes": "+cleanup.policy=COMPACTION"}))
	put(1, "not supported by this version", topicFields("u", "5", "4").with(fields{"attributes": "+queue.type=BatchCQ"}))
	put(29, "MIXED message type is not supported.", topicFields("u", "5", "4").with(fields{"attributes": "+message.type=MIXED"}))
	put(1, "value is not in set", topicFields("u", "5", "4").with(fields{"attributes": "+message.type=SOME"}))
	put(1, "unchangeable", topicFields("t", "5", "4").with(fields{"attributes": "+cleanup.policy=DELETE"}))
	put(1, "while creating", topicFields("u", "5", "4").with(fields{"attributes": "-message.type"}))
	put(0, "", topicFields("t", "5", "4").with(fields{"attributes": "-message.type"}))
	if c, _ := n.store.Topic("t"); !maps.Equal(c.Attributes, map[string]string{"queue.type": "SimpleCQ"}) {
		t.Errorf("attributes %v", c.Attributes)
	}
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "t"}, nil))
	p.want(protocol.ResTopicNotExist, p.call(protocol.ReqGetTopicConfig, fields{"topic": "t"}, nil))
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "t"}, nil))
	p.want(protocol.ResInvalidParameter, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "TBW102"}, nil))
	p.want(protocol.ResInvalidParameter, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": " "}, nil))
}

func TestAllTopicsByPage(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	all := decode[protocol.TopicConfigTable](t, p.want(0, p.call(protocol.ReqGetAllTopicConfig, nil, nil)).Body)
	for _, name := range []string{"TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX", "DefaultCluster", "broker-a", "DefaultCluster_REPLY_TOPIC"} {
		if _, ok := all.Topics[name]; !ok {
			t.Errorf("system topic %s is missing", name)
		}
	}
	if c := all.Topics["TBW102"]; c.Perm != 7 || c.WriteQueueNums != 8 {
		t.Errorf("the template: %+v", c)
	}
	version := string(protocol.MarshalBody(all.DataVersion))
	var seen []string
	for seq := 0; seq < len(all.Topics); seq += 3 {
		got := p.want(0, p.call(protocol.ReqGetAllTopicConfig, fields{"topicSeq": string(rune('0' + seq)), "maxTopicNum": "3", "dataVersion": version}, nil))
		for name := range decode[protocol.TopicConfigTable](t, got.Body).Topics {
			seen = append(seen, name)
		}
	}
	slices.Sort(seen)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(all.Topics)), seen); diff != "" {
		t.Error(diff)
	}
	system := decode[protocol.TopicList](t, p.want(0, p.call(protocol.ReqGetSystemTopicListFromBroker, nil, nil)).Body)
	if !slices.Contains(system.Topics, "SCHEDULE_TOPIC_XXXX") || !slices.Contains(system.Topics, "broker-a") {
		t.Errorf("system topics %v", system.Topics)
	}
}

func TestGroupsKeepUnknownMembers(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g","retryMaxTimes":3,"ofTheFuture":{"a":[1]}}`)))
	got := decode[map[string]any](t, p.want(0, p.call(protocol.ReqGetSubscriptionGroupConfig, fields{"group": "g"}, nil)).Body)
	if got["retryMaxTimes"] != 3.0 || got["consumeEnable"] != true || got["ofTheFuture"] == nil {
		t.Errorf("group %v", got)
	}
	all := decode[struct {
		SubscriptionGroupTable map[string]json.RawMessage
		DataVersion            protocol.DataVersion
		ForbiddenTable         map[string]map[string]int
	}](t, p.want(0, p.call(protocol.ReqGetAllSubscriptionGroupConfig, nil, nil)).Body)
	if len(all.SubscriptionGroupTable) != 1 || all.DataVersion.Counter == 0 || all.ForbiddenTable == nil {
		t.Errorf("groups %+v", all)
	}
	p.want(protocol.ResInvalidParameter, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"no good"}`)))
	p.want(protocol.ResSystemError, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{`)))
	p.want(0, p.send("t", 0, "", "x"))
	p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "0", "commitOffset": "1"}, nil))
	p.want(0, p.call(protocol.ReqDeleteSubscriptionGroup, fields{"groupName": "g", "cleanOffset": "true"}, nil))
	if len(n.store.Groups()) != 0 || len(n.store.Offsets("g")) != 0 {
		t.Errorf("left over: %v, %v", n.store.Groups(), n.store.Offsets("g"))
	}
}

func TestStats(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for range 3 {
		p.want(0, p.send("t", 2, "", "x"))
	}
	p.want(protocol.ResTopicNotExist, p.call(protocol.ReqGetTopicStatsInfo, fields{"topic": "none"}, nil))
	stats := decode[protocol.TopicStats](t, p.want(0, p.call(protocol.ReqGetTopicStatsInfo, fields{"topic": "t"}, nil)).Body)
	mq := protocol.MessageQueue{Topic: "t", BrokerName: "broker-a", QueueID: 2}
	if o := stats.OffsetTable[mq]; len(stats.OffsetTable) != 4 || o.MaxOffset != 3 || o.LastUpdateTimestamp != int64(n.stored("t", 2).StoreTime) {
		t.Errorf("topic stats %+v", stats)
	}
	p.call(protocol.ReqPullMessage, pullFields("g", "t", 2, 0), nil)
	p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "2", "commitOffset": "1"}, nil))
	consumed := decode[protocol.ConsumeStats](t, p.want(0, p.call(protocol.ReqGetConsumeStats, fields{"consumerGroup": "g"}, nil)).Body)
	if w := consumed.OffsetTable[mq]; w.BrokerOffset != 3 || w.ConsumerOffset != 1 || w.PullOffset != 3 || w.LastTimestamp == 0 {
		t.Errorf("consume stats %+v", consumed)
	}
	p.beat("c", "g", protocol.ModelClustering, "*", "other")
	consumed = decode[protocol.ConsumeStats](t, p.want(0, p.call(protocol.ReqGetConsumeStats, fields{"consumerGroup": "g", "topic": "t"}, nil)).Body)
	if len(consumed.OffsetTable) != 0 {
		t.Errorf("a topic that the connected group does not subscribe to: %+v", consumed)
	}
}

// mqadmin clusterList takes these apart without looking first.
func TestRuntimeInfoHasWhatToolsTakeApart(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.ConfigText = func() string { return "brokerName=broker-a\n" } })
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	info := decode[protocol.KVTable](t, p.want(0, p.call(protocol.ReqGetBrokerRuntimeInfo, nil, nil)).Body).Table
	for _, name := range []string{"putTps", "getTransferredTps", "getFoundTps", "getMissTps", "getTotalTps"} {
		if len(strings.Fields(info[name])) != 3 {
			t.Errorf("%s=%q, want three rates", name, info[name])
		}
	}
	for _, name := range []string{"brokerVersionDesc", "sendThreadPoolQueueSize", "pullThreadPoolQueueSize", "sendThreadPoolQueueHeadWaitTimeMills", "pullThreadPoolQueueHeadWaitTimeMills",
		"ackThreadPoolQueueSize", "ackThreadPoolQueueHeadWaitTimeMills", "pageCacheLockTimeMills", "earliestMessageTimeStamp", "commitLogDiskRatio", "timerReadBehind", "timerOffsetBehind",
		"timerCongestNum", "timerEnqueueTps", "timerDequeueTps", "msgPutTotalYesterdayMorning", "msgPutTotalTodayMorning", "msgGetTotalYesterdayMorning", "msgGetTotalTodayMorning",
		"msgPutTotalTodayNow", "msgGetTotalTodayNow", "brokerActive", "scheduleMessageOffset_18", "bootTimestamp", "commitLogMaxOffset"} {
		if info[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if oldest, ok := n.store.OldestTime(); !ok || info["earliestMessageTimeStamp"] != strconv.FormatInt(int64(oldest), 10) {
		t.Errorf("earliest %s, the log begins at %d", info["earliestMessageTimeStamp"], oldest)
	}
	if info["msgPutTotalTodayNow"] != "1" || info["brokerVersionDesc"] != "V5_5_0" {
		t.Errorf("put %s, version %s", info["msgPutTotalTodayNow"], info["brokerVersionDesc"])
	}
	config := p.want(0, p.call(protocol.ReqGetBrokerConfig, nil, nil))
	if string(config.Body) != "brokerName=broker-a\n" || !strings.Contains(config.Fields.String("version"), "counter") {
		t.Errorf("config %q, version %q", config.Body, config.Fields.String("version"))
	}
}

func TestTableListsEachCodeOnce(t *testing.T) {
	n := newNode(t)
	seen := map[int32]bool{}
	for _, r := range n.requests() {
		if seen[r.code] || r.name == "" || r.handle == nil {
			t.Errorf("request %d (%s)", r.code, r.name)
		}
		seen[r.code] = true
	}
	for _, code := range []int32{10, 310, 320, 11, 361, 12, 14, 15, 17, 21, 26, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 41, 42, 46, 200, 201, 202, 203, 204, 207, 208, 215, 300, 305, 307, 309, 351, 352,
		18, 43, 45, 225, 308, 321, 328, 343, 345, 353, 354, 355, 402, 513, 3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009, 3010, 5001, 5002, 5003,
		200056, 200074, 200075, 200076, 200077, 200078, 200079} {
		if !seen[code] {
			t.Errorf("request %d is missing", code)
		}
	}
	p := n.dial()
	p.want(protocol.ResRequestCodeNotSupported, p.call(13, nil, nil))
}

func TestOptionsAreValidated(t *testing.T) {
	f := func(want string, o Options) {
		t.Helper()
		if _, err := New(nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("StoreHost is not set", Options{})
	f("BrokerName", Options{StoreHost: testHost, BrokerName: "no spaces"})
	f("ClusterName", Options{StoreHost: testHost, ClusterName: "no spaces"})
	f("BrokerID is -1", Options{StoreHost: testHost, BrokerID: -1})
	f("Permission is 9", Options{StoreHost: testHost, Permission: 9})
	f("MaxMessageSize is 16777216", Options{StoreHost: testHost, MaxMessageSize: 16 << 20})
}
