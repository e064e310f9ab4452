package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// told checks an answer's code and what its remark holds.
func (p *peer) wantTold(code int32, remark string, got *protocol.Frame) {
	p.t.Helper()
	if got.Code != code || !strings.Contains(got.Remark, remark) {
		p.t.Errorf("answered %d %q, want %d %q", got.Code, got.Remark, code, remark)
	}
}

func (p *peer) list(code int32, format string, args ...any) *protocol.Frame {
	p.t.Helper()
	return p.call(code, nil, fmt.Appendf(nil, format, args...))
}

func TestTopicListsAreMadeWholeOrNotAtAll(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	const put, del = protocol.ReqUpdateAndCreateTopicList, protocol.ReqDeleteTopicInBrokerList
	p.want(0, p.list(put, `{"topicConfigList":[{"topicName":"b","readQueueNums":2,"writeQueueNums":3,"perm":4,"attributes":{"+message.type":"FIFO"}},{"topicName":"a"},{"topicName":"%%LMQ%%x"}]}`))
	a, _ := n.store.Topic("a")
	b, _ := n.store.Topic("b")
	if a.ReadQueues != 16 || a.Perm != 6 || b.WriteQueues != 3 || b.Perm != 4 || b.Attributes["message.type"] != "FIFO" {
		t.Errorf("made %+v and %+v", a, b)
	}
	// RocketMQ stops at b, which is there as it is to be.
	p.want(0, p.list(put, `{"topicConfigList":[{"topicName":"b","readQueueNums":2,"writeQueueNums":3,"perm":4,"attributes":{"+message.type":"FIFO"}},{"topicName":"c"}]}`))
	if _, ok := n.store.Topic("c"); !ok {
		t.Error("c is not made behind a topic that does not change")
	}
	before := n.store.TopicVersion()
	p.wantTold(29, "conflict with system topic. (topic 2 of 3, TBW102; nothing was changed)", p.list(put, `{"topicConfigList":[{"topicName":"d"},{"topicName":"TBW102"},{"topicName":"e"}]}`))
	p.wantTold(1, "unsupported key: colour (topic 2 of 2, e; nothing was changed)", p.list(put, `{"topicConfigList":[{"topicName":"d"},{"topicName":"e","attributes":{"+colour":"red"}}]}`))
	p.wantTold(29, "The specified topic is blank. (topic 2 of 2, ; nothing was changed)", p.list(del, `{"topicList":["a",""]}`))
	p.wantTold(29, "the list has 1001 members, the limit is 1000", p.list(del, `{"topicList":["a"%s]}`, strings.Repeat(`,"a"`, 1_000)))
	p.wantTold(1, "JSON body", p.list(put, `{`))
	if n.store.TopicVersion() != before {
		t.Error("a refused list changed something")
	}
	p.want(0, p.list(del, `{"topicList":["a","b","none"]}`))
	if _, ok := n.store.Topic("a"); ok {
		t.Error("a is left")
	}
	if _, ok := n.store.Topic("c"); !ok {
		t.Error("c has gone")
	}
}

func TestGroupListsAreMadeWholeOrNotAtAll(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	const put, del = protocol.ReqUpdateAndCreateSubscriptionGroupList, protocol.ReqDeleteSubscriptionGroupList
	p.want(0, p.list(put, `{"groupConfigList":[{"groupName":"g","retryMaxTimes":3},{"groupName":"h"}]}`))
	if g, _ := n.store.Group("g"); g.RetryMaxTimes != 3 || len(n.store.Groups()) != 2 {
		t.Errorf("made %+v", n.store.Groups())
	}
	before := n.store.GroupVersion()
	p.wantTold(29, "(group 2 of 2, no good; nothing was changed)", p.list(put, `{"groupConfigList":[{"groupName":"i"},{"groupName":"no good"}]}`))
	p.wantTold(1, "unsupported key: colour (group 1 of 1, i; nothing was changed)", p.list(put, `{"groupConfigList":[{"groupName":"i","attributes":{"+colour":"red"}}]}`))
	p.wantTold(29, "(group 1 of 1, ; nothing was changed)", p.list(del, `{"groupNameList":[""]}`))
	if n.store.GroupVersion() != before {
		t.Error("a refused list changed something")
	}
	p.want(0, p.send("t", 0, "", "x"))
	for _, g := range []string{"g", "h"} {
		p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": g, "topic": "t", "queueId": "0", "commitOffset": "1"}, nil))
	}
	p.want(0, p.list(del, `{"groupNameList":["g"]}`))
	p.want(0, p.list(del, `{"cleanOffset":true,"groupNameList":["h","none"]}`))
	if len(n.store.Groups()) != 0 || len(n.store.Offsets("g")) != 1 || len(n.store.Offsets("h")) != 0 {
		t.Errorf("left: %v, %v, %v", n.store.Groups(), n.store.Offsets("g"), n.store.Offsets("h"))
	}
}
