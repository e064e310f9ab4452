package interop

import (
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// popHandles pops what there is of a topic's queue 0 and returns the receipt handles, as clients make them of the answer.
func popHandles(t *testing.T, c *caller, group, topic string, ordered bool, attempt string) (handles []string) {
	t.Helper()
	const invisible = 10 * time.Minute
	got, err := c.ask(t.Context(), protocol.ReqPopMessage, nil, "consumerGroup", group, "topic", topic, "queueId", "0", "maxMsgNums", "32",
		"invisibleTime", strconv.FormatInt(invisible.Milliseconds(), 10), "pollTime", "0", "bornTime", strconv.FormatInt(time.Now().UnixMilli(), 10), "initMode", "0",
		"expType", "TAG", "exp", "*", "order", strconv.FormatBool(ordered), "attemptId", attempt)
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != protocol.ResSuccess {
		return nil
	}
	starts, err := protocol.ParseStartOffsets(got.Fields.String("startOffsetInfo"))
	if err != nil {
		t.Fatal(err)
	}
	popTime, _, _ := got.Fields.Int64("popTime")
	revive, _, _ := got.Fields.Int32("reviveQid")
	for _, record := range splitRecords(got.Body) {
		rec, err := message.ParseRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		h := protocol.PopHandle{StartOffset: starts[protocol.PopQueueKey(protocol.PopNormal, 0)], PopTime: popTime, InvisibleTime: invisible.Milliseconds(),
			ReviveQueue: revive, BrokerName: "broker-a", QueueOffset: int64(rec.QueueOffset), CommitLogOffset: -1}
		handles = append(handles, string(h.Append(nil)))
	}
	return handles
}

// TestReceiptHandlesOutliveATakeOver: what clients have popped from Apache's broker they acknowledge and renew, with the handles that they got from it, at the
// Aerobee that has taken its directory over; nothing of it comes again.
func TestReceiptHandlesOutliveATakeOver(t *testing.T) {
	apache := startServer(t, "apache")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := &caller{addr: apache.broker}
	handles := map[string][]string{}
	ask := func(code int32, topic string, i int, more ...string) *protocol.Frame {
		t.Helper()
		got, err := c.ask(t.Context(), code, nil, append([]string{"consumerGroup", "take-over", "topic", topic, "queueId", "0", "offset", strconv.Itoa(i), "extraInfo", handles[topic][i]}, more...)...)
		if err != nil || got.Code != protocol.ResSuccess {
			t.Fatalf("request %d for message %d of %s: %+v, %v", code, i, topic, got, err)
		}
		return got
	}
	must(createGroup(apache.broker, "take-over", defaultRetries))
	topics := map[string]bool{"take-over-free": false, "take-over-ordered": true}
	for topic, ordered := range topics {
		must(createTopic(apache.broker, topic, 1))
		for i := range 4 {
			must(send(apache.broker, topic, fmt.Sprint("m", i)))
		}
		must(eventually(20*time.Second, "all of "+topic+" is popped", func() error {
			handles[topic] = append(handles[topic], popHandles(t, c, "take-over", topic, ordered, "first")...)
			if n := len(handles[topic]); n != 4 {
				return fmt.Errorf("%d messages", n)
			}
			return nil
		}))
		ask(protocol.ReqAckMessage, topic, 0)
	}
	c.close()
	must(apache.store.cmd.Process.Signal(syscall.SIGTERM))
	<-apache.store.done

	port := freePorts(t, 1)[0]
	p := &process{name: "aerobee", dir: t.TempDir(), command: []string{aerobeeBinary(t), "serve", "--data", filepath.Join(apache.store.dir, "store"), "--listen", local(port)}}
	p.start(t)
	c = &caller{addr: local(port)}
	defer c.close()
	stands := func(topic string, want int64) {
		t.Helper()
		got, err := queueOffset(local(port), codeQueryConsumerOffset, map[string]string{"topic": topic, "consumerGroup": "take-over", "queueId": "0"})
		if err != nil || got != want {
			t.Errorf("the group stands at %d in %s, want %d: %v", got, topic, want, err)
		}
	}
	must(eventually(30*time.Second, "the broker serves", func() error { return routed(local(port), "TBW102", local(port)) }))
	for topic, ordered := range topics {
		stands(topic, 1)
		if again := popHandles(t, c, "take-over", topic, ordered, "second"); len(again) > 0 {
			t.Errorf("%s hands out %v again", topic, again)
		}
		ask(protocol.ReqAckMessage, topic, 1)
		stands(topic, 2)
		ask(protocol.ReqAckMessage, topic, 3)
		stands(topic, 2)
		renewed := ask(protocol.ReqChangeMessageInvisibleTime, topic, 2, "invisibleTime", "60000")
		popTime, _, _ := renewed.Fields.Int64("popTime")
		invisible, _, _ := renewed.Fields.Int64("invisibleTime")
		revive, _, _ := renewed.Fields.Int32("reviveQid")
		h := protocol.PopHandle{StartOffset: 2, PopTime: popTime, InvisibleTime: invisible, ReviveQueue: revive, BrokerName: "broker-a", QueueOffset: 2, CommitLogOffset: -1}
		handles[topic][2] = string(h.Append(nil))
		ask(protocol.ReqAckMessage, topic, 2)
		stands(topic, 4)
	}
}
