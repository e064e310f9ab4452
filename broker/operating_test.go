package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// counted asks for what was counted under a name and a key.
func (p *peer) counted(name, key string) protocol.BrokerStatsData {
	p.t.Helper()
	f := p.want(0, p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": name, "statsKey": key}, nil))
	var d protocol.BrokerStatsData
	if err := protocol.UnmarshalBody(f.Body, &d); err != nil {
		p.t.Fatal(err)
	}
	return d
}

func TestWhatPassesIsCounted(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for range 3 {
		p.want(0, p.send("t", 2, "", "x"))
	}
	p.want(0, p.send("t", 1, "DELAY=18", "later"))
	pull := p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 2, 0), nil))
	n.topic("p", 1)
	p.want(0, p.send("p", 0, "", "y"))
	for _, m := range receive(t, p.call(protocol.ReqPopMessage, popFields("pg", "p", 0, nil), nil)) {
		p.want(0, p.call(protocol.ReqAckMessage, fields{"consumerGroup": "pg", "topic": "p", "queueId": "0", "offset": "0", "extraInfo": m.handle}, nil))
	}
	first := records(t, pull.Body)[0]
	for _, level := range []string{"0", "-1"} {
		p.want(0, p.call(protocol.ReqConsumerSendMsgBack, fields{"offset": fmt.Sprint(int64(first.LogOffset)), "group": "g", "delayLevel": level, "originTopic": "t", "maxReconsumeTimes": "16"}, nil))
	}
	n.desk.Tick()
	f := func(name, key string, sum int64) {
		t.Helper()
		if got := p.counted(name, key); got.StatsMinute.Sum != sum || got.StatsMinute.TPS <= 0 {
			t.Errorf("%s %s: %+v, want %d", name, key, got, sum)
		}
	}
	f("TOPIC_PUT_NUMS", "t", 3)
	f("TOPIC_PUT_NUMS", message.TopicSchedule, 2)
	f("QUEUE_PUT_NUMS", "t@2", 3)
	f("GROUP_GET_NUMS", "t@g", 3)
	f("QUEUE_GET_NUMS", "t@2@g", 3)
	f("GROUP_GET_SIZE", "t@g", int64(len(pull.Body)))
	f("TOPIC_PUT_SIZE", "t", int64(len(pull.Body)))
	f("GROUP_GET_NUMS", "p@pg", 1)
	f("GROUP_CK_NUMS", "p@pg", 1)
	f("GROUP_ACK_NUMS", "p@pg", 1)
	f("SNDBCK_PUT_NUMS", "t@g", 2)
	f("DLQ_PUT_NUMS", "t@g", 1)
	f("TOPIC_PUT_NUMS", "%DLQ%g", 1)
	f("BROKER_PUT_NUMS", "DefaultCluster", 7)
	f("BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC", "DefaultCluster", 5)
	f("BROKER_GET_NUMS", "DefaultCluster", 4)
	f("CHANNEL_ACTIVITY", "CONNECT", 1)
	unknown := p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": "TOPIC_PUT_NUMS", "statsKey": "none"}, nil)
	if unknown.Code != protocol.ResSystemError || unknown.Remark != "The stats <TOPIC_PUT_NUMS> <none> not exist" {
		t.Errorf("answered %d %s", unknown.Code, unknown.Remark)
	}
	p.want(protocol.ResSystemError, p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": "TOPIC_PUT_NUMS"}, nil))
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "t"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": "TOPIC_PUT_NUMS", "statsKey": "t"}, nil))
	p.want(0, p.call(protocol.ReqDeleteSubscriptionGroup, fields{"groupName": "pg"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": "GROUP_ACK_NUMS", "statsKey": "p@pg"}, nil))
}

func TestRuntimeInfoCounts(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.LogDir = "/store/commitlog" })
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	p.want(protocol.ResMessageIllegal, p.send("t", 0, "", ""))
	p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	p.want(protocol.ResPullNotFound, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 1), nil))
	info := decode[protocol.KVTable](t, p.want(0, p.call(protocol.ReqGetBrokerRuntimeInfo, nil, nil)).Body).Table
	for name, want := range map[string]string{
		"putMessageTimesTotal": "1", "putMessageFailedTimes": "1", "msgGetTotalTodayNow": "1",
		"dispatchBehindBytes": "0", "remainTransientStoreBufferNumbs": "0",
	} {
		if info[name] != want {
			t.Errorf("%s is %q, want %q", name, info[name], want)
		}
	}
	for _, name := range []string{"putMessageDistributeTime", "putLatency99", "putLatency999", "commitLogDiskRatio_/store/commitlog", "putMessageEntireTimeMax", "getMessageEntireTimeMax",
		"remainHowManyDataToFlush", "runtime", "litePullThreadPoolQueueHeadWaitTimeMills", "EndTransactionQueueSize"} {
		if info[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if !strings.HasSuffix(info["remainHowManyDataToFlush"], "B") || !strings.HasPrefix(info["putMessageDistributeTime"], "[<=0ms]:") {
		t.Errorf("%q, %q", info["remainHowManyDataToFlush"], info["putMessageDistributeTime"])
	}
}

func TestPlacesOfAllGroups(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for range 5 {
		p.want(0, p.send("t", 0, "", "x"))
	}
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g"}`)))
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"idle"}`)))
	p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "0", "commitOffset": "2"}, nil))
	ask := func(order string) string {
		return string(p.want(0, p.call(protocol.ReqGetBrokerConsumeStats, fields{"isOrder": order}, nil)).Body)
	}
	stored, _ := n.store.StoreTimeAt(message.Queue{Topic: "t"}, 1)
	queue := func(id, end, committed int, last int64) string {
		return fmt.Sprintf(`{"brokerName":"broker-a","queueId":%d,"topic":"t"}:{"brokerOffset":%d,"consumerOffset":%d,"lastTimestamp":%d,"pullOffset":%d}`, id, end, committed, last, committed)
	}
	want := `{"brokerAddr":"10.1.2.3:10911","consumeStatsList":[{"g":[{"consumeTps":0.0,"offsetTable":{` + queue(0, 5, 2, int64(stored)) + "," + queue(1, 0, 0, 0) + "," +
		queue(2, 0, 0, 0) + "," + queue(3, 0, 0, 0) + `}}]},{"idle":[]}],"totalDiff":3,"totalInflightDiff":0}`
	if diff := cmp.Diff(want, ask("false")); diff != "" {
		t.Error(diff)
	}
	if got := ask("true"); strings.Contains(got, `"t"`) {
		t.Errorf("a topic without order: %s", got)
	}
	p.want(0, p.beat("c1", "g", protocol.ModelClustering, "*", "other"))
	if got := ask("false"); strings.Contains(got, `"topic":"t"`) {
		t.Errorf("a topic to which the connected group does not subscribe: %s", got)
	}

	spans := decode[protocol.ConsumeTimeSpans](t, p.want(0, p.call(protocol.ReqQueryConsumeTimeSpan, fields{"topic": "t", "group": "g"}, nil)).Body).ConsumeTimeSpanSet
	last, _ := n.store.StoreTimeAt(message.Queue{Topic: "t"}, 4)
	first, _ := n.store.StoreTimeAt(message.Queue{Topic: "t"}, 0)
	if s := spans[0]; len(spans) != 4 || s.MinTimeStamp != int64(first) || s.MaxTimeStamp != int64(last) || s.ConsumeTimeStamp != int64(stored) || s.MinTimeStampText != strings.Replace(time.UnixMilli(int64(first)).Format("2006-01-02#15:04:05.000"), ".", ":", 1) || s.DelayTime < 0 || s.DelayTime > 60_000 {
		t.Errorf("%+v", spans)
	}
	if s := spans[3]; s.MinTimeStamp != -1 || s.MaxTimeStamp != -1 || s.ConsumeTimeStamp != -1 || s.DelayTime != 0 {
		t.Errorf("an empty queue: %+v", s)
	}
	p.want(protocol.ResTopicNotExist, p.call(protocol.ReqQueryConsumeTimeSpan, fields{"topic": "none", "group": "g"}, nil))
}

func TestUpkeepCommands(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("t", 1)
	p.want(0, p.send("t", 0, "TIMER_DELAY_SEC=600", "x"))
	for _, code := range []int32{protocol.ReqCleanExpiredConsumeQueue, protocol.ReqCleanUnusedTopic, protocol.ReqDeleteExpiredCommitLog, protocol.ReqResetMasterFlushOffset} {
		p.want(0, p.call(code, fields{"masterFlushOffset": "7"}, nil))
	}
	if f := p.want(protocol.ResSystemError, p.call(protocol.ReqGetTimerCheckPoint, nil, nil)); !strings.HasPrefix(f.Remark, "The checkpoint is null") {
		t.Error(f.Remark)
	}
	if f := p.want(protocol.ResSystemError, p.call(protocol.ReqGetBrokerEpochCache, nil, nil)); f.Remark != "this request only for controllerMode " {
		t.Error(f.Remark)
	}
	timers := decode[protocol.TimerMetrics](t, p.want(0, p.call(protocol.ReqGetTimerMetrics, nil, nil)).Body)
	if timers.TimingCount["t"].Count != 1 {
		t.Errorf("%+v", timers)
	}
	least := n.store.Stats().LogEnd
	ha := p.want(0, p.call(protocol.ReqGetBrokerHAStatus, nil, nil))
	end := message.LogOffset(decode[protocol.HARuntimeInfo](t, ha.Body).MasterCommitLogMaxOffset)
	if end < least || end > n.store.Stats().LogEnd {
		t.Errorf("the log ends at %d, it was %d before", end, least)
	}
	want := fmt.Sprintf(`{"haClientRuntimeInfo":{"lastReadTimestamp":0,"lastWriteTimestamp":0,"masterFlushOffset":0,"maxOffset":0,"transferredByteInSecond":0},`+
		`"haConnectionInfo":[],"inSyncSlaveNums":0,"master":true,"masterCommitLogMaxOffset":%d}`, end)
	if diff := cmp.Diff(want, string(ha.Body)); diff != "" {
		t.Error(diff)
	}
}

func TestColdLimitsAreNoted(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	told := func(want string) {
		t.Helper()
		got := string(p.want(0, p.call(protocol.ReqGetColdDataFlowCtrInfo, nil, nil)).Body)
		if diff := cmp.Diff(`{"runtimeTable":{},"configTable":{`+want+`},"cgColdReadThreshold":3145728,"globalColdReadThreshold":104857600,"globalAcc":0}`, got); diff != "" {
			t.Error(diff)
		}
	}
	told("")
	p.want(0, p.call(protocol.ReqUpdateColdDataFlowCtrConfig, nil, []byte("g=1024\nh=2048\n")))
	told(`"g":1024,"h":2048`)
	p.want(0, p.call(protocol.ReqRemoveColdDataFlowCtrConfig, nil, []byte("g")))
	told(`"h":2048`)
	for _, bad := range []string{"g=much", strings.Repeat("g", 256) + "=1", "\\u12=1", strings.Repeat("#", 65<<10)} {
		p.want(protocol.ResSystemError, p.call(protocol.ReqUpdateColdDataFlowCtrConfig, nil, []byte(bad)))
	}
	told(`"h":2048`)
	p.want(0, p.call(protocol.ReqSetCommitLogReadMode, fields{"READ_AHEAD_MODE": "0"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqSetCommitLogReadMode, fields{"READ_AHEAD_MODE": "1"}, nil))
	p.want(protocol.ResInvalidParameter, p.call(protocol.ReqSetCommitLogReadMode, fields{"READ_AHEAD_MODE": "2"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqSetCommitLogReadMode, fields{"READ_AHEAD_MODE": "x"}, nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqSetCommitLogReadMode, nil, nil))
}

func TestConfigChangesAreAnswered(t *testing.T) {
	var got []config.Property
	var refuse error
	n := newNode(t, func(o *Options, _ *store.Options) {
		o.ChangeConfig = func(_ context.Context, pairs []config.Property) error {
			got = pairs
			return refuse
		}
	})
	p := n.dial()
	version := func() protocol.DataVersion {
		return decode[protocol.DataVersion](t, []byte(p.want(0, p.call(protocol.ReqGetBrokerConfig, nil, nil)).Fields.String("version")))
	}
	before := version()
	p.want(0, p.call(protocol.ReqUpdateBrokerConfig, nil, []byte("brokerPermission=4\n")))
	if len(got) != 1 || got[0].Key != "brokerPermission" || version().Counter != before.Counter+1 {
		t.Errorf("%v, version %+v", got, version())
	}
	f := func(err error, code int32, remark string) {
		t.Helper()
		refuse = err
		if a := p.want(code, p.call(protocol.ReqUpdateBrokerConfig, nil, []byte("a=b"))); a.Remark != remark {
			t.Error(a.Remark)
		}
	}
	f(&config.Refusal{Key: "a", AtStart: true, Why: "w"}, protocol.ResNoPermission, "Can not update config in black list. a is not changed: w")
	f(&config.Refusal{Key: "a", Why: "w"}, protocol.ResInvalidParameter, "a is not changed: w")
	f(errors.New("the disk"), protocol.ResSystemError, "the disk")
	p.want(protocol.ResSystemError, p.call(protocol.ReqUpdateBrokerConfig, nil, []byte("a=\\u1")))
	p.want(0, p.call(protocol.ReqUpdateBrokerConfig, nil, nil))
	if version().Counter != before.Counter+1 {
		t.Error("what was refused moved the version")
	}
	p = newNode(t).dial()
	p.want(protocol.ResNoPermission, p.call(protocol.ReqUpdateBrokerConfig, nil, []byte("brokerPermission=4")))
}

func TestOptionsChangeWhileTheBrokerRuns(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	change := func(c func(*Options)) {
		t.Helper()
		if err := n.Change(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	change(func(o *Options) {
		o.Permission, o.DenyTopicCreation, o.DenyGroupCreation, o.MaxMessageSize = 2, true, true, 3
	})
	p.want(protocol.ResNoPermission, p.call(protocol.ReqPullMessage, pullFields("CID_RMQ_SYS_g", "t", 0, 0), nil))
	p.want(protocol.ResNoPermission, p.call(protocol.ReqPopMessage, popFields("CID_RMQ_SYS_g", "t", 0, nil), nil))
	p.want(protocol.ResTopicNotExist, p.send("unknown", 0, "", "x"))
	p.want(protocol.ResMessageIllegal, p.send("t", 0, "", "long"))
	change(func(o *Options) {
		o.Permission, o.DenyTopicCreation, o.DenyGroupCreation, o.MaxMessageSize = 6, false, false, 4
	})
	p.want(0, p.send("unknown", 0, "", "long"))
	p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	if err := n.Change(t.Context(), func(o *Options) { o.MaxMessageSize = 5 << 20 }); err == nil || !strings.Contains(err.Error(), "4194304 is the most") {
		t.Error(err)
	}
	if err := n.Change(t.Context(), func(o *Options) { o.Permission = 9 }); err == nil {
		t.Error("permission 9 is taken")
	}
}

func TestTheTemplateIsTakenUpLater(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.DenyTopicCreation = true })
	p := n.dial()
	p.want(protocol.ResTopicNotExist, p.send("t", 0, "", "x"))
	if err := n.Change(t.Context(), func(o *Options) { o.DenyTopicCreation = false }); err != nil {
		t.Fatal(err)
	}
	p.want(0, p.send("u", 0, "", "x"))
}

func TestAChangedPermissionIsRegistered(t *testing.T) {
	s, err := store.Open(store.Options{Dir: "store", Memory: true, StoreHost: testHost})
	if err != nil {
		t.Fatal(err)
	}
	var registry registryFake
	b, err := New(s, Options{StoreHost: testHost}, &registry)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := registry.version
	if err := b.Change(t.Context(), func(o *Options) { o.Permission = 4 }); err != nil {
		t.Fatal(err)
	}
	for name, c := range registry.topics {
		if c.Perm != 4 {
			t.Errorf("%s has permission %d", name, c.Perm)
		}
	}
	if registry.version.Counter <= before.Counter {
		t.Errorf("the version went from %+v to %+v: a NameServer would not look at the table", before, registry.version)
	}
	if err := errors.Join(b.Close(t.Context()), s.Close()); err != nil {
		t.Error(err)
	}
}

// topicless is a store that may refuse to keep topics.
type topicless struct {
	Store
	refuse atomic.Bool
}

func (s *topicless) PutTopic(ctx context.Context, c topic.Config) error {
	if s.refuse.Load() {
		return errors.New("no topics now")
	}
	return s.Store.PutTopic(ctx, c)
}

// TestAChangeThatFailsIsNotInForce: opening the broker for new topics changes the template topic, which may fail.
func TestAChangeThatFailsIsNotInForce(t *testing.T) {
	var s topicless
	n := newNodeOver(t, func(in Store) Store {
		s.Store = in
		return &s
	}, func(o *Options, _ *store.Options) { o.DenyTopicCreation = true })
	open := func(o *Options) { o.DenyTopicCreation, o.MaxMessageSize = false, 10 }
	s.refuse.Store(true)
	if err := n.Change(t.Context(), open); err == nil || !strings.Contains(err.Error(), "no topics now") {
		t.Fatal(err)
	}
	if o := n.live.Load(); !o.DenyTopicCreation || o.MaxMessageSize == 10 {
		t.Error("a part is in force")
	}
	s.refuse.Store(false)
	if err := n.Change(t.Context(), open); err != nil || n.live.Load().DenyTopicCreation {
		t.Error(err)
	}
}
