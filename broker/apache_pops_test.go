package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheWithPops compares what consumers that pop are answered, see apache_test.go; the file is recorded with the settings
// of apache_filters.txt.
func TestAsApacheWithPops(t *testing.T) {
	compareWithApache(t, "testdata/apache_pops.txt", (*replay).pops, func(*Options, *store.Options) {})
}

func (r *replay) pops() {
	r.do("17", 17, makeFields("Tpop", 1, 6), "")
	r.do("17 ordered", 17, makeFields("Tfifo", 1, 6), "")
	r.do("17 deaf", 17, makeFields("Tdeaf", 1, 2), "")
	r.do("200", 200, nil, groupBody("G", nil))
	r.do("200 off", 200, nil, groupBody("Goff", map[string]any{"consumeEnable": false}))
	r.popRefusals()
	r.popPlain()
	r.popOrdered()
	r.popRetry()
	r.popWaits()
	r.requestModes()
	r.assignments()
}

func (r *replay) popRefusals() {
	f := func(name string, more fields) { r.do("200050 "+name, 200050, popFields("G", "Tpop", 0, more), "") }
	f("no topic", fields{"topic": "none"})
	f("deaf", fields{"topic": "Tdeaf"})
	f("group off", fields{"consumerGroup": "Goff"})
	f("queue", fields{"queueId": "1"})
	f("too many", fields{"maxMsgNums": "33"})
	f("too late", fields{"bornTime": "1000", "pollTime": "1000"})
	f("bad expression", fields{"expType": "SQL92", "exp": "a > > 1"})
	f("nothing", nil)
	g := func(name string, code int32, more fields) {
		r.do(fmt.Sprint(code, " ", name), code, fields{"consumerGroup": "G", "topic": "Tpop", "queueId": "0", "maxMsgNums": "2", "pollTime": "0", "bornTime": "0"}.with(more), "")
	}
	for _, code := range []int32{protocol.ReqPeekMessage, protocol.ReqNotification, protocol.ReqPollingInfo} {
		g("no topic", code, fields{"topic": "none"})
		g("deaf", code, fields{"topic": "Tdeaf"})
		g("group off", code, fields{"consumerGroup": "Goff"})
		g("queue", code, fields{"queueId": "1"})
		g("nothing", code, nil)
	}
}

// handle is what a client acknowledges a message of a pop's answer with.
func (r *replay) handle(f *protocol.Frame, group, topic string, off int64) fields {
	r.t.Helper()
	var h protocol.PopMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		r.t.Fatal(err)
	}
	starts, err := protocol.ParseStartOffsets(h.StartOffsetInfo)
	if err != nil {
		r.t.Fatal(err)
	}
	k := protocol.PopHandle{StartOffset: starts[protocol.PopQueueKey(protocol.PopNormal, 0)], PopTime: h.PopTime, InvisibleTime: h.InvisibleTime,
		ReviveQueue: h.ReviveQueue, BrokerName: "broker-a", QueueOffset: off, CommitLogOffset: -1}
	return fields{"consumerGroup": group, "topic": topic, "queueId": "0", "extraInfo": string(k.Append(nil)), "offset": fmt.Sprint(off)}
}

func (r *replay) popPlain() {
	for i, tag := range []string{"a", "b", "a", "a", "b", "a"} {
		r.do(fmt.Sprint("310 ", i), 310, sendFields("Tpop", 0, "TAGS="+tag), fmt.Sprint("p", i))
	}
	r.filled("Tpop", "0", "6")
	look := fields{"consumerGroup": "G", "topic": "Tpop", "queueId": "0", "maxMsgNums": "2", "pollTime": "0", "bornTime": "0"}
	r.do("200052 two", 200052, look, "")
	r.do("200054 some", 200054, look, "")
	first := r.do("200050 two", 200050, popFields("G", "Tpop", 0, fields{"maxMsgNums": "2"}), "")
	second := r.do("200050 by tag", 200050, popFields("G", "Tpop", -1, fields{"exp": "a"}), "")
	r.do("200050 all are out", 200050, popFields("G", "Tpop", 0, nil), "")
	r.do("200054 none left", 200054, look, "")
	r.do("200052 none left", 200052, look, "")

	ack := func(name string, fs, more fields) { r.do("200051 "+name, 200051, fs.with(more), "") }
	one := r.handle(first, "G", "Tpop", 0)
	ack("one", one, nil)
	ack("once more", one, nil)
	ack("no topic", one, fields{"topic": "none"})
	ack("queue", one, fields{"queueId": "1"})
	ack("offset", one, fields{"offset": "7"})
	ack("the end", one, fields{"offset": "6"})
	ack("bad handle", one, fields{"extraInfo": "1 2 3"})

	var h protocol.PopMessageResponseHeader
	if err := h.Decode(second.Fields); err != nil {
		r.t.Fatal(err)
	}
	batch := protocol.BatchAckRequest{BrokerName: "broker-a", Acks: []protocol.BatchAck{{ConsumerGroup: "G", Topic: "Tpop", Retry: "0", StartOffset: 2,
		ReviveQueue: h.ReviveQueue, PopTime: h.PopTime, InvisibleTime: h.InvisibleTime, Bits: protocol.BitSet{3}}}}
	body, err := json.Marshal(batch)
	if err != nil {
		r.t.Fatal(err)
	}
	r.do("200151", 200151, nil, string(body))
	r.do("200151 empty", 200151, nil, "")

	change := func(name string, fs, more fields) {
		r.do("200053 "+name, 200053, fs.with(fields{"invisibleTime": "90000"}).with(more), "")
	}
	two := r.handle(first, "G", "Tpop", 1)
	change("one", two, nil)
	change("once more", two, nil)
	change("no topic", two, fields{"topic": "none"})
	change("queue", two, fields{"queueId": "1"})
	change("the end", two, fields{"offset": "6"})
	change("bad handle", two, fields{"extraInfo": "1 2 3"})
}

func (r *replay) popOrdered() {
	for i := range 5 {
		r.do(fmt.Sprint("310 fifo ", i), 310, sendFields("Tfifo", 0, ""), fmt.Sprint("f", i))
	}
	r.filled("Tfifo", "0", "5")
	p := func(name, attempt string, max int) *protocol.Frame {
		return r.do("200050 fifo "+name, 200050, popFields("G", "Tfifo", 0, fields{"order": "true", "attemptId": attempt, "maxMsgNums": fmt.Sprint(max)}), "")
	}
	p("first", "one", 2)
	p("blocked", "two", 2)
	r.do("200054 fifo blocked", 200054, fields{"consumerGroup": "G", "topic": "Tfifo", "queueId": "0", "pollTime": "0", "bornTime": "0", "order": "true", "attemptId": "two"}, "")
	first := p("same attempt", "one", 2)
	r.do("200051 fifo", 200051, r.handle(first, "G", "Tfifo", 0), "")
	r.do("200051 fifo once more", 200051, r.handle(first, "G", "Tfifo", 0), "")
	r.do("200051 fifo not popped", 200051, r.handle(first, "G", "Tfifo", 3), "")
	r.do("200053 fifo", 200053, r.handle(first, "G", "Tfifo", 1).with(fields{"invisibleTime": "0"}), "")
	second := p("second", "three", 2)
	for _, off := range []int64{1, 2} {
		r.do(fmt.Sprint("200051 fifo ", off), 200051, r.handle(second, "G", "Tfifo", off), "")
	}
	p("rest", "four", 32)
}

// popRetry lets a message come again.
func (r *replay) popRetry() {
	r.do("17 again", 17, makeFields("Tagain", 1, 6), "")
	r.do("310 again", 310, sendFields("Tagain", 0, "TAGS=a KEYS=k mine=x"), "again")
	r.filled("Tagain", "0", "1")
	r.do("200050 again, first", 200050, popFields("G", "Tagain", 0, fields{"invisibleTime": "2000"}), "")
	p := popFields("G", "Tagain", 0, fields{"pollTime": "1000"})
	var second *protocol.Frame
	r.until(200050, p, func(f *protocol.Frame) bool { second = f; return f.Code == 0 })
	r.note("200050 again, second", second)
	for _, rec := range records(r.t, second.Body) {
		h, err := protocol.ParsePopHandle(rec.Properties.GetString(message.PropPopCheckpoint))
		if err != nil {
			r.t.Fatal(err)
		}
		r.do("200051 again", 200051, fields{"consumerGroup": "G", "topic": "%RETRY%G_Tagain", "queueId": "0", "offset": fmt.Sprint(h.QueueOffset),
			"extraInfo": string(h.Append(nil))}, "")
	}
}

func (r *replay) popWaits() {
	hold := func(conn string, more fields) int32 {
		return r.conn(conn).write(&protocol.Frame{Code: 200050, Fields: wire(popFields("G", "Tpop", 0, fields{"pollTime": "10000"}).with(more))})
	}
	one, short := hold("h1", fields{"exp": "c"}), hold("h2", fields{"exp": "d", "pollTime": "3000"})
	for _, conn := range []string{"h1", "h2", "h1", "h2"} {
		r.call(conn, 31, fields{"topic": "Tpop", "queueId": "0"}, "") // by then the pops wait
	}
	r.until(200055, fields{"consumerGroup": "G", "topic": "Tpop", "queueId": "0"}, func(f *protocol.Frame) bool { return f.Fields.String("pollingNum") == "2" })
	r.do("310 wanted", 310, sendFields("Tpop", 0, "TAGS=c"), "w")
	r.note("200050 woken", r.conn("h1").answer(one))
	r.note("200050 time is up", r.conn("h2").answer(short))
}

func (r *replay) requestModes() {
	set := func(name, topic, group string) {
		body, _ := json.Marshal(protocol.RequestMode{ConsumerGroup: group, Topic: topic, Mode: protocol.ModePop})
		r.do("401 "+name, 401, nil, string(body))
	}
	ask := func(name, client, strategy, topic string) {
		body, _ := json.Marshal(protocol.QueryAssignmentRequest{ClientID: client, ConsumerGroup: "G", Topic: topic, StrategyName: strategy, MessageModel: protocol.ModelClustering})
		r.do("400 "+name, 400, nil, string(body))
	}
	set("no topic", "none", "G")
	set("no group", "Tpop", "none")
	set("retry topic", "%RETRY%G", "G")
	ask("no such strategy", "c", "MINE", "Tpop")
	set("good", "Tpop", "G")
}

// assignments has two members ask for their queues.
func (r *replay) assignments() {
	r.do("17 shared", 17, makeFields("Tshare", 5, 6), "")
	r.do("200 sharing", 200, nil, groupBody("Gshare", nil))
	for _, member := range []string{"m2", "m1"} {
		r.on(member, "34 "+member, 34, nil, memberBeat(member, "Gshare", "Tshare"))
	}
	body := func(client, strategy, model, topic, group string) string {
		b, err := json.Marshal(protocol.QueryAssignmentRequest{ClientID: client, ConsumerGroup: group, Topic: topic, StrategyName: strategy, MessageModel: model})
		if err != nil {
			r.t.Fatal(err)
		}
		return string(b)
	}
	const average, circle, shared, everybody = "AVG", "AVG_BY_CIRCLE", protocol.ModelClustering, protocol.ModelBroadcasting
	first := body("m1", average, shared, "Tshare", "Gshare")
	for end := time.Now().Add(answerLimit); len(r.assigned(r.call("main", 400, nil, first))) == 0; { // RocketMQ asks its NameServer for the queues
		if time.Now().After(end) {
			r.t.Fatal("no queues are assigned")
		}
	}
	ask := func(name, client, strategy, model, topic, group string) {
		r.t.Helper()
		f := r.call("main", 400, nil, body(client, strategy, model, topic, group))
		r.keep("400 "+name, observe(r.t, f)+strings.Join(r.assigned(f), ""))
	}
	both := func(name string) {
		r.t.Helper()
		ask(name+", first", "m1", average, shared, "Tshare", "Gshare")
		ask(name+", second", "m2", average, shared, "Tshare", "Gshare")
		ask(name+" in a circle", "m1", circle, shared, "Tshare", "Gshare")
		ask(name+", a stranger", "m9", average, shared, "Tshare", "Gshare")
		ask(name+", broadcasting", "m1", average, everybody, "Tshare", "Gshare")
	}
	both("pulled")
	ask("retry topic", "m1", average, shared, "%RETRY%Gshare", "Gshare")
	ask("no members", "m1", average, shared, "Tshare", "Gnobody")
	ask("no topic", "m1", average, shared, "Tnone", "Gshare")
	ask("write only", "m1", average, shared, "Tdeaf", "Gshare")
	for _, share := range []int32{0, 1, -1} {
		mode, err := json.Marshal(protocol.RequestMode{ConsumerGroup: "Gshare", Topic: "Tshare", Mode: protocol.ModePop, PopShareQueueNum: share})
		if err != nil {
			r.t.Fatal(err)
		}
		r.do(fmt.Sprint("401 share ", share), 401, nil, string(mode))
		both(fmt.Sprint("popped, share ", share))
	}
	r.on("m3", "34 m3", 34, nil, memberBeat("m3", "Gshare", "Tshare"))
	r.do("401 share 1 of three", 401, nil, `{"consumerGroup":"Gshare","topic":"Tshare","mode":"POP","popShareQueueNum":1}`)
	for _, member := range []string{"m1", "m2", "m3"} {
		ask("popped by three, "+member, member, average, shared, "Tshare", "Gshare")
	}
	r.do("400 no body", 400, nil, "")
	r.do("400 bad body", 400, nil, "{")
}

// assigned are the queues in an answer to a request for some, sorted: RocketMQ's have no order.
func (r *replay) assigned(f *protocol.Frame) (lines []string) {
	r.t.Helper()
	var list protocol.QueryAssignmentResponse
	if err := protocol.UnmarshalBody(f.Body, &list); err != nil {
		r.t.Fatalf("assignments %s: %v", f.Body, err)
	}
	for _, a := range list.Assignments {
		lines = append(lines, fmt.Sprintf("assignment %s %s %s/%d %v\n", a.Mode, a.Queue.BrokerName, a.Queue.Topic, a.Queue.QueueID, a.Attachments))
	}
	slices.Sort(lines)
	return lines
}
