package broker

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/broker/quota"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

func putQuota(p *peer, group, attributes string) *protocol.Frame {
	p.t.Helper()
	return p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"`+group+`","attributes":{`+attributes+`}}`))
}

// TestTopicQuota: beyond the quota sends are refused with the numbers, single ones and batches; another topic is not; a change counts at once.
func TestTopicQuota(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	at := &quotaClock{}
	n.sends = at.table()
	put := func(attributes string) {
		t.Helper()
		p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("t", "1", "6").with(fields{"attributes": attributes}), nil))
	}
	put("+send.quota.messages=40")
	for range 10 {
		p.want(0, p.send("t", 0, "", "x"))
	}
	r := p.send("t", 0, "", "x")
	if r.Code != protocol.ResSystemBusy || !strings.Contains(r.Remark, "[REJECTREQUEST]") || !strings.Contains(r.Remark, "topic t may have 40 a second by its attribute send.quota.messages") {
		t.Errorf("answered %d %s", r.Code, r.Remark)
	}
	p.want(0, p.send("other", 0, "", "x"))
	at.passes(25 * time.Millisecond)
	p.want(0, p.send("t", 0, "", "x"))
	p.want(protocol.ResSystemBusy, p.send("t", 0, "", "x"))
	put("-send.quota.messages,+send.quota.bytes=4000")
	p.want(0, p.send("t", 0, "", strings.Repeat("x", 2000)))
	if r = p.send("t", 0, "", "x"); r.Code != protocol.ResSystemBusy || !strings.Contains(r.Remark, "4000 a second by its attribute send.quota.bytes") {
		t.Errorf("answered %d %s", r.Code, r.Remark)
	}
	put("-send.quota.bytes")
	p.want(0, p.send("t", 0, "", strings.Repeat("x", 20000)))
	if n := n.store.MaxOffset(message.Queue{Topic: "t"}); n != 13 {
		t.Errorf("%d messages are stored", n)
	}
}

// TestGroupQuota: pulls of a group with a quota take what it has room for and wait for more, none is refused; another group is not slowed.
func TestGroupQuota(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	const all, rate = 100, 200
	for i := range all {
		p.want(0, p.send("t", 0, "", fmt.Sprint(i)))
	}
	p.want(0, putQuota(p, "slow", fmt.Sprintf(`"+consume.quota.messages":"%d"`, rate)))
	drain := func(group string) (answers int, took time.Duration) {
		t.Helper()
		began := time.Now()
		for from := int64(0); from < all; answers++ {
			r := p.call(protocol.ReqPullMessage, fields{"consumerGroup": group, "topic": "t", "queueId": "0", "queueOffset": fmt.Sprint(from), "maxMsgNums": "32",
				"sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "1", "expressionType": "TAG"}, nil)
			p.want(0, r)
			next, _, _ := r.Fields.Int64("nextBeginOffset")
			if next <= from {
				t.Fatalf("next is %d after %d", next, from)
			}
			from = next
		}
		return answers, time.Since(began)
	}
	if answers, _ := drain("fast"); answers != 4 {
		t.Errorf("the fast group needed %d answers", answers)
	}
	// A bucket holds a quarter of a second; the rest must be waited for.
	if _, took := drain("slow"); took < time.Second*(all-rate/4)/rate*9/10 {
		t.Errorf("the slow group took %v", took)
	}
	if g, _ := n.store.Group("slow"); g.Attributes["consume.quota.messages"] != fmt.Sprint(rate) {
		t.Errorf("attributes %v", g.Attributes)
	}
	p.want(0, putQuota(p, "slow", ""))
	if g, _ := n.store.Group("slow"); len(g.Attributes) != 1 {
		t.Errorf("a change of something else took the attributes: %v", g.Attributes)
	}
	p.want(1, putQuota(p, "slow", `"+priority.factor":"1"`))
	p.want(0, putQuota(p, "slow", `"-consume.quota.messages":""`))
	if answers, _ := drain("slow"); answers != 4 {
		t.Errorf("without a quota the group needed %d answers", answers)
	}
}

// TestGroupQuotaAtAnEnd: a pull that finds no room in time is told that nothing is new, where it stands.
func TestGroupQuotaAtAnEnd(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	at := &quotaClock{}
	n.pulls = at.table()
	p.want(0, p.send("t", 0, "", "x"))
	p.want(0, p.send("t", 0, "", "y"))
	p.want(0, putQuota(p, "slow", `"+consume.quota.messages":"1"`))
	pull := func(from string) *protocol.Frame {
		return p.call(protocol.ReqPullMessage, fields{"consumerGroup": "slow", "topic": "t", "queueId": "0", "queueOffset": from, "maxMsgNums": "32", "sysFlag": "6",
			"commitOffset": "0", "suspendTimeoutMillis": "300", "subscription": "*", "subVersion": "1", "expressionType": "TAG"}, nil)
	}
	p.want(0, pull("0"))
	r := pull("1")
	p.want(protocol.ResPullNotFound, r)
	if r.Fields.String("nextBeginOffset") != "1" || r.Fields.String("maxOffset") != "2" || !strings.Contains(r.Remark, "the quota of group slow is used up") {
		t.Errorf("%v %s", r.Fields, r.Remark)
	}
	at.passes(time.Second)
	p.want(0, pull("1"))
}

// quotaClock is a clock for quotas that the test sets.
type quotaClock struct{ passed atomic.Int64 }

func (c *quotaClock) passes(d time.Duration) { c.passed.Add(int64(d)) }

func (c *quotaClock) table() *quota.Table {
	return quota.NewTable(func() time.Time { return time.Unix(0, c.passed.Load()) }, quota.SendMessages, quota.SendBytes)
}

// TestGroupQuotaOfPops: pops of a group with a quota take what it has room for and wait for more.
func TestGroupQuotaOfPops(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	at := &quotaClock{}
	n.pulls = at.table()
	for i := range 40 {
		p.want(0, p.send("t", 0, "", fmt.Sprint(i)))
	}
	p.want(0, putQuota(p, "slow", `"+consume.quota.messages":"40"`))
	if got := p.pop(t, "slow", "t", -1, nil); len(got) != 10 {
		t.Errorf("a quarter of a second's quota is %d messages", len(got))
	}
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("slow", "t", -1, nil), nil))
	waiting := p.start(protocol.ReqPopMessage, popFields("slow", "t", -1, fields{"pollTime": "20000", "bornTime": fmt.Sprint(time.Now().UnixMilli())}))
	at.passes(100 * time.Millisecond)
	r := <-waiting
	if r.Code != 0 {
		t.Errorf("answered %d %s", r.Code, r.Remark)
	}
}
