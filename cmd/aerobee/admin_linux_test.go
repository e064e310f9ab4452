//go:build numbers

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
	"github.com/aerobee-mq/aerobee/client"
)

const (
	maxAdmin    = 30 * time.Millisecond // of any command of `aerobee admin` that does not wait by its nature, from exec to its end
	adminRounds = 11
)

// endlessCommands wait by their nature: they go on until they are interrupted.
func endlessCommands() []string { return []string{"clusterRT", "startMonitoring"} }

// adminLines are a line of every other command, each with its name first. ADDR is the node, N the number of the round, DIR a folder, ID and
// OFFSETID are a message's. Later ones take away what earlier ones have made.
func adminLines() []string {
	return []string{
		"topicList", "topicRoute -t Orders", "topicStatus -t Orders", "topicClusterList -t Orders", "allocateMQ -t Orders -i 10.0.0.1,10.0.0.2",
		"updateTopic -b ADDR -t Topic-N -r 1 -w 1", "updateTopicPerm -c DefaultCluster -t Orders -p 6", "updateOrderConf -t Orders -m put -v broker-a:N",
		"updateTopicList -b ADDR -f DIR/topics.json", "deleteTopic -c DefaultCluster -t Topic-N",
		"updateSubGroup -b ADDR -g group-N", "updateSubGroupList -b ADDR -f DIR/groups.json", "getConsumerConfig -g billing",
		"setConsumeMode -b ADDR -t Orders -g group-N -m PULL", "deleteSubGroup -b ADDR -g group-N -r true",
		"consumerConnection -g billing", "consumerProgress", "consumerStatus -g billing", "producerConnection -g makers -t Orders", "producer -b ADDR",
		"clusterList", "brokerStatus -b ADDR", "getBrokerConfig -b ADDR", "updateBrokerConfig -b ADDR -k fileReservedTime -v 5N", "haStatus -b ADDR",
		"cleanExpiredCQ -b ADDR", "cleanUnusedTopic -b ADDR", "deleteExpiredCommitLog -b ADDR", "getColdDataFlowCtrInfo -b ADDR",
		"updateColdDataFlowCtrGroupConfig -b ADDR -g billing -v 102N", "removeColdDataFlowCtrGroupConfig -b ADDR -g billing", "setCommitLogReadAheadMode -b ADDR -m 0",
		"queryMsgById -t Orders -i OFFSETID", "queryMsgByKey -t Orders -k order-17", "queryMsgByUniqueKey -t Orders -i ID", "queryMsgByOffset -t Orders -b broker-a -i 0 -o 0",
		"queryMsgTraceById -i ID", "printMsg -t Orders", "printMsgByQueue -t Orders -a broker-a -i 0 -p true", "consumeMessage -t Orders", "queryCq -t Orders -q 0 -i 0",
		"sendMessage -t Orders -p hello", "checkMsgSendRT -t Orders -a 2", "sendMsgStatus -b broker-a -c 1", "DecodeMessageId -i ID",
		"getConsumerStatus -g billing -t Orders", "cloneGroupOffset -s billing -d billing2 -t Orders", "resetOffsetByTime -g billing2 -t Orders -s now",
		"resetOffsetByTimeOld -g billing2 -t Orders -s now", "skipAccumulatedMessage -g billing2 -t Orders",
		"getNamesrvConfig", "updateNamesrvConfig -k orderMessageEnable -v false", "updateKvConfig -s space -k key -v N", "deleteKvConfig -s space -k key",
		"wipeWritePerm -b broker-a", "addWritePerm -b broker-a", "statsAll", "brokerConsumeStats -b ADDR",
		"createUser -b ADDR -u user-N -p secret", "updateUser -b ADDR -u user-N -p secret2", "getUser -b ADDR -u user-N", "listUser -b ADDR", "copyUser -f ADDR -t ADDR -u user-N",
		"createAcl -b ADDR -s User:user-N -r Topic:Orders -a Pub -d Allow", "updateAcl -b ADDR -s User:user-N -r Topic:Orders -a Sub -d Deny", "getAcl -b ADDR -s User:user-N",
		"listAcl -b ADDR", "copyAcl -f ADDR -t ADDR -s User:user-N", "deleteAcl -b ADDR -s User:user-N", "deleteUser -b ADDR -u user-N",
		"getBrokerLiteInfo -b ADDR", "getParentTopicInfo -p Letters", "getLiteTopicInfo -p Letters -l one", "getLiteClientInfo -p Letters -g subscribers -c nobody",
		"getLiteGroupInfo -p Letters -g subscribers", "triggerLiteDispatch -p Letters -g subscribers",
		"exportConfigs -c DefaultCluster -f DIR", "exportMetadata -c DefaultCluster -f DIR", "exportMetrics -c DefaultCluster -f DIR",
	}
}

// operator runs the binary's `aerobee admin`.
type operator struct {
	t              *testing.T
	bin, addr, dir string
}

func (o *operator) try(line string) (out string, took time.Duration, err error) {
	line = strings.ReplaceAll(strings.ReplaceAll(line, "ADDR", o.addr), "DIR", o.dir)
	cmd := exec.Command(o.bin, append([]string{"admin"}, strings.Fields(line)...)...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "AEROBEE_NAMESRV="+o.addr, "TMPDIR="+o.dir)
	began := time.Now()
	text, err := cmd.CombinedOutput()
	return string(text), time.Since(began), err
}

// run is try for what must succeed.
func (o *operator) run(line string) (string, time.Duration) {
	o.t.Helper()
	out, took, err := o.try(line)
	if err != nil {
		o.t.Fatalf("aerobee admin %s: %v\n%s", line, err, out)
	}
	return out, took
}

// await runs a line until it succeeds.
func (o *operator) await(line string) {
	o.t.Helper()
	for began := time.Now(); ; {
		out, took, err := o.try(line)
		if err == nil {
			return
		}
		if time.Since(began) > time.Minute {
			o.t.Fatalf("aerobee admin %s: still %v in %v\n%s", line, err, took, out)
		}
	}
}

// TestAdminTime runs every command of `aerobee admin` with the binary, against a node with a store, a member of a group that is online, and messages.
// `make bench-operate` runs it.
func TestAdminTime(t *testing.T) {
	bin := buildBinary(t)
	n := startNode(t, bin, "--data", t.TempDir(), "--set", "brokerName=broker-a", "--set", "logLevel=error")
	o := &operator{t: t, bin: bin, addr: n.addr, dir: t.TempDir()}
	id := o.prepare()
	found, _ := o.run("queryMsgById --json -t Orders -i " + id)
	at := regexp.MustCompile(`"offsetId":"([0-9A-F]{32})"`).FindStringSubmatch(found)
	if at == nil {
		t.Fatalf("no offset id in %s", found)
	}
	fill, number := strings.NewReplacer("OFFSETID", at[1], " ID", " "+id), regexp.MustCompile(`N\b`)
	measured, table := endlessCommands(), ""
	for _, line := range adminLines() {
		name, _, _ := strings.Cut(line, " ")
		measured = append(measured, name)
		round := 0
		middle, least, most := median(adminRounds, func() time.Duration {
			round++
			_, took := o.run(fill.Replace(number.ReplaceAllString(line, strconv.Itoa(round))))
			return took
		})
		table += fmt.Sprintf("\n%-34s %5.1f ms  (%.1f to %.1f)", name, millis(middle), millis(least), millis(most))
		if middle >= maxAdmin {
			t.Errorf("aerobee admin %s takes %v, it must be less than %v", line, middle, maxAdmin)
		}
	}
	t.Logf("aerobee admin, median of %d, must %v:%s", adminRounds, maxAdmin, table)
	for _, name := range command.Names("") {
		if !command.IsRefused(name) && !slices.Contains(measured, name) {
			t.Errorf("%s is not measured", name)
		}
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// prepare makes what the commands look at, and returns the id of a message that is sent, traced and consumed.
func (o *operator) prepare() (id string) {
	t := o.t
	t.Helper()
	for file, text := range map[string]string{"topics.json": `[{"topicName":"Listed","readQueueNums":1,"writeQueueNums":1,"perm":6}]`, "groups.json": `[{"groupName":"listed"}]`} {
		if err := os.WriteFile(filepath.Join(o.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"updateTopic -b ADDR -t Orders -r 1 -w 1", "updateTopic -b ADDR -t Letters -r 1 -w 1 -a +message.type=LITE",
		"updateSubGroup -b ADDR -g subscribers --attributes +lite.bind.topic=Letters", "updateSubGroup -b ADDR -g billing2"} {
		o.run(line)
	}
	c, err := client.New(client.Config{NameServers: []string{o.addr}, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	handled := make(chan struct{}, 1)
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: "Orders"}},
		Handler: func(context.Context, []*client.Delivery) error {
			select {
			case handled <- struct{}{}:
			default:
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(client.ProducerConfig{Group: "makers"})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := p.Send(t.Context(), &client.Message{Topic: "Orders", Body: []byte("hello"), Keys: []string{"order-17"}})
	if err != nil {
		t.Fatal(err)
	}
	<-handled
	// The trace, the offset and the producer are known some time later.
	for _, line := range []string{"queryMsgTraceById -i " + sent.ID, "cloneGroupOffset -s billing -d billing2 -t Orders", "producerConnection -g makers -t Orders"} {
		o.await(line)
	}
	return sent.ID
}
