package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var v T
	if err := protocol.UnmarshalBody(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

func TestGroupComesAndGoes(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(), n.dial()
	members := func() []string {
		got := a.call(protocol.ReqGetConsumerListByGroup, fields{"consumerGroup": "g"}, nil)
		if got.Code != protocol.ResSuccess {
			if got.Code != protocol.ResSystemError || got.Remark != "no consumer for this group, g" {
				t.Errorf("answered %d %q", got.Code, got.Remark)
			}
			return nil
		}
		return decode[protocol.ConsumerIDList](t, got.Body).ConsumerIDs
	}
	if got := members(); got != nil {
		t.Errorf("members before: %v", got)
	}
	beat := a.want(protocol.ResSuccess, a.beat("a", "g", protocol.ModelClustering, "*", "t"))
	if beat.Fields.String("IS_SUPPORT_HEART_BEAT_V2") != "true" || beat.Fields.String("IS_SUB_CHANGE") != "true" {
		t.Errorf("heartbeat answered with %v", beat.Fields)
	}
	a.notified("g")
	if c, ok := n.store.Topic("%RETRY%g"); !ok || c.ReadQueues != 1 || c.Perm != 6 {
		t.Errorf("retry topic: %+v", c)
	}
	b.beat("b", "g", protocol.ModelClustering, "*", "t")
	a.notified("g")
	b.notified("g")
	if got := members(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("members %v", got)
	}
	a.beat("a", "g", protocol.ModelClustering, "*", "t")
	a.quiet()
	a.want(protocol.ResSuccess, a.call(protocol.ReqUnregisterClient, fields{"clientID": "a", "consumerGroup": "g", "producerGroup": "CLIENT_INNER_PRODUCER"}, nil))
	b.notified("g")
	a.quiet()
	a.beat("a", "g", protocol.ModelClustering, "*", "t")
	a.notified("g")
	b.notified("g")
	b.close()
	a.notified("g")
	if got := members(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("members after b's connection ended: %v", got)
	}
}

func TestConnectionsAndSubscribers(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(protocol.ResConsumerNotOnline, p.call(protocol.ReqGetConsumerConnectionList, fields{"consumerGroup": "g"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqGetProducerConnectionList, fields{"producerGroup": "CLIENT_INNER_PRODUCER"}, nil))
	p.beat("me", "g", protocol.ModelBroadcasting, "a || b", "t")
	p.quiet()
	got := decode[protocol.ConsumerConnection](t, p.want(0, p.call(protocol.ReqGetConsumerConnectionList, fields{"consumerGroup": "g"}, nil)).Body)
	want := protocol.ConsumerConnection{
		ConnectionSet:    []protocol.Connection{{ClientAddr: p.conn.LocalAddr().String(), ClientID: "me", Language: "JAVA", Version: protocol.CurrentVersion}},
		ConsumeFromWhere: protocol.ConsumeFromLast, ConsumeType: protocol.ConsumePassively, MessageModel: protocol.ModelBroadcasting,
		SubscriptionTable: map[string]protocol.SubscriptionData{
			"t":        {Topic: "t", SubString: "a || b", ExpressionType: "TAG", SubVersion: 1, TagsSet: []string{}},
			"%RETRY%g": {Topic: "%RETRY%g", SubString: "*", ExpressionType: "TAG", SubVersion: 1, TagsSet: []string{}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	producers := decode[protocol.ProducerConnection](t, p.want(0, p.call(protocol.ReqGetProducerConnectionList, fields{"producerGroup": "CLIENT_INNER_PRODUCER"}, nil)).Body)
	if len(producers.ConnectionSet) != 1 || producers.ConnectionSet[0].ClientID != "me" {
		t.Errorf("producers %+v", producers)
	}
	p.want(0, p.send("t", 0, "", "x"))
	p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"offline"}`))
	p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "offline", "topic": "t", "queueId": "0", "commitOffset": "1"}, nil))
	who := decode[protocol.GroupList](t, p.want(0, p.call(protocol.ReqQueryTopicConsumeByWho, fields{"topic": "t"}, nil)).Body)
	if !slices.Equal(who.Groups, []string{"g", "offline"}) {
		t.Errorf("consumed by %v", who.Groups)
	}
}

func TestHeartbeatFingerprints(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	beat := func(data protocol.HeartbeatData) string {
		data.ClientID = "c"
		body, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		return p.want(0, p.call(protocol.ReqHeartBeat, nil, body)).Fields.String("IS_SUB_CHANGE")
	}
	short := []protocol.ConsumerData{{GroupName: "g", ConsumeType: protocol.ConsumePassively, MessageModel: protocol.ModelClustering}}
	full := []protocol.ConsumerData{{GroupName: "g", ConsumeType: protocol.ConsumePassively, MessageModel: protocol.ModelClustering,
		SubscriptionData: []protocol.SubscriptionData{{Topic: "t", SubString: "*", SubVersion: 1}}}}
	f := func(what string, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: IS_SUB_CHANGE=%s", what, got)
		}
	}
	f("short beat to a broker that knows nothing", beat(protocol.HeartbeatData{ConsumerDataSet: short, Fingerprint: 5, WithoutSub: true}), "true")
	f("full beat", beat(protocol.HeartbeatData{ConsumerDataSet: full, Fingerprint: 5}), "false")
	f("short beat", beat(protocol.HeartbeatData{ConsumerDataSet: short, Fingerprint: 5, WithoutSub: true}), "false")
	p.want(protocol.ResTopicNotExist, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": "0"}), nil))
	p.want(0, p.send("t", 0, "", "x"))
	p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": "0"}), nil))
}

func TestBroadcastConsumersReadOnTheirOwn(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(), n.dial()
	a.beat("a", "g", protocol.ModelBroadcasting, "*", "t")
	b.beat("b", "g", protocol.ModelBroadcasting, "*", "t")
	a.want(0, a.send("t", 0, "", "x"))
	for _, p := range []*peer{a, b} {
		got := p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": "0"}), nil))
		if diff := cmp.Diff([]string{"x"}, bodies(t, got.Body)); diff != "" {
			t.Error(diff)
		}
	}
	a.quiet()
}

func TestOffsets(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.MemoryWindow = 2000 })
	p := n.dial()
	query := func(group, topic string, more fields) *protocol.Frame {
		return p.call(protocol.ReqQueryConsumerOffset, fields{"consumerGroup": group, "topic": topic, "queueId": "0"}.with(more), nil)
	}
	f := func(what string, code int32, offset string, got *protocol.Frame) {
		t.Helper()
		if got.Code != code || got.Fields.String("offset") != offset {
			t.Errorf("%s: code %d offset %q, want %d %q", what, got.Code, got.Fields.String("offset"), code, offset)
		}
	}
	commit := func(group, topic, queue, offset string) *protocol.Frame {
		return p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": group, "topic": topic, "queueId": queue, "commitOffset": offset}, nil)
	}
	f("unknown topic", 22, "", query("g", "none", nil))
	p.want(0, p.send("t", 0, "", "x"))
	f("new group, recent queue", 0, "0", query("g", "t", nil))
	f("new group that asks for no zero", 22, "", query("g", "t", fields{"setZeroIfNotFound": "false"}))
	f("empty queue", 22, "", p.call(protocol.ReqQueryConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "1"}, nil))
	p.want(0, p.send("t", 1, "", strings.Repeat("x", 4000)))
	f("new group, the first message is far behind", 22, "", query("g", "t", nil))
	f("unknown group", 26, "", commit("g", "t", "0", "1"))
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g"}`)))
	f("unknown topic", 17, "", commit("g", "none", "0", "1"))
	f("negative", 29, "", commit("g", "t", "0", "-1"))
	f("commit", 0, "", commit("g", "t", "0", "9"))
	f("committed", 0, "9", query("g", "t", fields{"setZeroIfNotFound": "false"}))
	f("backwards", 0, "", commit("g", "t", "0", "3"))
	f("committed", 0, "3", query("g", "t", nil))
	p.oneway(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "0", "commitOffset": "4"}, nil)
	f("one-way", 0, "4", query("g", "t", nil))
}

func TestQueueBounds(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1_700_000_000_000)
	n := newNode(t, func(_ *Options, o *store.Options) {
		o.Now = func() time.Time { return time.UnixMilli(clock.Add(1)) }
	})
	p := n.dial()
	var at []string
	for i := range 3 {
		p.want(0, p.send("t", 0, "", fmt.Sprint(i)))
		at = append(at, fmt.Sprint(int64(n.stored("t", 0).StoreTime)))
	}
	f := func(code int32, more fields, field, want string) {
		t.Helper()
		got := p.want(0, p.call(code, fields{"topic": "t", "queueId": "0"}.with(more), nil))
		if got.Fields.String(field) != want {
			t.Errorf("request %d %v: %s=%q, want %q", code, more, field, got.Fields.String(field), want)
		}
	}
	f(protocol.ReqGetMaxOffset, nil, "offset", "3")
	f(protocol.ReqGetMinOffset, nil, "offset", "0")
	f(protocol.ReqGetMaxOffset, fields{"queueId": "3"}, "offset", "0")
	f(protocol.ReqSearchOffsetByTimestamp, fields{"timestamp": at[1]}, "offset", "1")
	f(protocol.ReqSearchOffsetByTimestamp, fields{"timestamp": at[1], "boundaryType": "UPPER"}, "offset", "1")
	f(protocol.ReqSearchOffsetByTimestamp, fields{"timestamp": "0"}, "offset", "0")
	f(protocol.ReqSearchOffsetByTimestamp, fields{"timestamp": "9999999999999"}, "offset", "3")
	f(protocol.ReqGetEarliestMsgStoreTime, nil, "timestamp", at[0])
	f(protocol.ReqGetEarliestMsgStoreTime, fields{"queueId": "3"}, "timestamp", "-1")
}

func TestQueueLocks(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	lock := func(code int32, id string, queues ...int32) []int32 {
		req := protocol.LockBatchRequest{ClientID: id, ConsumerGroup: "g"}
		for _, q := range queues {
			req.Queues = append(req.Queues, protocol.MessageQueue{BrokerName: "as the client says", Topic: "t", QueueID: q})
		}
		body, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		got := p.want(0, p.call(code, nil, body))
		if code == protocol.ReqUnlockBatchMQ {
			return nil
		}
		var held []int32
		for _, q := range decode[protocol.LockBatchResponse](t, got.Body).Locked {
			if q.BrokerName != "as the client says" || q.Topic != "t" {
				t.Errorf("locked %+v", q)
			}
			held = append(held, q.QueueID)
		}
		return held
	}
	p.want(0, p.send("t", 0, "", "x"))
	if got := lock(protocol.ReqLockBatchMQ, "a", 0, 1); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("a locked %v", got)
	}
	if got := lock(protocol.ReqLockBatchMQ, "b", 1, 2); !slices.Equal(got, []int32{2}) {
		t.Errorf("b locked %v", got)
	}
	lock(protocol.ReqUnlockBatchMQ, "b", 0)
	if got := lock(protocol.ReqLockBatchMQ, "b", 0); got != nil {
		t.Errorf("b unlocked a's queue and locked %v", got)
	}
	lock(protocol.ReqUnlockBatchMQ, "a", 0)
	if got := lock(protocol.ReqLockBatchMQ, "b", 0); !slices.Equal(got, []int32{0}) {
		t.Errorf("b locked %v after a let go", got)
	}
}

// TestQueueLocksInStrictMode: where more than one broker has to agree and there is one, nobody holds a lock but for another broker that asks; the locks are
// taken all the same.
func TestQueueLocksInStrictMode(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.LockQuorum = 2 })
	p := n.dial()
	lock := func(client string, only bool) int {
		body, err := json.Marshal(protocol.LockBatchRequest{ClientID: client, ConsumerGroup: "g", OnlyThisBroker: only,
			Queues: []protocol.MessageQueue{{BrokerName: "b", Topic: "t", QueueID: 0}}})
		if err != nil {
			t.Fatal(err)
		}
		got := p.want(0, p.call(protocol.ReqLockBatchMQ, nil, body))
		if !strings.Contains(string(got.Body), `"lockOKMQSet":[`) {
			t.Errorf("answered %s", got.Body)
		}
		return len(decode[protocol.LockBatchResponse](t, got.Body).Locked)
	}
	if a, other, asked := lock("a", false), lock("b", true), lock("a", true); a != 0 || other != 0 || asked != 1 {
		t.Errorf("a holds %d, b %d, and another broker is told %d of a", a, other, asked)
	}
}

func TestRelayToTheClient(t *testing.T) {
	n := newNode(t)
	admin, consumer := n.dial(), n.dial()
	sent := admin.want(0, admin.send("t", 0, "", "look at this"))
	ask := fields{"consumerGroup": "g", "clientId": "c", "jstackEnable": "false"}
	admin.want(protocol.ResSystemError, admin.call(protocol.ReqGetConsumerRunningInfo, ask, nil))
	consumer.beat("c", "g", protocol.ModelClustering, "*", "t")
	consumer.notified("g")
	got := admin.want(0, admin.call(protocol.ReqGetConsumerRunningInfo, ask, nil))
	if string(got.Body) != `{"mine":1}` {
		t.Errorf("relayed %q", got.Body)
	}
	if f := <-consumer.told; f.Code != protocol.ReqGetConsumerRunningInfo || f.Fields.String("jstackEnable") != "false" {
		t.Errorf("the client got %d %v", f.Code, f.Fields)
	}
	admin.want(0, admin.call(protocol.ReqConsumeMessageDirectly, ask.with(fields{"msgId": sent.Fields.String("msgId"), "topic": "t"}), nil))
	f := <-consumer.told
	if got := bodies(t, f.Body); !slices.Equal(got, []string{"look at this"}) || f.Fields.String("brokerName") != "broker-a" {
		t.Errorf("the client got %v %v", got, f.Fields)
	}
}

// failing messages: back into the retry topic after a delay, and at last into the dead letter topic.
func TestFailedMessageComesBackAndDies(t *testing.T) {
	n := newNode(t, func(_ *Options, o *store.Options) {
		o.DelayLevels = []time.Duration{time.Hour, time.Hour, 10 * time.Millisecond, 15 * time.Millisecond}
	})
	p := n.dial()
	sent := p.want(0, p.send("t", 0, "KEYS=k UNIQ_KEY=U", "fails"))
	p.beat("c", "g", protocol.ModelClustering, "*", "t")
	got := p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	r := records(t, got.Body)[0]
	back := func(r *message.Record, more fields) *protocol.Frame {
		at, _ := message.StampedOffsets(got.Body)
		return p.call(protocol.ReqConsumerSendMsgBack, fields{"offset": fmt.Sprint(int64(at)), "group": "g", "delayLevel": "0", "originMsgId": "U",
			"originTopic": "t", "unitMode": "false", "maxReconsumeTimes": "2"}.with(more), nil)
	}
	for round := int32(1); round <= 2; round++ {
		p.want(0, back(&r, nil))
		got = p.want(0, p.call(protocol.ReqPullMessage, longPull("g", "%RETRY%g", 0, int64(round-1), 15000), nil))
		r = records(t, got.Body)[0]
		if string(r.Body) != "fails" || r.ReconsumeTimes != round || string(r.Topic) != "%RETRY%g" {
			t.Errorf("round %d: %s in %s, reconsumed %d", round, r.Body, r.Topic, r.ReconsumeTimes)
		}
		if r.Properties.GetString("RETRY_TOPIC") != "t" || r.Properties.GetString("ORIGIN_MESSAGE_ID") != sent.Fields.String("msgId") ||
			r.Properties.GetString("UNIQ_KEY") != "U" || r.Properties.GetString("KEYS") != "k" {
			t.Errorf("round %d: %q", round, readable(r.Properties))
		}
		if level := r.Properties.GetString(message.PropDelay); level == "" {
			t.Errorf("round %d: the level of the delay is gone", round)
		}
	}
	p.want(0, back(&r, nil))
	dead := n.stored("%DLQ%g", 0)
	if string(dead.Body) != "fails" || dead.ReconsumeTimes != 3 || dead.Properties.GetString("RETRY_TOPIC") != "t" {
		t.Errorf("dead: %s, reconsumed %d, %q", dead.Body, dead.ReconsumeTimes, readable(dead.Properties))
	}
	if c, _ := n.store.Topic("%DLQ%g"); c.ReadQueues != 1 || c.Perm != 6 {
		t.Errorf("dead letter topic %+v", c)
	}
	p.want(0, back(&r, fields{"delayLevel": "-1", "maxReconsumeTimes": "16"}))
	if got := n.store.MaxOffset(message.Queue{Topic: "%DLQ%g"}); got != 2 {
		t.Errorf("%d messages are dead, a negative level kills at once", got)
	}
	p.want(protocol.ResSystemError, back(&r, fields{"offset": "999999999"}))
}

func TestSendBackEdges(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.DenyGroupCreation = true })
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	back := fields{"offset": "0", "group": "g", "delayLevel": "0"}
	p.want(protocol.ResSubscriptionGroupNotExist, p.call(protocol.ReqConsumerSendMsgBack, back, nil))
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g","retryQueueNums":0}`)))
	p.want(0, p.call(protocol.ReqConsumerSendMsgBack, back, nil))
	if _, ok := n.store.Topic("%RETRY%g"); ok {
		t.Error("a group without retry queues got a retry topic")
	}
}

// A consumer whose send-back fails sends to the retry topic itself.
func TestConsumerSendsToItsRetryTopic(t *testing.T) {
	n := newNode(t, func(_ *Options, o *store.Options) { o.DelayLevels = []time.Duration{10 * time.Millisecond} })
	p := n.dial()
	again := sendFields("%RETRY%g", 0, "DELAY=4 RETRY_TOPIC=t TRAN_MSG=true").with(fields{"a": "CLIENT_INNER_PRODUCER", "j": "1", "l": "3"})
	p.want(0, p.call(protocol.ReqSendMessageV2, again, []byte("again")))
	got := p.want(0, p.call(protocol.ReqPullMessage, longPull("g", "%RETRY%g", 0, 0, 15000), nil))
	if r := records(t, got.Body)[0]; string(r.Body) != "again" || r.ReconsumeTimes != 1 {
		t.Errorf("%s, reconsumed %d", r.Body, r.ReconsumeTimes)
	}
	p.want(0, p.call(protocol.ReqSendMessageV2, again.with(fields{"j": "4"}), []byte("too often")))
	if r := n.stored("%DLQ%g", 0); string(r.Body) != "too often" || r.Properties.GetString(message.PropDelay) != "-1" {
		t.Errorf("dead: %s %q", r.Body, readable(r.Properties))
	}
	n.store.Lock("g", "c", []message.Queue{{Topic: "t"}})
	p.want(0, p.call(protocol.ReqSendMessageV2, again, []byte("in order")))
	if r := n.stored("%DLQ%g", 0); string(r.Body) != "in order" {
		t.Errorf("dead: %s; a group that consumes in order gets no retry", r.Body)
	}
}
