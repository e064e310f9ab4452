package member

import (
	"fmt"
	"strings"
	"testing"
)

// pushing is what a push consumer says that subscribes so and holds messages of one queue since a time.
func pushing(subscription string, ordered bool, queue string) string {
	return fmt.Sprintf(`{"properties":{"PROP_CONSUME_TYPE":"CONSUME_PASSIVELY","PROP_CONSUMEORDERLY":"%t"},"subscriptionSet":[{"topic":"Orders","subString":%q,"expressionType":"TAG"}],
"mqTable":{{"brokerName":"broker-a","queueId":0,"topic":"Orders"}:{%s}},"mqPopTable":{{"brokerName":"broker-a","queueId":1,"topic":"Orders"}:{"waitAckCount":2}},
"statusTable":{"Orders":{"consumeOKTPS":1.5}},"userConsumerInfo":{"a":"b"},"jstack":"main"}`, ordered, subscription, queue)
}

func parse(t *testing.T, body string) *Info {
	t.Helper()
	i, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTroubles(t *testing.T) {
	const now = 1_000_000
	f := func(ordered bool, queue, want string) {
		t.Helper()
		if got := strings.Join(parse(t, pushing("*", ordered, queue)).Troubles("c1", now), "\n"); got != want {
			t.Errorf("%s: %q, want %q", queue, got, want)
		}
	}
	const q = "c1 MessageQueue [topic=Orders, brokerName=broker-a, queueId=0] "
	f(false, `"cachedMsgCount":5,"lastConsumeTimestamp":939000`, q+"can't consume for a while, maybe blocked, 61000ms")
	f(false, `"cachedMsgCount":5,"lastConsumeTimestamp":941000`, "")
	f(false, `"cachedMsgCount":0,"lastConsumeTimestamp":1`, "")
	f(true, `"locked":false,"lastLockTimestamp":990000`, q+"can't lock for a while, 10000ms")
	f(true, `"locked":true,"droped":true,"tryUnlockTimes":3`, q+"unlock 3 times, still failed")
	f(true, `"locked":true`, "")
}

func TestSame(t *testing.T) {
	a, b, c := parse(t, pushing("a", false, "")), parse(t, pushing("b", false, "")), parse(t, `{"properties":{"PROP_CONSUME_TYPE":"CONSUME_ACTIVELY"}}`)
	if !Same(map[string]*Info{"1": a, "2": a, "3": c}) || Same(map[string]*Info{"1": a, "2": b}) || !Same(nil) {
		t.Error("members that subscribe alike, or not, are taken for the opposite")
	}
}

func TestPage(t *testing.T) {
	page := parse(t, pushing("*", false, `"commitOffset":7`)).Page(func(int64) string { return "1970-01-01 00:00:00,000" })
	for _, want := range []string{"PROP_CONSUME_TYPE                       : CONSUME_PASSIVELY\n", "001 Topic: Orders", "ProcessQueueInfo [commitOffset=7, ", "lastPullTimestamp=19700101000000000",
		"PopProcessQueueInfo [waitAckCount:2, droped:false, lastPopTimestamp:0]", "1.50", "#User Consume Info#\n", "#Consumer jstack#\nmain"} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %q in\n%s", want, page)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(pushing("*", true, `"commitOffset":7`)))
	f.Add([]byte(`{mqTable:{{"topic":1}:null},"properties":{"a":[1]}}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		i, err := Parse(body)
		if err != nil {
			return
		}
		i.Page(func(int64) string { return "" })
		i.View()
		i.Troubles("c", 1)
		Same(map[string]*Info{"a": i})
	})
}
