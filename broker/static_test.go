package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
	"github.com/aerobee-mq/aerobee/store"
)

// mapping is a body of request 513 in fastjson's dialect, as mqadmin writes it: hosted is what the broker holds.
func mapping(name, broker string, total int, epoch int64, hosted ...string) []byte {
	return fmt.Appendf(nil, `{"bname":%q,"currIdMap":{},"dirty":false,"epoch":%d,"hostedQueues":{%s},"scope":"__global__","topic":%q,"totalQueues":%d}`,
		broker, epoch, strings.Join(hosted, ","), name, total)
}

// hosted are queues first to last-1 in one place, under their own numbers.
func hosted(broker string, first, last int) string {
	var out []string
	for id := first; id < last; id++ {
		out = append(out, fmt.Sprintf(`%d:[%s]`, id, item(broker, id, "")))
	}
	return strings.Join(out, ",")
}

// item is one place of a queue; change is in the place of its offsets if it is not empty.
func item(broker string, id int, change string) string {
	if change == "" {
		change = `"endOffset":-1,"gen":0,"logicOffset":0,"startOffset":0`
	}
	return fmt.Sprintf(`{"bname":%q,"queueId":%d,%s,"timeOfEnd":-1,"timeOfStart":-1}`, broker, id, change)
}

// static puts a static topic on the broker.
func (p *peer) static(name string, queues int, force bool, body []byte) *protocol.Frame {
	p.t.Helper()
	return p.call(protocol.ReqUpdateAndCreateStaticTopic, topicFields(name, fmt.Sprint(queues), "6").with(fields{"force": fmt.Sprint(force)}), body)
}

// staticOf is what 351 says to those who ask for logical queues.
func staticOf(t *testing.T, p *peer, name string) *manage.TopicQueueMappingDetail {
	t.Helper()
	got := p.want(0, p.call(protocol.ReqGetTopicConfig, fields{"topic": name, "lo": "true"}, nil))
	return decode[manage.TopicConfigAndQueueMapping](t, got.Body).Detail
}

func TestStaticTopicLivesOnOneBroker(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.BrokerName = "broker-a" })
	p := n.dial()
	p.want(0, p.static("s", 2, false, mapping("s", "broker-a", 2, 1000, hosted("broker-a", 0, 2))))
	want := &manage.TopicQueueMappingDetail{TopicQueueMappingInfo: protocol.TopicQueueMappingInfo{BrokerName: "broker-a", Topic: "s", TotalQueues: 2, Epoch: 1000,
		Scope: "__global__", CurrIDMap: map[int32]int32{}}, Hosted: map[int32][]manage.LogicQueueMappingItem{}}
	wantQueues := func(queues int32, epoch int64) {
		t.Helper()
		want.TotalQueues, want.Epoch = queues, epoch
		for id := range queues {
			want.Hosted[id] = []manage.LogicQueueMappingItem{{BrokerName: "broker-a", QueueID: id, EndOffset: -1, TimeOfEnd: -1, TimeOfStart: -1}}
		}
		if diff := cmp.Diff(want, staticOf(t, p, "s")); diff != "" {
			t.Error(diff)
		}
	}
	wantQueues(2, 1000)
	for _, fs := range []fields{{"topic": "s"}, {"topic": "s", "lo": "false"}} {
		if body := string(p.want(0, p.call(protocol.ReqGetTopicConfig, fs, nil)).Body); strings.Contains(body, "mappingDetail") {
			t.Errorf("asked with %v for the topic's own queues: %s", fs, body)
		}
	}

	// More queues, then the remapping to where it lies, which changes the epoch alone.
	p.want(0, p.static("s", 4, false, mapping("s", "broker-a", 4, 2000, hosted("broker-a", 0, 4))))
	wantQueues(4, 2000)
	if c, _ := n.store.Topic("s"); c.WriteQueues != 4 || c.ReadQueues != 4 {
		t.Errorf("the topic has %d and %d queues", c.WriteQueues, c.ReadQueues)
	}
	p.want(0, p.static("s", 4, false, mapping("s", "broker-a", 4, 3000, hosted("broker-a", 0, 4))))
	wantQueues(4, 3000)
	version := n.store.TopicVersion()
	p.want(0, p.static("s", 4, false, mapping("s", "broker-a", 4, 3000, hosted("broker-a", 0, 4))))
	if got := n.store.TopicVersion(); got != version {
		t.Errorf("what is there already was stored again: %+v, was %+v", got, version)
	}

	// The numbers and offsets that clients see are the topic's own.
	p.want(0, p.send("s", 3, "", "x"))
	p.wantTold(29, "has 4 queues, ids 0 to 3", p.send("s", 4, "", "x"))
	got := p.want(0, p.call(protocol.ReqGetMaxOffset, fields{"topic": "s", "queueId": "3"}, nil))
	if got.Fields.String("offset") != "1" {
		t.Errorf("the end of queue 3 is %s", got.Fields.String("offset"))
	}

	// Another change of the topic leaves it static; its queues change by its mapping alone.
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("s", "4", "4"), nil))
	wantQueues(4, 3000)
	p.wantTold(29, "the topic is static and has 4 queues", p.call(protocol.ReqUpdateAndCreateTopic, topicFields("s", "8", "6"), nil))
	p.wantTold(29, "the topic is static and has 4 queues", p.list(protocol.ReqUpdateAndCreateTopicList, `{"topicConfigList":[{"topicName":"s","readQueueNums":2,"writeQueueNums":4}]}`))

	// Deleted, it is gone with its mapping.
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "s"}, nil))
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("s", "1", "6"), nil))
	if d := staticOf(t, p, "s"); d != nil {
		t.Errorf("a topic that was made again is static: %+v", d)
	}
	// A topic that is there can become static.
	p.want(0, p.static("s", 1, false, mapping("s", "broker-a", 1, 1, hosted("broker-a", 0, 1))))
	if d := staticOf(t, p, "s"); d == nil || d.TotalQueues != 1 || d.Epoch != 1 {
		t.Errorf("%+v", d)
	}
}

func TestStaticTopicIsRefusedWithItsReason(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.BrokerName = "broker-a" })
	p := n.dial()
	all := hosted("broker-a", 0, 2)
	p.want(0, p.static("s", 2, false, mapping("s", "broker-a", 2, 1000, all)))
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("plain", "3", "6"), nil))
	before, _ := n.store.Topic("s")

	// What one broker does not carry. queue is the place of queue 1.
	queue := func(places ...string) []byte {
		return mapping("s", "broker-a", 2, 2000, hosted("broker-a", 0, 1), "1:["+strings.Join(places, ",")+"]")
	}
	for _, c := range []struct {
		want string
		body []byte
	}{
		{"2 of its 4 queues would lie on other brokers", mapping("s", "broker-a", 4, 2000, all)},
		{`queue 1 would lie on broker "broker-b"`, queue(item("broker-b", 0, ""))},
		{`queue 1 would lie on broker "broker-b"`, queue(item("broker-a", 1, ""), item("broker-b", 0, `"gen":1,"logicOffset":-1`))},
		{`queue 1 would have lain in 2 places, before on broker "broker-b"`, queue(item("broker-b", 1, ""), item("broker-a", 1, `"gen":1,"logicOffset":10000`))},
		{"queue 1 would be queue 0 of the broker", queue(item("broker-a", 0, ""))},
		{"generation 0 with logicOffset 10000, startOffset 0 and endOffset -1", queue(item("broker-a", 1, `"logicOffset":10000`))},
		{"generation 0 with logicOffset 0, startOffset 7 and endOffset -1", queue(item("broker-a", 1, `"startOffset":7`))},
		{"generation 0 with logicOffset 0, startOffset 0 and endOffset 9", queue(item("broker-a", 1, `"endOffset":9`))},
		{"generation 2 with", queue(item("broker-a", 1, `"gen":2`))},
	} {
		for _, force := range []bool{false, true} {
			got := p.static("s", 2, force, c.body)
			p.wantTold(3, c.want, got)
			p.wantTold(3, "make it with -b broker-a alone", got)
		}
	}

	// What is wrong with it, wherever it lies.
	f := func(code int32, remark string, queues int, force bool, body []byte) {
		t.Helper()
		p.wantTold(code, remark, p.static("s", queues, force, body))
	}
	f(29, `the mapping is of topic "t"`, 2, false, mapping("t", "broker-a", 2, 2000, all))
	f(29, `the mapping is for broker "broker-b", this one is broker-a`, 2, false, mapping("s", "broker-b", 2, 2000, hosted("broker-b", 0, 2)))
	f(29, "totalQueues is 2, readQueueNums is 3 and writeQueueNums is 3", 3, false, mapping("s", "broker-a", 2, 2000, all))
	f(29, "hostedQueues has queue 1, totalQueues is 1", 1, false, mapping("s", "broker-a", 1, 2000, all))
	f(29, "queue 1 lies nowhere", 2, false, queue())
	f(29, "it cannot lose queues: it has 2, totalQueues is 1", 1, true, mapping("s", "broker-a", 1, 2000, hosted("broker-a", 0, 1)))
	f(29, "the scope has 256 bytes, the limit is 255", 2, false, []byte(strings.Replace(string(mapping("s", "broker-a", 2, 2000, all)), "__global__", strings.Repeat("x", 256), 1)))
	f(29, "has 2 queues on broker broker-a and the mapping gives it none", 0, true, mapping("s", "broker-a", 2, 2000))
	f(1, "Can't accept data with small epoch 999 < 1000", 2, false, mapping("s", "broker-a", 2, 999, all))
	f(1, "Can't accept data with unmatched scope z != __global__", 2, false, []byte(strings.Replace(string(mapping("s", "broker-a", 2, 2000, all)), "__global__", "z", 1)))
	f(1, "JSON", 2, false, []byte(`{"topic":`))
	p.wantTold(29, "conflict with system topic", p.static("TBW102", 2, false, mapping("TBW102", "broker-a", 2, 2000, all)))
	p.wantTold(29, "topic plain has 3 queues on broker broker-a and the mapping gives it none", p.static("plain", 0, false, mapping("plain", "broker-a", 2, 2000)))
	if after, _ := n.store.Topic("s"); !after.Equal(&before) {
		t.Errorf("what was refused has made %+v %+v", after, after.Static)
	}

	// A broker of the same cluster that gets no queue keeps nothing.
	p.want(0, p.static("elsewhere", 0, false, mapping("elsewhere", "broker-a", 2, 2000)))
	if c, ok := n.store.Topic("elsewhere"); ok {
		t.Errorf("kept %+v of a topic without a queue here", c)
	}
	// Who insists may go back to an earlier epoch, and take another scope.
	p.want(0, p.static("s", 2, true, []byte(strings.Replace(string(mapping("s", "broker-a", 2, 5, all)), "__global__", "z", 1))))
	if c, _ := n.store.Topic("s"); c.Static == nil || *c.Static != (topic.Static{Epoch: 5, Scope: "z"}) {
		t.Errorf("%+v", c.Static)
	}
}
