package broker

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
	"github.com/aerobee-mq/aerobee/store"
)

func (p *peer) commit(group string, offsets ...int) {
	p.t.Helper()
	for q, off := range offsets {
		p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": group, "topic": "t", "queueId": fmt.Sprint(q), "commitOffset": fmt.Sprint(off)}, nil))
	}
}

func TestOffsetTables(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for q := range 2 {
		for range 5 {
			p.want(0, p.send("t", q, "", "x"))
		}
	}
	p.want(0, p.list(protocol.ReqUpdateAndCreateSubscriptionGroupList, `{"groupConfigList":[{"groupName":"g"},{"groupName":"h"},{"groupName":"skipped"}]}`))
	p.commit("g", 3, 4)
	p.commit("h", 1, 5)
	p.commit("skipped", 0, 0)
	all := p.want(0, p.call(protocol.ReqGetAllConsumerOffset, nil, nil)).Body
	if want := `"groupTopicMap":{"g":["t"],"h":["t"],"skipped":["t"]},"lmqOffsetTable":{},"offsetTable":{"t@g":{0:3,1:4},"t@h":{0:1,1:5},"t@skipped":{0:0,1:0}},"pullOffsetTable":{}}`; !strings.HasSuffix(string(all), want) {
		t.Errorf("offsets %s, want %s", all, want)
	}
	correct := func(compare, filter string, want map[int32]int64) {
		t.Helper()
		got := decode[manage.Corrections](t, p.want(0, p.call(protocol.ReqQueryCorrectionOffset, fields{"topic": "t", "compareGroup": compare, "filterGroups": filter}, nil)).Body)
		if diff := cmp.Diff(want, got.Offsets); diff != "" {
			t.Errorf("%s without %q: %s", compare, filter, diff)
		}
	}
	correct("none", "", map[int32]int64{0: 0, 1: 0})
	correct("none", "skipped", map[int32]int64{0: 1, 1: 4})
	correct("skipped", "skipped", map[int32]int64{0: math.MaxInt64, 1: math.MaxInt64})
	correct("g", "h,skipped", map[int32]int64{0: 3, 1: 4})
	if len(n.store.Offsets("skipped")) != 2 {
		t.Error("a query has forgotten offsets")
	}
	p.wantTold(1, "the custom field <compareGroup> is null", p.call(protocol.ReqQueryCorrectionOffset, fields{"topic": "t"}, nil))
	topics := decode[protocol.TopicList](t, p.want(0, p.call(protocol.ReqQueryTopicsByConsumer, fields{"group": "g"}, nil)).Body)
	if diff := cmp.Diff(protocol.TopicList{BrokerAddr: testHost.String(), Topics: []string{"t"}}, topics); diff != "" {
		t.Error(diff)
	}
	if none := p.want(0, p.call(protocol.ReqQueryTopicsByConsumer, fields{"group": "none"}, nil)).Body; !strings.Contains(string(none), `"topicList":[]`) {
		t.Errorf("of nobody: %s", none)
	}
	p.want(0, p.send("t", 0, "DELAY=3", "later"))
	if delays := p.want(0, p.call(protocol.ReqGetAllDelayOffset, nil, nil)).Body; !strings.HasSuffix(string(delays), `"offsetTable":{3:0}}`) {
		t.Errorf("delays %s", delays)
	}
}

func TestRequestModesAreTold(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	if got := string(p.want(0, p.call(protocol.ReqGetAllMessageRequestMode, nil, nil)).Body); got != `{"messageRequestModeMap":{}}` {
		t.Errorf("none: %s", got)
	}
	p.want(0, p.call(protocol.ReqSetMessageRequestMode, nil, []byte(`{"topic":"t","consumerGroup":"g","mode":"POP","popShareQueueNum":2}`)))
	want := `{"messageRequestModeMap":{"t":{"g":{"consumerGroup":"g","mode":"POP","popShareQueueNum":2,"topic":"t"}}}}`
	if got := string(p.want(0, p.call(protocol.ReqGetAllMessageRequestMode, nil, nil)).Body); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEntriesOfAQueue(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for i := range 3 {
		p.want(0, p.send("t", 1, fmt.Sprintf("TAGS=tag%d", i), "x"))
	}
	ask := func(more fields) *protocol.Frame {
		return p.call(protocol.ReqQueryConsumeQueue, fields{"topic": "t", "queueId": "1", "index": "0", "count": "10"}.with(more), nil)
	}
	got := decode[manage.ConsumeQueue](t, p.want(0, ask(nil)).Body)
	if got.MaxIndex != 3 || len(got.Entries) != 3 || got.Subscription != nil || got.FilterData != "" {
		t.Fatalf("%+v", got)
	}
	last := n.stored("t", 1)
	if e := got.Entries[2]; e.TagsCode != message.TagsCode([]byte("tag2")) || e.Offset != int64(last.LogOffset) || int(e.Size) != last.Size {
		t.Errorf("the last entry is %+v, the message lies at %d", e, last.LogOffset)
	}
	if got := decode[manage.ConsumeQueue](t, p.want(0, ask(fields{"index": "1", "count": "1"})).Body); len(got.Entries) != 1 || got.Entries[0].TagsCode != message.TagsCode([]byte("tag1")) {
		t.Errorf("%+v", got.Entries)
	}
	behind := ask(fields{"index": "3"})
	p.wantTold(0, "Index 3 of 1@t is not exist!", behind)
	if got := decode[manage.ConsumeQueue](t, behind.Body); len(got.Entries) != 0 || got.MaxIndex != 3 {
		t.Errorf("%+v", got)
	}
	if got := decode[manage.ConsumeQueue](t, p.want(0, ask(fields{"consumerGroup": "g"})).Body); got.FilterData != "g@t is not online!" {
		t.Errorf("of a group that is not there: %q", got.FilterData)
	}
	p.beat("c", "g", protocol.ModelClustering, "tag1", "t")
	if got := decode[manage.ConsumeQueue](t, p.want(0, ask(fields{"consumerGroup": "g"})).Body); got.FilterData != "null" || got.Subscription == nil || got.Subscription.SubString != "tag1" {
		t.Errorf("of a group: %+v", got)
	}
	p.wantTold(1, "0@t is not exist!", ask(fields{"queueId": "0"}))
	p.wantTold(29, "100001 entries are wanted, the limit is 100000", ask(fields{"count": "100001"}))
	sub := decode[manage.Subscription](t, p.want(0, p.call(protocol.ReqQuerySubscriptionByConsumer, fields{"group": "g", "topic": "t"}, nil)).Body)
	if sub.Subscription == nil || sub.Subscription.SubString != "tag1" || sub.Topic != "t" {
		t.Errorf("subscription %+v", sub)
	}
	if none := string(p.want(0, p.call(protocol.ReqQuerySubscriptionByConsumer, fields{"group": "none", "topic": "t"}, nil)).Body); none != `{"group":"none","topic":"t"}` {
		t.Errorf("of nobody: %s", none)
	}
}

func TestProducersAreTold(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.beat("c", "g", protocol.ModelClustering, "*", "t")
	got := decode[manage.Producers](t, p.want(0, p.call(protocol.ReqGetAllProducerInfo, nil, nil)).Body)
	list := got.Groups["CLIENT_INNER_PRODUCER"]
	if len(list) != 1 || list[0].ClientID != "c" || list[0].Language != "JAVA" || list[0].Version != protocol.CurrentVersion || list[0].LastSeen == 0 || !strings.HasPrefix(list[0].RemoteIP, "/127.0.0.1:") {
		t.Errorf("%+v", got)
	}
}

func TestAGroupIsForbiddenToRead(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	p.beat("c", "g", protocol.ModelClustering, "*", "t")
	pull := func(code int32) {
		t.Helper()
		p.want(code, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": "0"}), nil))
	}
	pull(0)
	ask := func(readable, want string) {
		t.Helper()
		fs := fields{"group": "g", "topic": "t"}
		if readable != "" {
			fs["readable"] = readable
		}
		if got := string(p.want(0, p.call(protocol.ReqUpdateAndGetGroupForbidden, fs, nil)).Body); got != `{"group":"g","readable":`+want+`,"topic":"t"}` {
			t.Errorf("%q: %s, want %s", readable, got, want)
		}
	}
	ask("", "true")
	ask("false", "false")
	ask("", "false")
	pull(protocol.ResNoPermission)
	ask("true", "true")
	pull(0)
	for _, name := range []string{"group", "topic"} {
		fs := fields{"group": "g", "topic": "t", "readable": "false"}.with(fields{name: strings.Repeat("x", 256)})
		p.wantTold(protocol.ResInvalidParameter, "has 256 bytes, the limit is 255", p.call(protocol.ReqUpdateAndGetGroupForbidden, fs, nil))
	}
}

func TestWhatOneBrokerWithoutRocksDBAnswers(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	f := func(code int32, remark string, request int32, fs fields) *protocol.Frame {
		t.Helper()
		got := p.call(request, fs, nil)
		p.wantTold(code, remark, got)
		return got
	}
	f(0, "", protocol.ReqPopRollback, nil)
	f(0, "export done.", protocol.ReqExportRocksDBConfigToJSON, fields{"configType": "topics"})
	f(1, "<configType> is null", protocol.ReqExportRocksDBConfigToJSON, nil)
	if got := decode[manage.RocksDBProgress](t, f(0, "", protocol.ReqCheckRocksDBCQWriteProgress, fields{"topic": "t"}).Body); got.Status != 0 || got.Result == "" {
		t.Errorf("progress %+v", got)
	}
	f(0, "switch timer engine success", protocol.ReqSwitchTimerEngine, fields{"E_T": "F"})
	f(29, "timerRocksDBEnable must be configured true", protocol.ReqSwitchTimerEngine, fields{"E_T": "R"})
	f(29, "param error", protocol.ReqSwitchTimerEngine, nil)
	none := newNode(t, func(o *Options, _ *store.Options) { o.DenyTimers = true }).dial()
	none.wantTold(29, "timerWheelEnable is false", none.call(protocol.ReqSwitchTimerEngine, fields{"E_T": "F"}, nil))
}
