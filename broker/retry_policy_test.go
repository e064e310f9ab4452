package broker

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestRetryPolicies sends messages back that have failed so often, and looks at the delay level at which they wait.
func TestRetryPolicies(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	f := func(policy string, times, level, want int) {
		t.Helper()
		p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(fmt.Sprintf(`{"groupName":"g","groupRetryPolicy":%s}`, policy))))
		sent := p.want(0, p.callFrame(&protocol.Frame{Code: 310, Version: protocol.CurrentVersion, Fields: wire(sendFields("t", 0, "").with(fields{"j": fmt.Sprint(times)})), Body: []byte("x")}))
		_, at, err := message.ParseID(sent.Fields.String("msgId"))
		if err != nil {
			t.Fatal(err)
		}
		before := waiting(n)
		p.want(0, p.call(protocol.ReqConsumerSendMsgBack, fields{"offset": fmt.Sprint(at), "group": "g", "delayLevel": fmt.Sprint(level), "maxReconsumeTimes": "16"}, nil))
		after := waiting(n)
		got := 0
		for l := range after {
			if after[l] > before[l] {
				got = l
			}
		}
		if got != want {
			t.Errorf("policy %s, %d failures, request's level %d: waits at level %d, want %d", policy, times, level, got, want)
		}
	}
	const exponential = `{"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":2000,"max":50000,"multiplier":3}}`
	const customized = `{"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,1000,120000,7200001]}}`
	for _, byDefault := range []string{`{"type":"CUSTOMIZED"}`, `{"type":"EXPONENTIAL"}`, `{"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[]}}`} {
		f(byDefault, 0, 0, 3)
		f(byDefault, 2, 0, 5)
	}
	f(exponential, 0, 0, 2) // 2 s
	f(exponential, 1, 0, 3) // 6 s
	f(exponential, 3, 0, 5) // 54 s, but 50 at most
	f(exponential, 3, 1, 1) // the listener's wish counts
	f(customized, 0, 0, 6)  // the third, as with RocketMQ
	f(customized, 9, 0, 18)
}

// waiting are the numbers of messages put to wait at each delay level so far.
func waiting(n *node) (out [19]message.QueueOffset) {
	for level := 1; level < len(out); level++ {
		out[level] = n.store.MaxOffset(message.Queue{Topic: message.TopicSchedule, ID: message.QueueID(level - 1)})
	}
	return out
}
