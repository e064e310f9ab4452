package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

func popFields(group, topic string, queue int, more fields) fields {
	return fields{"consumerGroup": group, "topic": topic, "queueId": fmt.Sprint(queue), "maxMsgNums": "32", "invisibleTime": "60000",
		"pollTime": "0", "bornTime": "0", "initMode": "0", "expType": "TAG", "exp": "*", "order": "false"}.with(more)
}

// popped is a message as a client sees it: its handle made of the answer's header, or brought along.
type popped struct {
	topic, body, handle string
	queue               message.QueueID
	offset              message.QueueOffset
	reconsumed          int32
	count               int64 // of earlier deliveries, of ordered queues
}

// receive reads a pop's answer as the Java client does.
func receive(t *testing.T, f *protocol.Frame) (out []popped) {
	t.Helper()
	if f.Code != protocol.ResSuccess {
		t.Fatalf("the pop is answered with %d %s", f.Code, f.Remark)
	}
	var h protocol.PopMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		t.Fatal(err)
	}
	starts, err := protocol.ParseStartOffsets(h.StartOffsetInfo)
	if err != nil {
		t.Fatal(err)
	}
	offs, err := protocol.ParseMsgOffsets(h.MsgOffsetInfo)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := protocol.ParseStartOffsets(h.OrderCountInfo)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records(t, f.Body) {
		m := popped{topic: string(r.Topic), body: string(r.Body), queue: r.QueueID, offset: r.QueueOffset, reconsumed: r.ReconsumeTimes,
			handle: r.Properties.GetString(message.PropPopCheckpoint)}
		if m.handle == "" {
			key := protocol.PopQueueKey(protocol.PopNormal, int32(r.QueueID))
			if !slices.Contains(offs[key], int64(r.QueueOffset)) {
				t.Fatalf("offset %d is not among %v of %s", r.QueueOffset, offs, key)
			}
			k := protocol.PopHandle{StartOffset: starts[key], PopTime: h.PopTime, InvisibleTime: h.InvisibleTime, ReviveQueue: h.ReviveQueue,
				BrokerName: "broker-a", QueueID: int32(r.QueueID), QueueOffset: int64(r.QueueOffset), CommitLogOffset: -1}
			m.handle = string(k.Append(nil))
		}
		m.count = counts[protocol.PopMessageKey(protocol.PopNormal, int32(r.QueueID), int64(r.QueueOffset))]
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b popped) int { return strings.Compare(a.body, b.body) })
	return out
}

func names(list []popped) string {
	var out []string
	for _, m := range list {
		out = append(out, m.body)
	}
	return strings.Join(out, " ")
}

// handleFields are what a client sends about a message: the real topic, as the Java client makes it of the handle.
func (m *popped) fields(t *testing.T, group string) fields {
	t.Helper()
	h, err := protocol.ParsePopHandle(m.handle)
	if err != nil {
		t.Fatal(err)
	}
	return fields{"consumerGroup": group, "topic": h.Topic.Name(group, m.topic), "queueId": fmt.Sprint(h.QueueID), "extraInfo": m.handle, "offset": fmt.Sprint(h.QueueOffset)}
}

func (p *peer) ack(t *testing.T, group string, list ...popped) {
	t.Helper()
	for i := range list {
		p.want(protocol.ResSuccess, p.call(protocol.ReqAckMessage, list[i].fields(t, group), nil))
	}
}

func (p *peer) pop(t *testing.T, group, topic string, queue int, more fields) []popped {
	t.Helper()
	return receive(t, p.call(protocol.ReqPopMessage, popFields(group, topic, queue, more), nil))
}

func TestPopAndAcknowledge(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 4)
	for i := range 8 {
		p.want(protocol.ResSuccess, p.send("T", i%4, "", fmt.Sprint("m", i)))
	}
	all := p.pop(t, "g", "T", -1, nil)
	if got := names(all); got != "m0 m1 m2 m3 m4 m5 m6 m7" {
		t.Fatalf("popped %s", got)
	}
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, nil), nil))
	if got := names(p.pop(t, "g2", "T", -1, fields{"maxMsgNums": "3"})); len(got) != 8 {
		t.Errorf("another group has popped %q, want three of its own", got)
	}
	p.ack(t, "g", all[:4]...)
	p.ack(t, "g", all[0]) // once more is no fault
	// The others in one batch for each queue.
	var batch protocol.BatchAckRequest
	for _, m := range all[4:] {
		h, err := protocol.ParsePopHandle(m.handle)
		if err != nil {
			t.Fatal(err)
		}
		a := protocol.BatchAck{ConsumerGroup: "g", Topic: "T", Retry: "0", StartOffset: h.StartOffset, QueueID: h.QueueID, ReviveQueue: h.ReviveQueue,
			PopTime: h.PopTime, InvisibleTime: h.InvisibleTime}
		a.Bits.Set(int(h.QueueOffset - h.StartOffset))
		batch.Acks = append(batch.Acks, a)
	}
	body, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	p.want(protocol.ResSuccess, p.call(protocol.ReqBatchAckMessage, nil, body))
	for q := range 4 {
		if c, ok := n.store.PopCounts("g", message.Queue{Topic: "T", ID: message.QueueID(q)}); !ok || c.Acknowledged != 2 || c.InFlight != 0 {
			t.Errorf("queue %d: %+v", q, c)
		}
	}
	p.want(protocol.ResNoMessage, p.call(protocol.ReqBatchAckMessage, nil, nil))
	far := all[0]
	far.handle = strings.TrimSuffix(far.handle, fmt.Sprint(" ", far.offset)) + " 77"
	p.want(protocol.ResNoMessage, p.call(protocol.ReqAckMessage, far.fields(t, "g"), nil))
	p.want(protocol.ResTopicNotExist, p.call(protocol.ReqAckMessage, far.fields(t, "g").with(fields{"topic": "none"}), nil))
	p.want(protocol.ResMessageIllegal, p.call(protocol.ReqAckMessage, far.fields(t, "g").with(fields{"queueId": "9"}), nil))
	p.want(protocol.ResSystemError, p.call(protocol.ReqAckMessage, far.fields(t, "g").with(fields{"extraInfo": "1 2 3"}), nil))
}

func TestPoppedMessageComesAgainFromTheRetryTopic(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.want(protocol.ResSuccess, p.send("T", 0, "TAGS=a", "m"))
	first := p.pop(t, "g", "T", -1, nil)[0]
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqChangeMessageInvisibleTime, first.fields(t, "g").with(fields{"invisibleTime": "100"}), nil))
	var h protocol.ChangeInvisibleResponseHeader
	if err := h.Decode(got.Fields); err != nil || h.InvisibleTime != 100 {
		t.Fatalf("changed to %+v, %v", h, err)
	}
	// The pop waits for the copy.
	again := p.pop(t, "g", "T", -1, fields{"pollTime": "10000", "exp": "a"})
	if len(again) != 1 || again[0].body != "m" || again[0].topic != "T" || again[0].reconsumed != 1 || !strings.Contains(again[0].handle, " 1 broker-a 0 ") {
		t.Fatalf("what comes again is %+v", again)
	}
	p.ack(t, "g", first) // the old handle: the copy stays as it is
	if c, _ := n.store.PopCounts("g", message.Queue{Topic: "%RETRY%g_T"}); c.InFlight != 1 {
		t.Errorf("counts of the retry topic %+v", c)
	}
	p.ack(t, "g", again...)
	if c, _ := n.store.PopCounts("g", message.Queue{Topic: "%RETRY%g_T"}); c.InFlight != 0 || c.Acknowledged != 1 {
		t.Errorf("counts of the retry topic %+v", c)
	}
}

func TestPopWaitsForWhatItWants(t *testing.T) {
	n := newNode(t)
	p, sender := n.dial(), n.dial()
	n.topic("T", 4)
	all := p.start(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "15000", "exp": "b"}))
	two := p.start(protocol.ReqPopMessage, popFields("g2", "T", 2, fields{"pollTime": "15000"}))
	told := p.start(protocol.ReqNotification, fields{"consumerGroup": "g3", "topic": "T", "queueId": "-1", "pollTime": "15000", "bornTime": "0"})
	n.waitPops(3)
	info := p.want(protocol.ResSuccess, p.call(protocol.ReqPollingInfo, fields{"consumerGroup": "g", "topic": "T", "queueId": "-1"}, nil))
	if got := info.Fields.String("pollingNum"); got != "1" {
		t.Errorf("%s pops wait, want 1", got)
	}
	sender.want(protocol.ResSuccess, sender.send("T", 2, "TAGS=a", "unwanted"))
	if got := names(receive(t, <-two)); got != "unwanted" {
		t.Errorf("group g2 has got %s", got)
	}
	if got := (<-told).Fields.String("hasMsg"); got != "true" {
		t.Errorf("notified of %s", got)
	}
	sender.want(protocol.ResSuccess, sender.send("T", 1, "TAGS=b", "wanted"))
	if got := names(receive(t, <-all)); got != "wanted" {
		t.Errorf("group g has got %s", got)
	}
	// What the filter has passed over counts as acknowledged.
	begun := time.Now()
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "300"}), nil))
	if took := time.Since(begun); took < 250*time.Millisecond {
		t.Errorf("answered after %v, it wants to wait 300 ms", took)
	}
	// A connection that ends takes its pops along.
	gone := n.dial()
	gone.start(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "15000"}))
	n.waitPops(1)
	gone.close()
	n.waitPops(0)
}

// waitPops waits until so many pops and notifications wait.
func (n *node) waitPops(want int) {
	n.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); n.pops.Waiting() != want; {
		if time.Now().After(deadline) {
			n.t.Fatalf("%d requests wait, want %d", n.pops.Waiting(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestOrderedPop(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	for i := range 4 {
		p.want(protocol.ResSuccess, p.send("T", 0, "", fmt.Sprint("m", i)))
	}
	ordered := fields{"order": "true", "maxMsgNums": "2", "attemptId": "one"}
	first := p.pop(t, "g", "T", -1, ordered)
	if got := names(first); got != "m0 m1" || !strings.Contains(first[0].handle, " 999 ") {
		t.Fatalf("popped %s with %s", got, first[0].handle)
	}
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, ordered.with(fields{"attemptId": "two"})), nil))
	if got := names(p.pop(t, "g", "T", -1, ordered)); got != "m0 m1" {
		t.Errorf("the same attempt gets %s", got)
	}
	first = p.pop(t, "g", "T", -1, ordered)
	waits := p.start(protocol.ReqPopMessage, popFields("g", "T", 0, ordered.with(fields{"attemptId": "two", "pollTime": "15000"})))
	n.waitPops(1)
	p.ack(t, "g", first[0])
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqChangeMessageInvisibleTime, first[1].fields(t, "g").with(fields{"invisibleTime": "0"}), nil))
	if got.Fields.String("reviveQid") != "999" {
		t.Errorf("answered %v", got.Fields)
	}
	next := receive(t, <-waits)
	if got := names(next); got != "m1 m2" || next[0].count != 1 || next[1].count != 0 {
		t.Errorf("then come %+v", next)
	}
	bad := next[0]
	bad.handle = strings.TrimSuffix(bad.handle, " 1") + " 3"
	p.want(protocol.ResMessageIllegal, p.call(protocol.ReqAckMessage, bad.fields(t, "g"), nil))
}

func TestRequestModeAndAssignment(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(), n.dial()
	n.topic("T", 4)
	a.beat("c1", "g", protocol.ModelClustering, "*", "T")
	b.beat("c2", "g", protocol.ModelClustering, "*", "T")
	ask := func(client, topic string) (out []string) {
		t.Helper()
		body, _ := json.Marshal(protocol.QueryAssignmentRequest{ClientID: client, ConsumerGroup: "g", Topic: topic, StrategyName: "AVG", MessageModel: protocol.ModelClustering})
		f := a.want(protocol.ResSuccess, a.call(protocol.ReqQueryAssignment, nil, body))
		for _, q := range decode[protocol.QueryAssignmentResponse](t, f.Body).Assignments {
			out = append(out, fmt.Sprint(q.Mode, q.Queue.QueueID))
		}
		return out
	}
	f := func(client, topic string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, ask(client, topic)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", client, topic, diff)
		}
	}
	f("c1", "T", "PULL0", "PULL1")
	f("c2", "T", "PULL2", "PULL3")
	set := func(code int32, topic string) {
		t.Helper()
		body, _ := json.Marshal(protocol.RequestMode{ConsumerGroup: "g", Topic: topic, Mode: protocol.ModePop})
		a.want(code, a.call(protocol.ReqSetMessageRequestMode, nil, body))
	}
	set(protocol.ResSuccess, "T")
	f("c1", "T", "POP-1")
	f("c2", "T", "POP-1")
	f("c1", "%RETRY%g", "PULL0")
	set(protocol.ResNoPermission, "%RETRY%g")
	set(protocol.ResTopicNotExist, "none")
}

func TestResetOfAGroupThatPops(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.send("T", 0, "", "a")
	p.send("T", 0, "", "b")
	old := p.pop(t, "g", "T", -1, nil)
	reset := fields{"topic": "T", "group": "g", "timestamp": "0", "isForce": "true", "queueId": "0", "offset": "1"}
	p.want(protocol.ResSuccess, p.call(protocol.ReqInvokeBrokerToResetOffset, reset, nil))
	if got := names(p.pop(t, "g", "T", -1, nil)); got != "b" {
		t.Errorf("after a reset to 1 comes %s", got)
	}
	p.ack(t, "g", old...) // of before the reset
	if c, _ := n.store.PopCounts("g", message.Queue{Topic: "T"}); c.Base > 2 {
		t.Errorf("counts %+v", c)
	}
}

func TestPopOfRetryTopicsOfBothNames(t *testing.T) {
	n := newNode(t, func(o *Options, so *store.Options) { o.Pop.RetryTopicV2, so.RetryTopicV2 = true, true })
	p := n.dial()
	n.topic("T", 1)
	n.topic("%RETRY%g_T", 1)
	p.send("T", 0, "", "m")
	p.send("%RETRY%g_T", 0, "", "old")
	first := p.pop(t, "g", "T", -1, nil)
	if got := names(first); got != "m old" || !strings.Contains(first[1].handle, " 1 broker-a") {
		t.Fatalf("popped %s, %+v", got, first)
	}
	p.want(protocol.ResSuccess, p.call(protocol.ReqChangeMessageInvisibleTime, first[0].fields(t, "g").with(fields{"invisibleTime": "1"}), nil))
	again := p.pop(t, "g", "T", -1, fields{"pollTime": "10000"})
	if len(again) != 1 || !strings.Contains(again[0].handle, " 2 broker-a") || again[0].fields(t, "g")["topic"] != "%RETRY%g+T" {
		t.Fatalf("what comes again is %+v", again)
	}
	p.ack(t, "g", again[0], first[1])
	if n, err := n.store.PopAudit(); n != 0 || err != nil {
		t.Errorf("%d in flight, %v", n, err)
	}
}

func TestWhereAGroupBeginsIsSettledByItsFirstPop(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.MemoryWindow = 1 })
	p := n.dial()
	n.topic("T", 1)
	for i := range 3 {
		p.send("T", 0, "", fmt.Sprint("old", i))
	}
	if got := names(p.pop(t, "g", "T", -1, fields{"initMode": "1"})); got != "old2" {
		t.Errorf("a group that begins at the end gets %s, want the last message", got)
	}
	n.topic("E", 1)
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "E", -1, fields{"initMode": "1"}), nil))
	for i := range 3 {
		p.send("E", 0, "", fmt.Sprint("new", i))
	}
	if got := names(p.pop(t, "g", "E", -1, fields{"initMode": "1"})); got != "new0 new1 new2" {
		t.Errorf("then comes %s", got)
	}
}

func TestTooMuchInFlight(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.Pop.PerQueue = 2 })
	p := n.dial()
	n.topic("T", 1)
	for i := range 3 {
		p.send("T", 0, "", fmt.Sprint("m", i))
	}
	first := p.pop(t, "g", "T", -1, fields{"maxMsgNums": "2"})
	waits := p.start(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "10000"}))
	n.waitPops(1)
	p.ack(t, "g", first[0])
	if got := names(receive(t, <-waits)); got != "m2" {
		t.Errorf("when there is room comes %s", got)
	}
}

func TestPopWithABinaryHead(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.send("T", 0, "", "m")
	code := int32(protocol.ReqPopMessage)
	f := &protocol.Frame{Code: int32(int16(code)), Encoding: protocol.Binary, Version: protocol.CurrentVersion, Fields: wire(popFields("g", "T", -1, nil))}
	if got := names(receive(t, p.callFrame(f))); got != "m" {
		t.Errorf("popped %s", got)
	}
}

func TestPeekTakesNothing(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 2)
	peek := fields{"consumerGroup": "g", "topic": "T", "queueId": "-1", "maxMsgNums": "10"}
	p.want(protocol.ResPullNotFound, p.call(protocol.ReqPeekMessage, peek, nil))
	p.send("T", 0, "", "a")
	p.send("T", 1, "", "b")
	for range 2 {
		got := bodies(t, p.want(protocol.ResSuccess, p.call(protocol.ReqPeekMessage, peek, nil)).Body)
		slices.Sort(got)
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			t.Error(diff)
		}
	}
	if got := names(p.pop(t, "g", "T", -1, nil)); got != "a b" {
		t.Errorf("popped %s", got)
	}
}

func TestPopsThatWaitAreAnsweredAtTheEnd(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	pop := p.start(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "60000"}))
	told := p.start(protocol.ReqNotification, fields{"consumerGroup": "g", "topic": "T", "queueId": "-1", "pollTime": "60000", "bornTime": "0"})
	n.waitPops(2)
	n.pops.Drain()
	if f := <-pop; f.Code != protocol.ResPollingTimeout {
		t.Errorf("the pop is answered with %d", f.Code)
	}
	if f := <-told; f.Fields.String("hasMsg") != "false" {
		t.Errorf("notified of %v", f.Fields)
	}
	p.want(protocol.ResPollingFull, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, fields{"pollTime": "60000"}), nil))
}

func TestGroupThatNobodyKnowsAcknowledges(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.send("T", 0, "", "m")
	m := p.pop(t, "g", "T", -1, nil)[0]
	p.ack(t, "unknown", m)
	p.want(protocol.ResSuccess, p.call(protocol.ReqChangeMessageInvisibleTime, m.fields(t, "unknown").with(fields{"invisibleTime": "1000"}), nil))
	if c, _ := n.store.PopCounts("g", message.Queue{Topic: "T"}); c.InFlight != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestPopIsRefused(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 2)
	f := func(code int32, more fields) {
		t.Helper()
		p.want(code, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, more), nil))
	}
	f(protocol.ResTopicNotExist, fields{"topic": "none"})
	f(protocol.ResInvalidParameter, fields{"queueId": "2"})
	f(protocol.ResInvalidParameter, fields{"maxMsgNums": "33"})
	f(protocol.ResPollingTimeout, fields{"bornTime": "1000", "pollTime": "1000"})
	f(protocol.ResSubscriptionParseFailed, fields{"expType": "SQL92", "exp": "a >"})
	f(protocol.ResTopicNotExist, fields{"topic": message.TopicState})
}

// topic makes a topic with so many queues.
func (n *node) topic(name string, queues int32) {
	n.t.Helper()
	if err := n.store.PutTopic(n.t.Context(), plainTopic(name, queues)); err != nil {
		n.t.Fatal(err)
	}
}

// A pop of all queues takes a part of each where its group begins, and a state record holds so many of them.
func TestPopOfMoreQueuesThanARecordTakes(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	const queues = 2*pop.MaxParts + 1
	n.topic("T", queues)
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, nil), nil))
	for id := range queues {
		if _, begun := n.store.Offset("g", message.Queue{Topic: "T", ID: message.QueueID(id)}); !begun {
			t.Errorf("the group has not begun with queue %d", id)
		}
		p.want(protocol.ResSuccess, p.send("T", id, "", fmt.Sprint(id)))
	}
	seen := map[string]bool{}
	for range queues/pop.MaxMessages + 1 {
		for _, m := range p.pop(t, "g", "T", -1, nil) {
			seen[m.body] = true
		}
	}
	if len(seen) != queues {
		t.Errorf("%d messages of %d queues are popped", len(seen), queues)
	}
}
