package admin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
)

// addBroker starts another broker that registers at the lab's NameServer, and waits until that knows it.
func (l *lab) addBroker(name, cluster string) *aerobee.Server {
	l.t.Helper()
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{
		"brokerName": name, "brokerClusterName": cluster, "roles": "broker", "namesrvAddr": l.addr, "brokerIP1": "127.0.0.1"}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = server.Close() })
	brokers, err := l.Brokers(l.t.Context())
	if err != nil || !slices.ContainsFunc(brokers, func(b admin.Broker) bool { return b.Name == name && b.Cluster == cluster }) {
		l.t.Fatalf("broker %s is not registered: %v, %+v", name, err, brokers)
	}
	return server
}

// TestTwoBrokers makes, reads, resets and deletes on two brokers at once, and says what is known when one is gone.
func TestTwoBrokers(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	second := l.addBroker("b2", "DefaultCluster")
	names := func(brokers []admin.Broker) string {
		var out []string
		for _, b := range brokers {
			out = append(out, b.Name)
		}
		return strings.Join(out, ",")
	}
	brokers, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "T", WriteQueueNums: 1})
	if err != nil || names(brokers) != "b1,b2" {
		t.Fatalf("create: %v, %s", err, names(brokers))
	}
	brokers, err = l.PutGroup(ctx, admin.Target{}, protocol.NewSubscriptionGroupConfig("G"))
	if err != nil || names(brokers) != "b1,b2" {
		t.Fatalf("create group: %v, %s", err, names(brokers))
	}
	l.send("T", 0, "x", "ID1", "k")
	moved, err := l.Reset(ctx, admin.Reset{Group: "G", Topic: "T", Timestamp: -1})
	want := []admin.Moved{{Queue: admin.Queue{BrokerName: "b1", Topic: "T"}, To: 1}, {Queue: admin.Queue{BrokerName: "b2", Topic: "T"}}}
	if diff := cmp.Diff(want, moved); diff != "" || err != nil {
		t.Errorf("reset: %v\n%s", err, diff)
	}
	if s, err := l.Group(ctx, "G"); err != nil || len(s.Queues) != 2 || len(s.Configs) != 2 {
		t.Errorf("group: %v, %+v", err, s)
	}
	brokers, err = l.PutTopic(ctx, admin.Target{Broker: "b2"}, protocol.TopicConfig{TopicName: "T", WriteQueueNums: 3})
	if s, errTopic := l.Topic(ctx, "T"); err != nil || errTopic != nil || names(brokers) != "b2" || len(s.Queues) != 4 || s.Configs["b1"].WriteQueueNums != 1 {
		t.Errorf("change on one: %v, %v, %s, %+v", err, errTopic, names(brokers), s)
	}
	if _, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "U"}); err != nil {
		t.Fatal(err)
	}
	if brokers, err := l.DeleteTopic(ctx, admin.Target{Broker: "b2"}, "U"); err != nil || names(brokers) != "b2" {
		t.Errorf("delete on one: %v, %s", err, names(brokers))
	}
	if brokers, err := l.DeleteTopic(ctx, admin.Target{}, "T"); err != nil || names(brokers) != "b1,b2" {
		t.Errorf("delete: %v, %s", err, names(brokers))
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if groups, err := l.Groups(ctx); err != nil || len(groups) == 0 {
		t.Errorf("with one broker gone: %v, %d groups", err, len(groups))
	}
}

// TestTwoClusters wants a new topic's cluster named where there are two.
func TestTwoClusters(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	l.addBroker("b2", "Other")
	_, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "T"})
	if err == nil || !strings.Contains(err.Error(), "there are 2 clusters (DefaultCluster, Other): name one of them, or a broker") {
		t.Errorf("no cluster named: %v", err)
	}
	brokers, err := l.PutTopic(ctx, admin.Target{Cluster: "Other"}, protocol.TopicConfig{TopicName: "T"})
	if err != nil || len(brokers) != 1 || brokers[0].Name != "b2" {
		t.Errorf("one named: %v, %+v", err, brokers)
	}
	if brokers, err := l.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "T", WriteQueueNums: 2}); err != nil || len(brokers) != 1 {
		t.Errorf("a change goes where the topic is: %v, %+v", err, brokers)
	}
}
