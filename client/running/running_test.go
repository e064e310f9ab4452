package running

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestInfo has the text that Java's tools read, and reads its tables back.
func TestInfo(t *testing.T) {
	a, b := Queue{BrokerName: "b", QueueID: 0, Topic: "t"}, Queue{BrokerName: "b", QueueID: 1, Topic: "t"}
	info := Info{Properties: map[string]string{"PROP_CONSUMEORDERLY": "false"}, Queues: map[Queue]QueueInfo{b: {CommitOffset: 7, Locked: true}, a: {Dropped: true}},
		Topics: map[string]TopicInfo{"t": {ConsumeFailedMsgs: 3}}, Stack: "here"}
	text := info.Append(nil)
	want := `{"properties":{"PROP_CONSUMEORDERLY":"false"},"subscriptionSet":[],"mqTable":{` +
		`{"brokerName":"b","queueId":0,"topic":"t"}:{"commitOffset":0,"cachedMsgMinOffset":0,"cachedMsgMaxOffset":0,"cachedMsgCount":0,"cachedMsgSizeInMiB":0,"locked":false,"lastLockTimestamp":0,"droped":true,"lastPullTimestamp":0,"lastConsumeTimestamp":0},` +
		`{"brokerName":"b","queueId":1,"topic":"t"}:{"commitOffset":7,"cachedMsgMinOffset":0,"cachedMsgMaxOffset":0,"cachedMsgCount":0,"cachedMsgSizeInMiB":0,"locked":true,"lastLockTimestamp":0,"droped":false,"lastPullTimestamp":0,"lastConsumeTimestamp":0}},` +
		`"mqPopTable":{},"statusTable":{"t":{"consumeOKTPS":0,"consumeFailedTPS":0,"consumeFailedMsgs":3}},"userConsumerInfo":{},"jstack":"here"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var back struct {
		Queues map[Queue]QueueInfo `json:"mqTable"`
	}
	if err := protocol.UnmarshalBody(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(info.Queues, back.Queues); diff != "" {
		t.Error(diff)
	}
}

func TestOffsets(t *testing.T) {
	got := string(AppendOffsets(nil, map[Queue]int64{{BrokerName: "b", QueueID: 0, Topic: "t"}: 3}))
	if want := `{"messageQueueTable":{{"brokerName":"b","queueId":0,"topic":"t"}:3}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDirect reads what it has written itself, and what rocketmq-client-go writes.
func TestDirect(t *testing.T) {
	f := func(text string, want Direct) {
		t.Helper()
		var got Direct
		if err := protocol.UnmarshalBody([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
	own := Direct{Order: true, AutoCommit: true, Result: Later, Remark: "not now", Millis: 7}
	f(string(protocol.MarshalBody(own)), own)
	f(`{"order":false,"autoCommit":true,"consumeResult":0,"remark":"","spentTimeMills":0}`, Direct{AutoCommit: true, Result: Success})
	f(`{"order":false,"autoCommit":true,"consumeResult":1,"remark":"","spentTimeMills":3}`, Direct{AutoCommit: true, Result: Later, Millis: 3})
	f(`{"order":false,"autoCommit":true,"consumeResult":4,"remark":"broken","spentTimeMills":3}`, Direct{AutoCommit: true, Result: "CR_THROW_EXCEPTION", Remark: "broken", Millis: 3})
	f(`{"autoCommit":true,"consumeResult":null}`, Direct{AutoCommit: true})
	f(`{"autoCommit":true}`, Direct{AutoCommit: true})
	for _, bad := range []string{`{"consumeResult":6}`, `{"consumeResult":-1}`, `{"consumeResult":{}}`, `{"order":1}`} {
		var got Direct
		if err := protocol.UnmarshalBody([]byte(bad), &got); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
}
