package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// offsets are the four header fields that every pull answer must carry.
func offsets(t *testing.T, f *protocol.Frame) (next, least, most int64) {
	t.Helper()
	var h protocol.PullMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		t.Fatalf("answer %d: %v", f.Code, err)
	}
	if h.SuggestWhichBrokerID != 0 {
		t.Errorf("suggests broker %d", h.SuggestWhichBrokerID)
	}
	return h.NextBeginOffset, h.MinOffset, h.MaxOffset
}

func TestPullCodesAndOffsets(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for i := range 5 {
		p.want(protocol.ResSuccess, p.send("t", 0, fmt.Sprintf("TAGS=tag%d", i%2), fmt.Sprint(i)))
	}
	f := func(queue int, from int64, subscription string, code int32, status string, next, least, most int64) {
		t.Helper()
		got := p.call(protocol.ReqPullMessage, pullFields("g", "t", queue, from).with(fields{"subscription": subscription}), nil)
		gotNext, gotLeast, gotMost := offsets(t, got)
		if got.Code != code || got.Remark != status || gotNext != next || gotLeast != least || gotMost != most {
			t.Errorf("queue %d from %d by %q: %d %s next %d in %d..%d, want %d %s next %d in %d..%d", queue, from, subscription,
				got.Code, got.Remark, gotNext, gotLeast, gotMost, code, status, next, least, most)
		}
	}
	f(0, 0, "*", 0, "FOUND", 5, 0, 5)
	f(0, 3, "tag1", 0, "FOUND", 5, 0, 5)
	f(0, 0, "other", 20, "NO_MATCHED_MESSAGE", 5, 0, 5)
	f(0, 5, "*", 19, "OFFSET_OVERFLOW_ONE", 5, 0, 5)
	f(0, 6, "*", 21, "OFFSET_OVERFLOW_BADLY", 5, 0, 5)
	f(0, -1, "*", 21, "OFFSET_TOO_SMALL", 0, 0, 5)
	f(1, 0, "*", 19, "NO_MESSAGE_IN_QUEUE", 0, 0, 0)
	f(1, 7, "*", 21, "NO_MESSAGE_IN_QUEUE", 0, 0, 0)
	got := p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"subscription": "x || tag1"}), nil)
	if diff := cmp.Diff([]string{"1", "3"}, bodies(t, got.Body)); diff != "" {
		t.Error(diff)
	}
}

func TestPullLimits(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for range 40 {
		p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, ""), []byte(strings.Repeat("x", 1000)))
	}
	p.want(protocol.ResSuccess, p.send("t", 0, "", "last"))
	f := func(more fields, want int) {
		t.Helper()
		got := p.want(protocol.ResSuccess, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(more), nil))
		if n := len(bodies(t, got.Body)); n != want {
			t.Errorf("%v: %d messages, want %d", more, n, want)
		}
	}
	f(nil, 32)
	f(fields{"maxMsgNums": "1000"}, 32)
	f(fields{"maxMsgNums": "5"}, 5)
	f(fields{"maxMsgNums": "0"}, 1)
	f(fields{"maxMsgBytes": "100"}, 1)
	f(fields{"maxMsgBytes": "4000"}, 3)
}

func TestPullRefusals(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	f := func(code int32, remark string, forbidden string, got *protocol.Frame) {
		t.Helper()
		if got.Code != code || !strings.Contains(got.Remark, remark) || got.Fields.String("forbiddenType") != forbidden {
			t.Errorf("answered %d %q forbidden %q, want %d %q %q", got.Code, got.Remark, got.Fields.String("forbiddenType"), code, remark, forbidden)
		}
	}
	pull := func(more fields) *protocol.Frame {
		return p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(more), nil)
	}
	noSub := fields{"sysFlag": "0"}
	f(17, "topic[u] not exist", "", pull(fields{"topic": "u"}))
	f(29, "readQueueNums:[4]", "", pull(fields{"queueId": "4"}))
	f(29, "queueId[-1]", "", pull(fields{"queueId": "-1"}))
	f(26, "does not exist", "", pull(fields{"consumerGroup": "no good"}))
	f(24, "group info not exist", "", pull(noSub))
	f(23, "parse", "", pull(fields{"subscription": "||"}))
	f(17, "not exist", "", pull(fields{"topic": message.TopicState}))
	missing := pullFields("g", "t", 0, 0)
	delete(missing, "queueOffset")
	f(1, "queueOffset", "", p.call(protocol.ReqPullMessage, missing, nil))

	p.want(protocol.ResSuccess, p.beat("c1", "g", protocol.ModelClustering, "*", "other"))
	f(24, "subscription not exist", "", pull(noSub))
	p.want(protocol.ResSuccess, p.beat("c1", "g", protocol.ModelClustering, "*", "t"))
	f(25, "not latest", "", pull(noSub.with(fields{"subVersion": "2"})))
	f(0, "FOUND", "", pull(noSub))

	config := `{"groupName":"g","consumeBroadcastEnable":false}`
	p.want(protocol.ResSuccess, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(config)))
	p.want(protocol.ResSuccess, p.beat("c1", "g", protocol.ModelBroadcasting, "*", "t"))
	f(16, "broadcast", "4", pull(noSub))
	if err := n.store.SetForbidden(t.Context(), "g", "t", forbidReadBit); err != nil {
		t.Fatal(err)
	}
	p.want(protocol.ResSuccess, p.beat("c1", "g", protocol.ModelClustering, "*", "t"))
	f(16, "is forbidden for topic[t]", "5", pull(noSub))
	p.want(protocol.ResSuccess, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g","consumeEnable":false}`)))
	f(16, "no permission", "2", pull(nil))
	writeOnly := fields{"topic": "t", "defaultTopic": "", "readQueueNums": "4", "writeQueueNums": "4", "perm": "2", "topicFilterType": "SINGLE_TAG", "order": "false"}
	p.want(protocol.ResSuccess, p.call(protocol.ReqUpdateAndCreateTopic, writeOnly, nil))
	f(16, "the topic[t]", "3", pull(fields{"consumerGroup": "g2"}))
}

func TestPermissionsOfTheBroker(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.Permission = 2; o.DenyLitePull = true })
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	got := p.want(protocol.ResNoPermission, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	if got.Fields.String("forbiddenType") != "1" {
		t.Errorf("forbiddenType %q", got.Fields.String("forbiddenType"))
	}
	readOnly := newNode(t, func(o *Options, _ *store.Options) { o.Permission = 4; o.DenyLitePull = true })
	q := readOnly.dial()
	q.want(protocol.ResSuccess, q.send("plain", 0, "", "a read-only broker takes messages that need no order"))
	ordered := fields{"topic": "ordered", "defaultTopic": "", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6", "topicFilterType": "SINGLE_TAG", "order": "true"}
	q.want(protocol.ResSuccess, q.call(protocol.ReqUpdateAndCreateTopic, ordered, nil))
	q.want(protocol.ResNoPermission, q.send("ordered", 0, "", "x"))
	q.want(protocol.ResNoPermission, q.call(protocol.ReqLitePullMessage, pullFields("g", "plain", 0, 0), nil))
	q.want(protocol.ResSuccess, q.call(protocol.ReqPullMessage, pullFields("g", "plain", 0, 0), nil))
}

// longPull is a pull that waits up to ms.
func longPull(group, topic string, queue int, from int64, ms int) fields {
	return pullFields(group, topic, queue, from).with(fields{"sysFlag": fmt.Sprint(protocol.PullSubscription | protocol.PullSuspend), "suspendTimeoutMillis": fmt.Sprint(ms)})
}

// holding waits until so many pulls are on hold.
func (n *node) holding(want int64) {
	n.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); n.held.Load() != want; {
		if time.Now().After(deadline) {
			n.t.Fatalf("%d pulls on hold, want %d", n.held.Load(), want)
		}
		n.dial().close()
	}
}

func TestLongPollWakesOnTheWantedTag(t *testing.T) {
	n := newNode(t)
	p, other := n.dial(), n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "TAGS=a", "first"))
	star := p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000))
	onlyB := p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000).with(fields{"subscription": "b"}))
	empty := other.start(protocol.ReqPullMessage, longPull("g", "t", 2, 0, 15000))
	n.holding(3)
	other.want(protocol.ResSuccess, other.send("t", 0, "TAGS=a", "second"))
	if diff := cmp.Diff([]string{"second"}, bodies(t, p.want(protocol.ResSuccess, <-star).Body)); diff != "" {
		t.Error(diff)
	}
	n.holding(2)
	other.want(protocol.ResSuccess, other.send("t", 0, "TAGS=b", "third"))
	if diff := cmp.Diff([]string{"third"}, bodies(t, p.want(protocol.ResSuccess, <-onlyB).Body)); diff != "" {
		t.Error(diff)
	}
	other.want(protocol.ResSuccess, other.send("t", 2, "", "in a queue that was empty"))
	other.want(protocol.ResSuccess, <-empty)
	n.holding(0)
}

// A reset reaches a member that waits for a message at once; another group's pull of the queue finds nothing.
func TestResetAnswersPullsOnHold(t *testing.T) {
	n := newNode(t)
	p, tool := n.dial(), n.dial()
	for range 3 {
		p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	}
	mine := p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 3, 15000))
	other := p.start(protocol.ReqPullMessage, longPull("h", "t", 0, 3, 15000))
	n.holding(2)
	tool.want(protocol.ResSuccess, tool.call(protocol.ReqInvokeBrokerToResetOffset, fields{"group": "g", "topic": "t", "queueId": "0", "offset": "1", "timestamp": "0"}, nil))
	got := p.want(protocol.ResPullOffsetMoved, <-mine)
	if next, _, _ := offsets(t, got); next != 1 {
		t.Errorf("goes on at %d", next)
	}
	p.want(protocol.ResPullNotFound, <-other)
	n.holding(0)
}

func TestLongPollTimesOut(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	begin := time.Now()
	got := p.want(protocol.ResPullNotFound, p.call(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 60), nil))
	if next, least, most := offsets(t, got); next != 1 || least != 0 || most != 1 {
		t.Errorf("next %d in %d..%d", next, least, most)
	}
	if waited := time.Since(begin); waited < 55*time.Millisecond {
		t.Errorf("answered after %v, asked to wait 60 ms", waited)
	}
	n.holding(0)
}

// A message that matches no tag stays unseen by the held pull; the recheck wakes it, and it learns how far it has come.
func TestRecheckWakesWhatArrivalMissed(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.HoldRecheck = 30 * time.Millisecond })
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "TAGS=a", "x"))
	wait := p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000).with(fields{"subscription": "b"}))
	n.holding(1)
	p.want(protocol.ResSuccess, p.send("t", 0, "TAGS=a", "y"))
	got := p.want(protocol.ResPullRetryImmediately, <-wait)
	if next, _, _ := offsets(t, got); next != 2 {
		t.Errorf("next offset %d", next)
	}
}

func TestHoldsEndWithTheirConnectionAndTheBroker(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.MaxHolds = 3 })
	p, q := n.dial(), n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	for range 2 {
		p.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000))
	}
	stays := q.start(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000))
	n.holding(3)
	full := q.want(protocol.ResSystemBusy, q.call(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000), nil))
	if !strings.Contains(full.Remark, "3 pulls are on hold") || !strings.HasPrefix(full.Remark, "[REJECTREQUEST]") {
		t.Errorf("remark %q", full.Remark)
	}
	p.close()
	n.holding(1)
	n.releaseHolds()
	q.want(protocol.ResPullNotFound, <-stays)
	q.want(protocol.ResPullNotFound, q.call(protocol.ReqPullMessage, longPull("g", "t", 0, 1, 15000), nil))
}

func TestTenThousandHoldsWithoutGoroutines(t *testing.T) {
	n := newNode(t)
	p, sender := n.dial(), n.dial()
	sender.want(protocol.ResSuccess, sender.send("t", 0, "", "x"))
	const holds = 10_000
	s := &session{conn: p.conn, remote: p.conn.RemoteAddr()}
	for i := range holds {
		pr := &pullRequest{session: s, request: protocol.Frame{Code: protocol.ReqPullMessage, Opaque: int32(i)}}
		if err := pr.hdr.Decode(wire(longPull("g", "t", 0, 1, 60_000))); err != nil {
			t.Fatal(err)
		}
		if _, err := n.ensureGroup(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		n.startPull(pr)
	}
	if got := n.held.Load(); got != holds {
		t.Fatalf("%d pulls on hold", got)
	}
	n.dropHolds(s)
	n.holding(0)
}

func TestPullCommitsOffsetOnItsFirstRun(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "x"))
	q := message.Queue{Topic: "t"}
	f := func(want int64, fs fields) {
		t.Helper()
		p.call(protocol.ReqPullMessage, fs, nil)
		got, ok := n.store.Offset("g", q)
		if !ok {
			got = -1
		}
		if int64(got) != want {
			t.Errorf("committed %d, want %d", got, want)
		}
	}
	f(-1, pullFields("g", "t", 0, 0).with(fields{"commitOffset": "1"}))
	f(1, pullFields("g", "t", 0, 0).with(fields{"commitOffset": "1", "sysFlag": "7"}))
	f(0, longPull("g", "t", 0, 1, 30).with(fields{"commitOffset": "0", "sysFlag": "7"}))
}
