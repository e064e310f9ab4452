package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
)

// manyTopics is how many topics a broker has in the measurement of topicList.
const manyTopics = 10_000

// startWithTopics runs a node with many topics and returns its address.
func startWithTopics(tb testing.TB, n int, start func() string) string {
	tb.Helper()
	addr := start()
	a, err := admin.New(admin.Options{NameServers: []string{addr}, Timeout: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	var wg sync.WaitGroup
	for part := range 32 {
		wg.Go(func() {
			for i := part; i < n; i += 32 {
				h := &protocol.CreateTopicHeader{Topic: fmt.Sprintf("Topic-%05d", i), DefaultTopic: "TBW102", ReadQueueNums: 1, WriteQueueNums: 1, Perm: 6, TopicFilterType: "SINGLE_TAG"}
				if err := a.SetTopic(context.Background(), addr, h); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return addr
}

// TestTopicListOfManyTopics wants all topics of a broker with 10,000. BenchmarkTopicListOfManyTopics measures what it takes.
func TestTopicListOfManyTopics(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 10,000 topics")
	}
	s := session{startWithTopics(t, manyTopics, func() string { return startNode(t) })}
	out, code := s.main(t, strings.NewReader(""), "admin", "topicList")
	if code != 0 || strings.Count(out, "Topic-") != manyTopics {
		t.Fatalf("code %d, %d topics of %d", code, strings.Count(out, "Topic-"), manyTopics)
	}
}

// TestAdminHelp looks at what is printed without a server.
func TestAdminHelp(t *testing.T) {
	f := func(args string, code int, stdout, stderr string) {
		t.Helper()
		gotCode, out, errs := run(strings.Fields(args)...)
		if gotCode != code || !strings.Contains(out, stdout) || !strings.Contains(errs, stderr) {
			t.Errorf("aerobee %s: code %d, stdout %.400q, stderr %.400q; want %d, %q, %q", args, gotCode, out, errs, code, stdout, stderr)
		}
	}
	f("admin", 0, "   topicList  ", "")
	f("admin --help", 0, "See 'aerobee admin help <command>'", "")
	f("admin help updateTopic", 0, "aerobee admin updateTopic -c DefaultCluster -t Orders", "")
	f("admin updateTopic -h", 0, "-w,--writeQueueNums <arg>", "")
	f("admin haha", 2, "", "The sub command haha not exist")
	f("admin updateTopic", 2, "", "Try 'aerobee admin help updateTopic'.")
	f("admin haha", 2, "", "Try 'aerobee admin'.")
	f("admin electMaster", 1, "", "electMaster is not for Aerobee: brokers are led by RocketMQ's controller")
	f("admin DecodeMessageId -i 7F0000010001112233440000000A0007", 0, "ip=127.0.0.1\ndate=", "")
	f("admin topicList -n 127.0.0.1:1", 1, "", "no NameServer answers at 127.0.0.1:1; is the server running?")
	f("__complete admin topicCl", 0, "topicClusterList\n", "")
	f("cluster --help", 0, "aerobee cluster list", "")
	f("broker close", 2, "", "NAME is missing: aerobee broker close NAME")
	f("broker lst", 2, "", `unknown command "lst" for "aerobee broker"; did you mean list?`)
}

// TestBrokers runs the commands about clusters and brokers with one node.
func TestBrokers(t *testing.T) {
	s := session{startNode(t)}
	f := func(command string, want ...string) {
		t.Helper()
		got := s.run(t, "aerobee "+command)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("aerobee %s printed %s; want %q", command, got, part)
			}
		}
	}
	f("cluster list", "CLUSTER         MASTERS  SLAVES", "DefaultCluster        1       0")
	f("cluster list --json", `"name":"DefaultCluster","masters":1,"slaves":0`)
	f("broker list", "DefaultCluster  broker-a   0  ", "V5_5_0")
	f("broker list --cluster DefaultCluster --json", `"broker":"broker-a"`)
	f("broker list --cluster nobody --json", "there is no cluster nobody; the clusters are DefaultCluster", "[exit 1]")
	f("broker describe broker-a", "brokerVersionDesc", "V5_5_0")
	f("broker describe broker-a --json", `"brokerActive":"true"`)
	f("broker describe nobody", "there is no broker nobody; the brokers are broker-a", "[exit 1]")
	f("broker config broker-a flushDiskType", "flushDiskType  SYNC_FLUSH")
	f("broker config broker-a nothing", "broker broker-a has no setting nothing", "[exit 1]")
	f("broker set broker-a x", `"x" is not KEY=VALUE`, "[exit 2]")
	f("user list", "No users.")
	f("user create alice --password secret", "created user alice on 1 of 1 brokers", "Brokers ask for users if they run with authenticationEnabled=true")
	f("user change alice --status disable --json", `{"brokers":1,"done":"changed","user":"alice"}`)
	f("user list", "NAME   TYPE    STATUS", "alice  Normal  disable")
	f("user delete alice", "deleted user alice")
	f("topic create Orders --queues 1", "created topic Orders")
	f("broker close broker-a", "topics of broker broker-a changed at the NameServer")
	f("broker open "+s.namesrv, "topics of broker broker-a changed at the NameServer")
	f("broker open broker-a --json", `{"broker":"broker-a","topics":{`)
	f("broker close broker-b", "there is no broker broker-b; the brokers are broker-a", "[exit 1]")
	f("broker close broker-a --namesrv 127.0.0.1:1,"+s.namesrv, "topics of broker broker-a changed at the NameServer "+s.namesrv, "127.0.0.1:1", "[exit 1]")
	f("broker open broker-a --json --namesrv 127.0.0.1:1,"+s.namesrv, `{"broker":"broker-a","topics":{"`+s.namesrv+`":`, "[exit 1]")
}

// TestBrokerSet changes settings of a running node: they count at once, and what is refused says by which rule and changes nothing.
func TestBrokerSet(t *testing.T) {
	s := session{startNode(t)}
	f := func(command string, want ...string) {
		t.Helper()
		got := s.run(t, "aerobee "+command)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("aerobee %s printed %s; want %q", command, got, part)
			}
		}
	}
	f("send Orders hello", "sent ")
	f("broker set broker-a maxMessageSize=4 fileReservedTime=48", "changed maxMessageSize=4, fileReservedTime=48 of broker broker-a\n")
	f("broker config broker-a maxMessageSize fileReservedTime", "fileReservedTime  48", "maxMessageSize    4")
	f("send Orders hello", "msg body is 5 bytes, the limit is 4 (maxMessageSize)", "[exit 1]")
	f("broker set "+s.namesrv+" maxMessageSize=5 --json", `{"broker":"`+s.namesrv+`","changed":["maxMessageSize=5"]}`)
	f("send Orders hello", "sent ")

	const live = "these change while it runs: autoCreateSubscriptionGroup, "
	f("broker set broker-a fileReservedTime=72 flushDiskType=ASYNC_FLUSH", "flushDiskType is not changed: it is given when the node starts", "restart", live, "[exit 1]")
	f("broker set broker-a fileReservedTime=72 data=/elsewhere", "data is not changed: it is given when the node starts", live, "[exit 1]")
	f("broker set broker-a fileReservedTime=72 brokerConfigPath=/elsewhere", "Can not update config in black list", "brokerConfigPath is not changed", "[exit 1]")
	f("broker set broker-a fileReservedTime=72 maxMessageSizes=5", "maxMessageSizes is not changed: the key is unknown; the nearest known one is maxMessageSize", "[exit 1]")
	f("broker set broker-a fileReservedTime=72 maxMessageSize=0", "maxMessageSize is not changed: ", "[exit 1]")
	f("broker set broker-a fileReservedTime=72 maxMessageSize=big --json", "maxMessageSize is not changed: ", "big", "[exit 1]")
	f("broker config broker-a fileReservedTime maxMessageSize", "fileReservedTime  48", "maxMessageSize    5")
	f("broker set nobody fileReservedTime=72", "there is no broker nobody; the brokers are broker-a", "[exit 1]")
	f("broker set broker-a", "KEY=VALUE is missing", "[exit 2]")
	f("broker set broker-a =72", `"=72" is not KEY=VALUE`, "[exit 2]")
}

func BenchmarkTopicListOfManyTopics(b *testing.B) {
	addr := startWithTopics(b, manyTopics, func() string { return startNode(b) })
	e := env{environ: []string{"AEROBEE_NAMESRV=" + addr}, stdin: strings.NewReader(""), stdout: &strings.Builder{}, stderr: &strings.Builder{}, release: func() {}}
	b.ResetTimer()
	for b.Loop() {
		e.stdout = &strings.Builder{}
		if code := execute(context.Background(), []string{"admin", "topicList"}, e); code != 0 {
			b.Fatal(e.stderr)
		}
	}
}
