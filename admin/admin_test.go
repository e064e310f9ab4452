package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

func TestTopicLife(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	if _, err := l.Topic(ctx, "Orders"); !errors.Is(err, cluster.ErrTopicNotFound) {
		t.Errorf("describe an absent topic: %v", err)
	}
	brokers, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "Orders", WriteQueueNums: 3, Attributes: map[string]string{"message.type": "FIFO"}})
	if err != nil || len(brokers) != 1 || brokers[0].Name != "b1" {
		t.Fatalf("create: %v, %+v", err, brokers)
	}
	l.send("Orders", 2, "x", "ID1", "")
	s, err := l.Topic(ctx, "Orders")
	if err != nil || s.MessageType() != "FIFO" || s.Kind != admin.Normal || len(s.Queues) != 3 || s.Queues[2].Max != 1 || s.Queues[2].LastStored.IsZero() || !s.Queues[1].LastStored.IsZero() {
		t.Errorf("describe: %v, %+v", err, s)
	}
	c := s.Configs["b1"]
	c.WriteQueueNums, c.ReadQueueNums, c.Attributes = 4, 5, map[string]string{"message.type": "NORMAL", "reserve.time": "7"}
	if _, err := l.PutTopic(ctx, admin.Target{}, c); err != nil {
		t.Fatal(err)
	}
	s, err = l.Topic(ctx, "Orders")
	want := protocol.TopicConfig{TopicName: "Orders", ReadQueueNums: 5, WriteQueueNums: 4, Perm: 6, TopicFilterType: "SINGLE_TAG", Attributes: map[string]string{"message.type": "NORMAL", "reserve.time": "7"}}
	if diff := cmp.Diff(want, s.Configs["b1"]); diff != "" || err != nil {
		t.Errorf("after the change: %v\n%s", err, diff)
	}
	c.Attributes = map[string]string{"message.type": "NORMAL"}
	if _, err := l.PutTopic(ctx, admin.Target{Broker: "b1"}, c); err != nil {
		t.Fatal(err)
	}
	topics, err := l.Topics(ctx)
	i := slices.IndexFunc(topics, func(t admin.Topic) bool { return t.Name == "Orders" })
	if err != nil || i < 0 || len(topics[i].Configs["b1"].Attributes) != 1 {
		t.Fatalf("list: %v, %+v", err, topics)
	}
	for name, kind := range map[string]admin.Kind{"TBW102": admin.System, "b1": admin.System, "DefaultCluster": admin.System, "SCHEDULE_TOPIC_XXXX": admin.System} {
		if i := slices.IndexFunc(topics, func(t admin.Topic) bool { return t.Name == name }); i < 0 || topics[i].Kind != kind {
			t.Errorf("%s is not listed as %s in %+v", name, kind, topics)
		}
	}
	if _, err := l.DeleteTopic(ctx, admin.Target{Cluster: "DefaultCluster"}, "Orders"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.DeleteTopic(ctx, admin.Target{}, "Orders"); !errors.Is(err, cluster.ErrTopicNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

func TestTargetsThatDoNotExist(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	f := func(at admin.Target, name, want string) {
		t.Helper()
		_, err := l.PutTopic(ctx, at, protocol.TopicConfig{TopicName: name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("target %+v: %v, want %q", at, err, want)
		}
	}
	f(admin.Target{Broker: "b2"}, "T", "there is no broker b2; the brokers are b1")
	f(admin.Target{Cluster: "C"}, "T", "there is no cluster C; the clusters are DefaultCluster")
	f(admin.Target{}, "a b", "29 (INVALID_PARAMETER)")
	var refused *cluster.Error
	if _, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "TBW102"}); !errors.As(err, &refused) || refused.Code != protocol.ResInvalidParameter || !errors.Is(err, cluster.ErrIllegal) {
		t.Errorf("a system topic: %v", err)
	}
	nobody, err := admin.New(admin.Options{NameServers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if _, err := nobody.TopicNames(ctx); !errors.Is(err, cluster.ErrUnreachable) {
		t.Errorf("no NameServer: %v", err)
	}
}

func TestGroupLife(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	if _, err := l.Group(ctx, "G"); !errors.Is(err, admin.ErrGroupNotFound) {
		t.Errorf("describe an absent group: %v", err)
	}
	if groups, err := l.Groups(ctx); err != nil || slices.ContainsFunc(groups, func(g admin.Group) bool { return g.Name == "G" }) {
		t.Errorf("to describe a group made it: %v, %v", err, groups)
	}
	config := protocol.NewSubscriptionGroupConfig("G")
	config.RetryMaxTimes = 3
	if _, err := l.PutGroup(ctx, admin.Target{}, config); err != nil {
		t.Fatal(err)
	}
	brokers, err := l.Brokers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := brokers[0].Master()
	if c, err := l.GroupConfig(ctx, addr, "G"); err != nil || c.RetryMaxTimes != 3 {
		t.Errorf("configuration: %+v, %v", c, err)
	}
	for i := range 5 {
		l.send("T", int32(i%2), "x", fmt.Sprint("ID", i), "")
	}
	l.running = `{"mqTable":{{"brokerName":"b1","queueId":1,"topic":"T"}:{"commitOffset":1}},"properties":{}}`
	l.consume("G", "T", "me@1")
	if s, err := l.GroupProgress(ctx, "G"); err != nil || len(s.Queues) != 2 || s.Lag != 5 {
		t.Errorf("before the first commit: %v, %+v", err, s.Queues)
	}
	l.commit("G", "T", 0, 1)
	l.commit("G", "T", 1, 2)
	s, err := l.Group(ctx, "G")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 1 || s.Members[0].Addr == "" || s.Members[0].Version != "V5_5_0" || s.Members[0].Language != "JAVA" || s.Members[0].Silent != "" {
		t.Errorf("members: %+v", s.Members)
	}
	if s.MessageModel != protocol.ModelClustering || s.ConsumeType != protocol.ConsumePassively || s.Configs["b1"].RetryMaxTimes != 3 || s.Lag != 2 {
		t.Errorf("state: %+v", s)
	}
	if diff := cmp.Diff([]admin.Subscription{{Topic: "T", Expression: "TagA || TagB", Type: "TAG"}}, s.Subscriptions); diff != "" {
		t.Error(diff)
	}
	type row struct {
		queue                 int32
		broker, consumer, lag int64
		owner                 string
		consumed              bool
	}
	var rows []row
	for _, q := range s.Queues {
		rows = append(rows, row{q.QueueID, q.BrokerOffset, q.ConsumerOffset, q.Lag, q.Owner, !q.LastConsumed.IsZero()})
	}
	if diff := cmp.Diff([]row{{0, 3, 1, 2, "", true}, {1, 2, 2, 0, "me@1", true}}, rows, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	if topic, err := l.Topic(ctx, "T"); err != nil || !slices.Equal(topic.Groups, []string{"G"}) {
		t.Errorf("groups of the topic: %v, %v", err, topic.Groups)
	}
	if _, err := l.DeleteGroup(ctx, admin.Target{}, "G"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.DeleteGroup(ctx, admin.Target{}, "G"); !errors.Is(err, admin.ErrGroupNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

func TestReset(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	for i := range 6 {
		l.send("T", int32(i%2), "x", fmt.Sprint("ID", i), "")
	}
	if _, err := l.PutGroup(ctx, admin.Target{}, protocol.NewSubscriptionGroupConfig("G")); err != nil {
		t.Fatal(err)
	}
	l.commit("G", "T", 0, 2)
	q0, q1 := admin.Queue{BrokerName: "b1", QueueID: 0, Topic: "T"}, admin.Queue{BrokerName: "b1", QueueID: 1, Topic: "T"}
	one := int64(1)
	f := func(r admin.Reset, want ...admin.Moved) {
		t.Helper()
		r.Group, r.Topic = "G", "T"
		plan, err := l.PlanReset(ctx, r)
		if diff := cmp.Diff(want, plan); diff != "" || err != nil {
			t.Errorf("plan of %+v: %v\n%s", r, err, diff)
		}
		done, err := l.Reset(ctx, r)
		if diff := cmp.Diff(want, done); diff != "" || err != nil {
			t.Errorf("%+v: %v\n%s", r, err, diff)
		}
	}
	f(admin.Reset{Timestamp: -1}, admin.Moved{Queue: q0, From: 2, To: 3}, admin.Moved{Queue: q1, From: 0, To: 3})
	f(admin.Reset{Timestamp: 0}, admin.Moved{Queue: q0, From: 3, To: 0}, admin.Moved{Queue: q1, From: 3, To: 0})
	f(admin.Reset{Queue: &q1, Offset: &one}, admin.Moved{Queue: q1, From: 0, To: 1})
	f(admin.Reset{Queue: &q1, Timestamp: time.Now().Add(time.Hour).UnixMilli()}, admin.Moved{Queue: q1, From: 1, To: 3})
	fail := func(r admin.Reset, want string) {
		t.Helper()
		if _, err := l.Reset(ctx, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
	nine, q7 := int64(9), admin.Queue{BrokerName: "b1", QueueID: 7, Topic: "T"}
	fail(admin.Reset{Group: "G", Topic: "T", Offset: &one}, "name the queue")
	fail(admin.Reset{Group: "G", Topic: "T", Queue: &q1, Offset: &nine}, "offset 9 is outside of queue 1 on broker b1, which goes from 0 to 3")
	fail(admin.Reset{Group: "G", Topic: "T", Queue: &q7}, "has no queue 7 on broker b1")
	fail(admin.Reset{Group: "G", Topic: "T", Queue: &admin.Queue{BrokerName: "b2"}}, "has no queue on broker b2")
	fail(admin.Reset{Group: "H", Topic: "T"}, "group does not exist: H")
	fail(admin.Reset{Group: "G", Topic: "U"}, "TOPIC_NOT_EXIST")
}

func TestOffsets(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	for i := range 3 {
		l.send("T", 0, "x", fmt.Sprint("ID", i), "")
	}
	q := admin.Queue{BrokerName: "b1", QueueID: 0, Topic: "T"}
	f := func(want, got int64, err error) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	got, err := l.MinOffset(ctx, q)
	f(0, got, err)
	got, err = l.MaxOffset(ctx, q)
	f(3, got, err)
	got, err = l.OffsetAt(ctx, q, time.Now().Add(-time.Hour))
	f(0, got, err)
	q.BrokerName = "b2"
	if _, err := l.MaxOffset(ctx, q); err == nil || !strings.Contains(err.Error(), "no queue on broker b2") {
		t.Errorf("unknown broker: %v", err)
	}
}

func TestMessages(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	before := time.Now().Add(-time.Minute)
	offsetID := l.send("T", 0, "one", "ID1", "k1 k2")
	l.send("T", 1, "two", "ID2", "k2")
	f := func(q admin.Query, want ...string) {
		t.Helper()
		q.Topic = "T"
		list, err := l.Messages(ctx, q)
		var bodies []string
		for _, m := range list {
			bodies = append(bodies, string(m.Body))
		}
		if diff := cmp.Diff(want, bodies); diff != "" || err != nil {
			t.Errorf("%+v: %v\n%s", q, err, diff)
		}
	}
	f(admin.Query{Key: "k1"}, "one")
	f(admin.Query{Key: "k2"}, "one", "two")
	f(admin.Query{Key: "k2", From: before}, "one", "two")
	f(admin.Query{Key: "k2", To: before})
	f(admin.Query{Key: "k2", Max: 1}, "two")
	f(admin.Query{Key: "ID2", Unique: true}, "two")
	f(admin.Query{Key: "ID3", Unique: true})

	packed := l.sendFlagged("T", 0, string(compression.Append(nil, []byte("three"), compression.LZ4, 5)), "ID4", "k4", message.FlagCompressed|message.FlagCompressionLZ4)
	f(admin.Query{Key: "k4"}, "three")
	if m, err := l.MessageAt(ctx, packed); err != nil || string(m.Body) != "three" {
		t.Errorf("compressed: %v, %+v", err, m)
	}
	m, err := l.MessageAt(ctx, offsetID)
	if err != nil || string(m.Body) != "one" || m.ID != "ID1" || m.Tag != "TagA" || !slices.Equal(m.Keys, []string{"k1", "k2"}) || m.OffsetID != offsetID || m.Offset != 0 ||
		m.BrokerName != "b1" || m.BornAt.UnixMilli() != 1700000000000 || m.StoredAt.IsZero() || m.Properties["__CRC32#"] != "" {
		t.Errorf("by offset id: %v, %+v", err, m)
	}
	last := "0"
	if strings.HasSuffix(offsetID, last) {
		last = "1"
	}
	for _, id := range []string{offsetID[:len(offsetID)-1] + last, strings.Repeat("7F000001", 4)} {
		if _, err := l.MessageAt(ctx, id); !errors.Is(err, cluster.ErrNotFound) {
			t.Errorf("message at %s: %v", id, err)
		}
	}
	if _, err := l.MessageAt(ctx, "xyz"); err == nil || !strings.Contains(err.Error(), "32 (IPv4) or 56 (IPv6)") {
		t.Errorf("no id: %v", err)
	}
}

func TestRuntimeInfo(t *testing.T) {
	l := newLab(t)
	info, err := l.RuntimeInfo(t.Context(), l.addr)
	if err != nil || info["brokerVersionDesc"] != "V5_5_0" {
		t.Errorf("%v, %v", err, info)
	}
}
