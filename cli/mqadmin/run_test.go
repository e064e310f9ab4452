package mqadmin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
	"github.com/aerobee-mq/aerobee/client"
)

// lab is a node in memory and an Admin on it.
type lab struct {
	t    *testing.T
	addr string
	a    *admin.Admin
	temp string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": "broker-a", "defaultTopicQueueNums": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, addr: server.Addr(), temp: t.TempDir()}
	if l.a, err = admin.New(admin.Options{NameServers: []string{l.addr}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.a.Close(); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) client(trace bool) (*client.Client, error) {
	return client.New(client.Config{NameServers: []string{l.addr}, Trace: trace})
}

// try runs a command line and returns what it printed. ADDR in it is the node's address.
func (l *lab) try(ctx context.Context, line string) (string, error) {
	l.t.Helper()
	inv, err := command.Parse(strings.Fields(strings.ReplaceAll(line, "ADDR", l.addr)))
	if err != nil {
		l.t.Fatalf("%s: %v", line, err)
	}
	var out, errs bytes.Buffer
	err = mqadmin.Run(ctx, inv, l.a, mqadmin.Env{Out: &out, Err: &errs, TempDir: l.temp, Client: l.client})
	if errs.Len() > 0 {
		l.t.Errorf("%s: said %s", line, &errs)
	}
	return out.String(), err
}

// run is try for what must succeed and print all of want, in this order.
func (l *lab) run(line string, want ...string) string {
	l.t.Helper()
	out, err := l.try(l.t.Context(), line)
	if err != nil {
		l.t.Errorf("%s: %v", line, err)
	}
	rest := out
	for _, part := range want {
		_, behind, ok := strings.Cut(rest, part)
		if !ok {
			l.t.Errorf("%s: there is no %q, or not behind what comes before it, in\n%s", line, part, out)
			break
		}
		rest = behind
	}
	return out
}

// object is run with --json; it returns the one line as a value.
func (l *lab) object(line string) map[string]any {
	l.t.Helper()
	out := l.run(line + " --json")
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil || strings.Count(out, "\n") != 1 {
		l.t.Fatalf("%s --json: %v in %.300s", line, err, out)
	}
	return v
}

func TestClusterAndBroker(t *testing.T) {
	l := newLab(t)
	l.run("clusterList", "#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)", "#Timer(Progress)", "#PCWait(ms)", "#Hour",
		"#SPACE", "#ACTIVATED\n", "DefaultCluster", "broker-a", "0 ", l.addr, "V5_5_0", "(0,0ms)", "(0,0ms|0,0ms)", "0-0(0.0w, 0.0, 0.0)", "true\n")
	l.run("clusterList -m -c DefaultCluster", "#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday", "DefaultCluster", "broker-a")
	if rows := l.object("clusterList")["brokers"].([]any); len(rows) != 1 || rows[0].(map[string]any)["activated"] != "true" {
		t.Errorf("clusterList --json: %v", rows)
	}
	l.run("brokerStatus -b ADDR", "bootTimestamp                   : ", "brokerVersionDesc               : V5_5_0\n")
	l.run("brokerStatus -c DefaultCluster", l.addr+" ", "brokerVersionDesc               : V5_5_0\n")
	l.run("getBrokerConfig -b ADDR", "============"+l.addr+"============\n", "flushDiskType                                     =  SYNC_FLUSH\n")
	l.run("getBrokerConfig -c DefaultCluster", "============Master: "+l.addr+"============\n")
	l.run("getNamesrvConfig", "============"+l.addr+"============\n", "orderMessageEnable                                =  false\n")
	if _, err := l.try(t.Context(), "updateBrokerConfig -k a -v b"); !mqadmin.IsUsage(err) {
		t.Errorf("updateBrokerConfig without a broker: %v, want an error of usage", err)
	}
	if _, err := l.try(t.Context(), "clusterList -c nobody"); err == nil || err.Error() != "there is no cluster nobody; the clusters are DefaultCluster" {
		t.Errorf("clusterList of nobody: %v", err)
	}
	l.run("wipeWritePerm -b broker-a", "wipe write perm of broker[broker-a] in name server["+l.addr+"] OK, ")
	l.run("addWritePerm -b broker-a", "add write perm of broker[broker-a] in name server["+l.addr+"] OK, ")
}

// TestClusterListGoesOn runs it with an interval until it is interrupted.
func TestClusterListGoesOn(t *testing.T) {
	l := newLab(t)
	inv, err := command.Parse([]string{"clusterList", "-i", "0", "--json"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	if err := mqadmin.Run(ctx, inv, l.a, mqadmin.Env{Err: os.Stderr, Out: writer(func(b []byte) {
		if lines += bytes.Count(b, []byte{'\n'}); lines >= 3 {
			cancel()
		}
	})}); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	if lines < 3 {
		t.Errorf("%d rounds", lines)
	}
}

type writer func(b []byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func TestTopicListWithClusters(t *testing.T) {
	l := newLab(t)
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1 -o true", "set broker orderConf. isOrder=true, orderConf=[broker-a:1]\n", "order=true")
	l.run("updateSubGroup -b ADDR -g billing", "create subscription group to "+l.addr+" success.\n", "SubscriptionGroupConfig{groupName=billing, consumeEnable=true, consumeFromMinEnable=false")
	l.run("resetOffsetByTime -g billing -t Orders -s now", "#brokerName", "#queueId", "#offset", "broker-a")
	l.run("topicList", "Orders\n")
	l.run("topicList -c", "#Cluster Name         #Topic", "#Consumer Group", "DefaultCluster        Orders", "billing")
	l.run("updateOrderConf -t Orders -m get", "get orderConf success. topic=[Orders], orderConf=[broker-a:1]")
}

func TestMessages(t *testing.T) {
	l := newLab(t)
	sent := l.object("sendMessage -t Orders -p hello -k order-17 -c created")["sent"].([]any)[0].(map[string]any)
	id := sent["msgId"].(string)
	if sent["sendResult"] != "SEND_OK" || len(id) != 32 {
		t.Fatalf("%v", sent)
	}
	found := l.object("queryMsgByUniqueKey -t Orders -i " + id)["messages"].([]any)[0].(map[string]any)
	offsetID := found["offsetId"].(string)
	if found["body"] != "hello" || found["msgId"] != id {
		t.Errorf("%v", found)
	}
	fields := []string{"Topic:               Orders\n", "Tags:                [created]\n", "Keys:                [order-17]\n", "Queue ID:            ", "Queue Offset:        0\n",
		"CommitLog Offset:    ", "Reconsume Times:     0\n", "Born Timestamp:      ", "Store Timestamp:     ", "Born Host:           127.0.0.1:", "Store Host:          ",
		"System Flag:         0\n", "Properties:          {", "KEYS=order-17", "UNIQ_KEY=" + id, "Message Body Path:   " + filepath.Join(l.temp, "rocketmq", "msgbodys", id), "WARN: No Consumer"}
	l.run("queryMsgByUniqueKey -t Orders -i "+id, fields...)
	l.run("queryMsgById -t Orders -i "+offsetID, append([]string{"OffsetID:            " + offsetID + "\n"}, fields...)...)
	l.run("queryMsgById -t Orders -f UTF-8 -i "+id, "Message Body:        hello\n")
	l.run("queryMsgByOffset -t Orders -b broker-a -o 0 -i "+text(found["queueId"]), fields...)
	l.run("queryMsgByKey -t Orders -k order-17", "#Message ID", "#QID", "#Offset", "#IndexKey", id, "@Orders@K@order-17@"+id+"@")
	if body, err := os.ReadFile(filepath.Join(l.temp, "rocketmq", "msgbodys", id)); err != nil || string(body) != "hello" {
		t.Errorf("the body's file: %q, %v", body, err)
	}
	line := "MSGID: " + id + " MessageExt [brokerName=broker-a, queueId=" + text(found["queueId"]) + ", storeSize="
	l.run("printMsg -t Orders", "minOffset=0, maxOffset=", "MessageQueue [topic=Orders, brokerName=broker-a, queueId=0]", line, "BODY: hello\n", "--------")
	l.run("printMsg -t Orders -s other", "minOffset=0, maxOffset=")
	l.run("printMsgByQueue -t Orders -a broker-a -p true -f true -i "+text(found["queueId"]), line, "BODY: NOT PRINT BODY\n", "Tag: created                        Count: 1\n")
	l.run("consumeMessage -t Orders -c 1", "Consume ok\n", line)
	l.run("consumeMessage -t Orders -b broker-a -o 0 -i "+text(found["queueId"]), "Consume ok\n", line)
	if _, err := l.try(t.Context(), "consumeMessage -t Orders -i 0"); !mqadmin.IsUsage(err) {
		t.Errorf("a queue without a broker: %v", err)
	}
	l.run("queryMsgById -t Orders -s true -i "+id, "prepare resend msg. originalMsgId="+id, "SendResult [sendStatus=SEND_OK, msgId=")
	l.run("checkMsgSendRT -t Orders -a 3", "#Broker Name", "#QID", "#Send Result", "#RT", "broker-a", "true", "Avg RT: ")
	l.run("sendMsgStatus -b broker-a -c 2", "rt=", "ms, SendResult=SendResult [sendStatus=SEND_OK", "rt=")
	if _, err := l.try(t.Context(), "queryMsgById -t Orders -i 7F00000100002A9F00000000000F0000"); err == nil {
		t.Error("a message that is not there was found")
	}
}

// TestTracedSend sends with -m true and waits for the trace.
func TestTracedSend(t *testing.T) {
	l := newLab(t)
	id := l.object("sendMessage -t Orders -p hello -m true")["sent"].([]any)[0].(map[string]any)["msgId"].(string)
	for began := time.Now(); ; {
		out, err := l.try(t.Context(), "queryMsgTraceById -i "+id)
		if err == nil && strings.Contains(out, "aerobee-admin") && strings.Contains(out, "success") {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("no trace: %v, %s", err, out)
		}
	}
	if found := l.object("queryMsgTraceById -i " + id)["sent"].([]any); len(found) != 1 {
		t.Errorf("%v", found)
	}
}

// TestJSONOfNothing wants an empty object from a command that has done nothing and has nothing to say.
func TestJSONOfNothing(t *testing.T) {
	l := newLab(t)
	if v := l.object("queryMsgById -t Orders -i x -s false"); len(v) != 0 {
		t.Errorf("%v", v)
	}
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1")
	if v := l.object("updateTopicPerm -b ADDR -t Orders -p 6"); len(v["brokers"].([]any)) != 0 {
		t.Errorf("%v", v)
	}
}

// TestCloneOfNobody wants a group's offsets to stay as they are where those of a group that is not there are copied.
func TestCloneOfNobody(t *testing.T) {
	l := newLab(t)
	l.run("updateSubGroup -b ADDR -g billing")
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1")
	l.run("sendMessage -t Orders -p hello")
	l.run("skipAccumulatedMessage -g billing -t Orders")
	if out, err := l.try(t.Context(), "cloneGroupOffset -s nobody -d billing -t Orders"); err == nil || out != "" || err.Error() != "no broker has a consumer group nobody" {
		t.Errorf("%q, %v", out, err)
	}
	l.run("consumerProgress -g billing -t Orders", "Consume Diff Total: 0\n")
}

// TestNothingMatches wants the words of mqadmin where a filter has left nothing, and an error where there is no such key.
func TestNothingMatches(t *testing.T) {
	l := newLab(t)
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1")
	l.run("sendMessage -t Orders -p hello -c red")
	l.run("printMsg -t Orders -s blue", "queueId=0]\nMessageQueue [topic=Orders, brokerName=broker-a, queueId=0] no matched msg. status=NO_MATCHED_MSG, offset=1\n----")
	if out, err := l.try(t.Context(), "queryMsgByKey -t Orders -k nokey"); err == nil || out != "" || err.Error() != "topic Orders has no message with the key nokey" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestNoMessagesInJSON wants an empty list where a topic has none.
func TestNoMessagesInJSON(t *testing.T) {
	l := newLab(t)
	l.run("updateTopic -b ADDR -t Empty -r 1 -w 1")
	for _, line := range []string{"printMsg -t Empty", "printMsgByQueue -t Empty -a broker-a -i 0 -p true", "printMsgByQueue -t Empty -a broker-a -i 0", "consumeMessage -t Empty"} {
		if list, ok := l.object(line)["messages"].([]any); !ok || len(list) != 0 {
			t.Errorf("%s --json: %v, %t", line, list, ok)
		}
	}
}

// TestNoRoomForBodies has a folder for temporary files in which nothing can be made: a message is shown nevertheless.
func TestNoRoomForBodies(t *testing.T) {
	l := newLab(t)
	l.temp = filepath.Join(l.temp, "file")
	if err := os.WriteFile(l.temp, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	id := l.object("sendMessage -t Orders -p hello")["sent"].([]any)[0].(map[string]any)["msgId"].(string)
	inv, err := command.Parse([]string{"queryMsgByUniqueKey", "-t", "Orders", "-i", id})
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	err = mqadmin.Run(t.Context(), inv, l.a, mqadmin.Env{Out: &out, Err: &errs, TempDir: l.temp, Client: l.client})
	if err != nil || !strings.Contains(out.String(), "UNIQ_KEY="+id) || !strings.Contains(errs.String(), "the body is not copied to a file: ") {
		t.Errorf("%v: %s\n%s", err, &out, &errs)
	}
	if _, err := l.try(t.Context(), "exportConfigs -c DefaultCluster"); err == nil || !strings.Contains(err.Error(), "-f names another folder") {
		t.Errorf("exportConfigs: %v", err)
	}
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestConsumers(t *testing.T) {
	l := newLab(t)
	l.run("sendMessage -t Orders -p hello -c created")
	cl, err := l.client(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := cl.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	handled := make(chan string, 16)
	if _, err := cl.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: "Orders"}},
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				handled <- string(d.Body)
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	if got := <-handled; got != "hello" {
		t.Fatalf("handled %q", got)
	}
	l.run("consumerConnection -g billing", "#ClientId", "#ClientAddr", "#Language", "#Version", "127.0.0.1:", "GO", "#Topic", "#SubExpression", "Orders", "*",
		"ConsumeType: CONSUME_PASSIVELY\nMessageModel: CLUSTERING\nConsumeFromWhere: CONSUME_FROM_FIRST_OFFSET\n")
	member := l.object("consumerConnection -g billing")["connections"].([]any)[0].(map[string]any)["clientId"].(string)
	l.run("consumerStatus -g billing -i "+member, "#Consumer Properties#\n", "PROP_CONSUME_TYPE                       : CONSUME_PASSIVELY\n", "#Consumer Subscription#\n",
		"Topic: Orders", "#Consumer Offset#\n", "#Consumer MQ Detail#\n", "ProcessQueueInfo [commitOffset=", "#Consumer Pop Detail#\n", "#Consumer RT&TPS#\n")
	t.Chdir(l.temp)
	out := l.run("consumerStatus -g billing -s", "#Index", "#ClientId", "#Version", "#ConsumerRunningInfoFile\n1 ", member, "Same subscription in the same group of consumer", "Rebalance OK\n")
	files, err := filepath.Glob("*/*")
	if err != nil || len(files) == 0 || !strings.Contains(out, files[len(files)-1]) {
		t.Errorf("files %q, %v", files, err)
	}
	l.run("queryMsgByUniqueKey -t Orders -g billing -d "+member+" -i "+l.newest(), "ConsumeMessageDirectlyResult [order=false, autoCommit=true, consumeResult=CR_SUCCESS")
	if got := <-handled; got != "hello" {
		t.Errorf("handled again: %q", got)
	}
	l.run("resetOffsetByTime -g billing -t Orders -s now", "#brokerName")
	l.run("consumerProgress -g billing -s true", "#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Client IP", "#Diff", "#Inflight", "#LastTime\n", "Orders",
		"Consume TPS: ", "Consume Diff Total: ", "Consume Inflight Total: ")
	l.run("consumerProgress", "#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total\n", "billing", "1 ", "V5_5_0", "PUSH", "CLUSTERING")
	l.run("getConsumerStatus -g billing -t Orders", "get consumer status from client. group=billing, topic=Orders, originClientId=\n", "#clientId", member)
}

// newest is the unique id of a message of topic Orders.
func (l *lab) newest() string {
	l.t.Helper()
	return l.object("printMsg -t Orders")["messages"].([]any)[0].(map[string]any)["msgId"].(string)
}

func TestExports(t *testing.T) {
	l := newLab(t)
	l.run("updateTopic -b ADDR -t Orders -r 1 -w 1")
	l.run("updateSubGroup -b ADDR -g billing")
	read := func(line, file string) map[string]any {
		t.Helper()
		dir := t.TempDir()
		l.run(line+" -f "+dir, "export "+filepath.Join(dir, file)+" success")
		body, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	configs := read("exportConfigs -c DefaultCluster", "configs.json")
	if b := configs["brokerConfigs"].(map[string]any)["broker-a"].(map[string]any); b["flushDiskType"] != "SYNC_FLUSH" || b["brokerName"] != "broker-a" {
		t.Errorf("%v", configs)
	}
	if scale := configs["clusterScale"].(map[string]any); scale["namesrvSize"] != 1.0 || scale["masterBrokerSize"] != 1.0 || scale["slaveBrokerSize"] != 0.0 {
		t.Errorf("%v", configs)
	}
	metrics := read("exportMetrics -c DefaultCluster", "metrics.json")
	if b := metrics["evaluateReport"].(map[string]any)["broker-a"].(map[string]any)["runtimeQuota"].(map[string]any); b["topicSize"] != 1.0 || b["groupSize"] != 1.0 {
		t.Errorf("%v", metrics)
	}
	all := read("exportMetadata -c DefaultCluster", "metadata.json")
	topics, groups := all["topicConfigTable"].(map[string]any), all["subscriptionGroupTable"].(map[string]any)
	if topics["Orders"].(map[string]any)["perm"] != 6.0 || topics["TBW102"] != nil || groups["billing"] == nil || groups["TOOLS_CONSUMER"] != nil || all["exportTime"] == nil {
		t.Errorf("%v", all)
	}
	if all := read("exportMetadata -c DefaultCluster -t", "topic.json"); all["topicConfigTable"] == nil || all["subscriptionGroupTable"] != nil {
		t.Errorf("%v", all)
	}
	if all := read("exportMetadata -b ADDR -g", "subscriptionGroup.json"); all["subscriptionGroupTable"].(map[string]any)["billing"] == nil {
		t.Errorf("%v", all)
	}
}
