package admin_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

func TestCallsToOneBroker(t *testing.T) {
	l := newLab(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.SetTopic(ctx, l.addr, &protocol.CreateTopicHeader{Topic: "Orders", DefaultTopic: "TBW102", ReadQueueNums: 2, WriteQueueNums: 2, Perm: 6, TopicFilterType: "SINGLE_TAG"}))
	must(l.SetGroup(ctx, l.addr, protocol.NewSubscriptionGroupConfig("billing")))
	l.send("Orders", 1, "hello", "7F0000010000277800000000000004D2", "")

	stats, err := l.TopicStats(ctx, l.addr, "Orders")
	must(err)
	if q := (protocol.MessageQueue{Topic: "Orders", BrokerName: "b1", QueueID: 1}); len(stats.OffsetTable) != 2 || stats.OffsetTable[q].MaxOffset != 1 {
		t.Errorf("%+v", stats)
	}
	config, err := l.TopicConfig(ctx, l.addr, "Orders")
	must(err)
	table, err := l.TopicTable(ctx, l.addr)
	must(err)
	if diff := cmp.Diff(config, table.Topics["Orders"]); diff != "" || config.ReadQueueNums != 2 {
		t.Errorf("%+v, %s", config, diff)
	}
	system, err := l.SystemTopics(ctx, l.addr)
	must(err)
	if !slices.Contains(system, "TBW102") || slices.Contains(system, "Orders") {
		t.Errorf("%v", system)
	}
	groups, err := l.GroupTable(ctx, l.addr)
	must(err)
	if _, ok := groups.Groups["billing"]; !ok {
		t.Errorf("%+v", groups)
	}

	must(l.CommitOffset(ctx, l.addr, &protocol.UpdateConsumerOffsetHeader{ConsumerGroup: "billing", Topic: "Orders", QueueID: 1, CommitOffset: 1}))
	place, err := l.ConsumeStats(ctx, l.addr, "billing", "Orders")
	must(err)
	if w := place.OffsetTable[protocol.MessageQueue{Topic: "Orders", BrokerName: "b1", QueueID: 1}]; w.ConsumerOffset != 1 || w.BrokerOffset != 1 {
		t.Errorf("%+v", place)
	}
	readers, err := l.TopicGroups(ctx, l.addr, "Orders")
	must(err)
	if !slices.Equal(readers, []string{"billing"}) {
		t.Errorf("%v", readers)
	}
	moved, err := l.ResetOffsets(ctx, l.addr, &protocol.ResetOffsetHeader{Group: "billing", Topic: "Orders", QueueID: 1, Offset: 0, Force: true})
	must(err)
	if len(moved) != 1 {
		t.Errorf("%v", moved)
	}
	if at, err := l.SearchOffset(ctx, l.addr, &protocol.SearchOffsetHeader{Topic: "Orders", QueueID: 1, Timestamp: 1}); err != nil || at != 0 {
		t.Errorf("%d, %v", at, err)
	}
	if _, err := l.ConsumerConnection(ctx, l.addr, "billing"); !errors.Is(err, cluster.ErrNotFound) {
		t.Errorf("nobody is online, and the answer is %v", err)
	}
	l.consume("billing", "Orders", "c1")
	online, err := l.ConsumerConnection(ctx, l.addr, "billing")
	must(err)
	if len(online.ConnectionSet) != 1 || online.ConnectionSet[0].ClientID != "c1" {
		t.Errorf("%+v", online)
	}
	must(l.SetRequestMode(ctx, l.addr, protocol.RequestMode{ConsumerGroup: "billing", Topic: "Orders", Mode: protocol.ModePull}))
	l.running = `{mqTable:{},properties:{"a":"b"}}`
	if info, err := l.RunningInfo(ctx, l.addr, "billing", "c1", true); err != nil || string(info) != l.running {
		t.Errorf("%s, %v", info, err)
	}
	must(l.DropGroup(ctx, l.addr, "billing", true))
	must(l.DropTopic(ctx, l.addr, "Orders"))
	must(l.ForgetTopic(ctx, "", "Orders"))
	if _, err := l.Route(ctx, "Orders"); !errors.Is(err, cluster.ErrTopicNotFound) {
		t.Errorf("the route of a topic that was deleted: %v", err)
	}
}

func TestCallsToNameServers(t *testing.T) {
	l := newLab(t)
	ctx := t.Context()
	servers, err := l.NameServers(ctx)
	if err != nil || !slices.Equal(servers, []string{l.addr}) {
		t.Fatalf("%v, %v", servers, err)
	}
	if info, err := l.ClusterInfo(ctx); err != nil || info.Brokers["b1"].Addrs[0] != l.addr {
		t.Errorf("%+v, %v", info, err)
	}
	if err := l.PutKV(ctx, "space", "key", "value"); err != nil {
		t.Fatal(err)
	}
	if v, err := l.KV(ctx, "space", "key"); err != nil || v != "value" {
		t.Errorf("%q, %v", v, err)
	}
	if err := l.DeleteKV(ctx, "space", "key"); err != nil {
		t.Fatal(err)
	}
	if v, err := l.KV(ctx, "space", "key"); !errors.Is(err, cluster.ErrNotFound) {
		t.Errorf("%q, %v", v, err)
	}
	if err := errors.Join(l.PutKV(ctx, "space", "b", "2"), l.PutKV(ctx, "space", "a", "1")); err != nil {
		t.Fatal(err)
	}
	if all, err := l.KVs(ctx, "space"); err != nil || !maps.Equal(all, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("%v, %v", all, err)
	}
	if v, err := l.TakeKV(ctx, "space", "a"); err != nil || v != "1" {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := l.TakeKV(ctx, "space", "a"); !errors.Is(err, cluster.ErrNotFound) {
		t.Errorf("%q, %v", v, err)
	}
	if all, err := l.KVs(ctx, "nowhere"); !errors.Is(err, cluster.ErrNotFound) {
		t.Errorf("%v, %v", all, err)
	}
	for _, open := range []bool{false, true} {
		if topics, err := l.SetWrites(ctx, "b1", open); err != nil || len(topics) != 1 || topics[l.addr] == 0 {
			t.Errorf("%v, %v", topics, err)
		}
	}
	if n, err := l.WipeWritePerm(ctx, l.addr, "b1"); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := l.AddWritePerm(ctx, l.addr, "b1"); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
	pairs, err := l.NameServerConfig(ctx, l.addr)
	if err != nil || len(pairs) == 0 {
		t.Errorf("%v, %v", pairs, err)
	}
}
