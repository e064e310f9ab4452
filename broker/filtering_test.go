package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// sql are the fields of a pull that brings an SQL92 expression.
func sql(expression string) fields {
	return fields{"expressionType": "SQL92", "subscription": expression}
}

func (p *peer) check(kind, expression string, class bool) *protocol.Frame {
	return p.call(protocol.ReqCheckClientConfig, nil, fmt.Appendf(nil,
		`{"clientId":"c","group":"g","subscriptionData":{"topic":"t","subString":%q,"expressionType":%q,"classFilterMode":%v}}`, expression, kind, class))
}

// beatSQL announces a subscription to topic t.
func (p *peer) beatSQL(group, expression string, version int, class bool) {
	p.t.Helper()
	p.want(0, p.call(protocol.ReqHeartBeat, nil, fmt.Appendf(nil,
		`{"clientID":"c","consumerDataSet":[{"groupName":%q,"subscriptionDataSet":[{"topic":"t","subString":%q,"expressionType":"SQL92","subVersion":%d,"classFilterMode":%v}]}]}`,
		group, expression, version, class)))
}

func TestPullBySQL(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for i := range 10 {
		p.want(0, p.send("t", 0, fmt.Sprintf("TAGS=tag%d price=%d", i%2, i), fmt.Sprint(i)))
	}
	p.want(0, p.send("t", 0, "", "without"))
	f := func(expression string, from int64, code int32, status string, next int64, want ...string) {
		t.Helper()
		got := p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, from).with(sql(expression)), nil)
		gotNext, least, most := offsets(t, got)
		if got.Code != code || got.Remark != status || gotNext != next || least != 0 || most != 11 {
			t.Errorf("%s from %d: %d %s next %d in %d..%d", expression, from, got.Code, got.Remark, gotNext, least, most)
		}
		if diff := cmp.Diff(want, bodies(t, got.Body)); diff != "" {
			t.Errorf("%s from %d: %s", expression, from, diff)
		}
	}
	f("price > 6 AND TAGS = 'tag1'", 0, 0, "FOUND", 11, "7", "9")
	f("price BETWEEN 2 AND 3", 3, 0, "FOUND", 11, "3")
	f("price IS NULL", 0, 0, "FOUND", 11, "without")
	f("price > 100", 4, 20, "NO_MATCHED_MESSAGE", 11)
	f("price > 100", 11, 19, "OFFSET_OVERFLOW_ONE", 11)
	p.beatSQL("announced", "price = 4", 1, false)
	got := p.want(0, p.call(protocol.ReqPullMessage, pullFields("announced", "t", 0, 0).with(fields{"sysFlag": "0", "subVersion": "1"}), nil))
	if diff := cmp.Diff([]string{"4"}, bodies(t, got.Body)); diff != "" {
		t.Error(diff)
	}
	p.beatSQL("announced", "price = 5", 2, false)
	got = p.want(0, p.call(protocol.ReqPullMessage, pullFields("announced", "t", 0, 0).with(fields{"sysFlag": "0", "subVersion": "2"}), nil))
	if diff := cmp.Diff([]string{"5"}, bodies(t, got.Body)); diff != "" {
		t.Error(diff)
	}
}

func TestFilterRefusals(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "a=5", "x"))
	f := func(got *protocol.Frame, code int32, remark string) {
		t.Helper()
		if got.Code != code || !strings.Contains(got.Remark, remark) {
			t.Errorf("answered %d %q, want %d %q", got.Code, got.Remark, code, remark)
		}
	}
	f(p.check("TAG", "a || b", false), 0, "")
	f(p.check("", "*", false), 0, "")
	f(p.check("TAG", "||", false), 23, "names no tag")
	f(p.check("SQL92", "a > 5", false), 0, "")
	f(p.check("SQL92", "a > > 5", false), 23, `line 1, column 5: ">" stands where`)
	f(p.check("SQL92", "", false), 23, "column 1: the expression ends")
	f(p.check("SQL92", strings.Repeat("(", 300), false), 23, "more than 256 levels, which is the limit")
	f(p.check("odd", "a", false), 23, `"odd", this broker evaluates TAG and SQL92`)
	f(p.check("TAG", "com.example.Filter", true), 23, "filter servers, which RocketMQ 5 has no more")

	pull := func(more fields) *protocol.Frame {
		return p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(more), nil)
	}
	f(pull(sql("a >")), 23, "parse the consumer's subscription failed: expression cannot be read: line 1, column 4")
	f(pull(sql("")), 23, "expression ends")
	f(pull(fields{"expressionType": "odd"}), 1, "The broker does not support consumer to filter message by odd")
	f(pull(fields{"sysFlag": fmt.Sprint(protocol.PullSubscription | protocol.PullClassFilter)}), 23, "filter servers")

	announced := fields{"sysFlag": "0", "subVersion": "1", "consumerGroup": "announced"}
	f(pull(announced), 24, "group info not exist")
	p.beatSQL("announced", "a > > 5", 1, false)
	f(pull(announced), 27, "The broker's consumer filter data is not exist!Your expression may be wrong! expression cannot be read: line 1, column 5")
	p.beatSQL("announced", "a = 5", 2, false)
	f(pull(announced.with(fields{"subVersion": "3"})), 25, "not latest")
	f(pull(announced.with(fields{"subVersion": "2"})), 0, "FOUND")
	p.beatSQL("announced", "com.example.Filter", 3, true)
	f(pull(announced), 23, "filter servers")
}

func TestSQLCanBeSwitchedOff(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.DenyPropertyFilter = true })
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	const off = "The broker does not support consumer to filter message by SQL92"
	for _, got := range []*protocol.Frame{
		p.check("SQL92", "a > 5", false),
		p.check("SQL92", "a > > 5", false),
		p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(sql("a > 5")), nil),
	} {
		if p.want(1, got).Remark != off {
			t.Errorf("remark %q", got.Remark)
		}
	}
	p.beatSQL("g", "a > 5", 1, false)
	if got := p.want(1, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": "0"}), nil)); got.Remark != off {
		t.Errorf("remark %q", got.Remark)
	}
}

// A pull on hold with SQL92 stays there while nothing arrives that it wants, and reads on from behind that.
func TestLongPollBySQL(t *testing.T) {
	n := newNode(t)
	p, other := n.dial(), n.dial()
	p.want(0, p.send("t", 0, "price=9", "before"))
	waiting := p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000).with(sql("price > 5")))
	n.holding(1)
	for i := range 3 {
		other.want(0, other.send("t", 0, fmt.Sprintf("price=%d", i), "no"))
		n.holding(1)
	}
	other.want(0, other.send("t", 0, "price=7", "yes"))
	got := p.want(0, <-waiting)
	if next, _, _ := offsets(t, got); next != 5 {
		t.Errorf("next is %d", next)
	}
	if diff := cmp.Diff([]string{"yes"}, bodies(t, got.Body)); diff != "" {
		t.Error(diff)
	}

	waiting = p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 5, 1500).with(sql("price > 5")))
	n.holding(1)
	other.want(0, other.send("t", 0, "price=1", "no"))
	got = p.want(protocol.ResPullRetryImmediately, <-waiting)
	if next, _, _ := offsets(t, got); next != 6 {
		t.Errorf("when the time is up, next is %d", next)
	}

	waiting = p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 6, 15000).with(sql("price > 5")))
	n.holding(1)
	n.releaseHolds()
	p.want(protocol.ResPullNotFound, <-waiting)
	other.want(0, other.send("t", 0, "price=1", "no"))
	got = p.want(protocol.ResPullNotFound, p.call(protocol.ReqPullMessage, longPull("g", "t", 0, 7, 15000).with(sql("price > 5")), nil))
	if next, _, _ := offsets(t, got); next != 7 {
		t.Errorf("when nothing may wait any more, next is %d", next)
	}
}

// A pull on hold keeps its filter and its group's name, and none of the texts by which its client could make it big.
func TestHoldsKeepNoLongTexts(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	long := fields{"bname": strings.Repeat("b", 10000), "proxyFrowardClientId": strings.Repeat("p", 10000)}
	var waiting []<-chan *protocol.Frame
	for i, brings := range []fields{sql("price > 5" + strings.Repeat(" ", 10000)), {"subscription": strings.Repeat("t", 10000)}} {
		waiting = append(waiting, p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000).with(brings).with(long)))
		n.holding(int64(i + 1))
	}
	n.holdMu.Lock()
	held := n.holds.Drain(nil)
	n.holdMu.Unlock()
	for _, h := range held {
		texts := h.Pull.hdr
		texts.ConsumerGroup = ""
		want := protocol.PullMessageHeader{QueueID: texts.QueueID, QueueOffset: texts.QueueOffset, MaxMsgNums: texts.MaxMsgNums, SysFlag: texts.SysFlag,
			CommitOffset: texts.CommitOffset, SuspendTimeoutMillis: texts.SuspendTimeoutMillis, SubVersion: texts.SubVersion,
			MaxMsgBytes: texts.MaxMsgBytes, RequestSource: texts.RequestSource}
		if diff := cmp.Diff(want, texts); diff != "" || h.Pull.hdr.ConsumerGroup != "g" {
			t.Errorf("of group %q: %.300s", h.Pull.hdr.ConsumerGroup, diff)
		}
		h.Pull.last = true
	}
	n.awake.push(held...)
	for _, w := range waiting {
		p.want(protocol.ResPullNotFound, <-w)
	}
}

// A filter that wants nothing ends after so many messages, or after so much work.
func TestPullBySQLIsBounded(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for range 900 {
		p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, "a="+strings.Repeat("x", 1000)), []byte("x"))
	}
	p.want(0, p.send("t", 0, "", "last"))
	f := func(expression string, least, most int64) {
		t.Helper()
		got := p.want(protocol.ResPullRetryImmediately, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(sql(expression)), nil))
		if next, _, _ := offsets(t, got); next < least || next > most {
			t.Errorf("%.20s...: next is %d, want %d to %d", expression, next, least, most)
		}
	}
	f("a = 'y'", 800, 800)
	f("a = 'y'"+strings.Repeat(" OR a CONTAINS 'y'", 900), 2, 40)
}
