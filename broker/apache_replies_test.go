package broker

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheWithReplies compares request-reply, queries by several keys, and what is asked of members, see apache_test.go.
// testdata/apache_replies.txt is recorded in the same way, with RocketMQ's default configuration.
func TestAsApacheWithReplies(t *testing.T) {
	compareWithApache(t, "testdata/apache_replies.txt", (*replay).repliesAndMoves, func(*Options, *store.Options) {})
}

// TestAsApacheWithClientReset compares what is answered where members reset their offsets themselves;
// testdata/apache_client_reset.txt is recorded with useServerSideResetOffset=false.
func TestAsApacheWithClientReset(t *testing.T) {
	compareWithApache(t, "testdata/apache_client_reset.txt", (*replay).clientReset, func(o *Options, _ *store.Options) { o.ClientSideReset = true })
}

func (r *replay) repliesAndMoves() {
	r.replies()
	r.manyKeys()
	r.setUpMoves()
	r.moves()
	r.clones()
	r.statuses()
	r.deadSends()
}

const producerBeat = `{"clientID":%q,"producerDataSet":[{"groupName":%q}],"consumerDataSet":[]}`

// push writes a reply, lets the client that asked answer it with the code, and notes what both got.
func (r *replay) push(name string, code int32, fs fields, body string, accept int32) {
	r.t.Helper()
	opaque := r.conn("main").write(&protocol.Frame{Code: code, Fields: wire(fs), Body: []byte(body)})
	asker := r.conn("asker")
	f := asker.next(3*time.Second, func(f *protocol.Frame) bool { return !f.IsResponse() && f.Code == protocol.ReqPushReplyMessageToClient })
	if f == nil {
		r.keep(name+" pushed", "nothing\n")
	} else {
		out := f.Reply(accept, "")
		if _, err := asker.nc.Write(protocol.AppendFrame(nil, &out)); err != nil {
			r.t.Fatal(err)
		}
		r.keep(name+" pushed", steadyPush(observe(r.t, f)))
	}
	r.note(name, r.conn("main").answer(opaque))
}

// steadyPush takes from a pushed reply what differs from run to run, and the order of its properties.
func steadyPush(block string) string {
	block = regexp.MustCompile(`(field (?:bornHost|storeHost|storeTimestamp))=.*`).ReplaceAllString(block, "$1=any")
	block = regexp.MustCompile("PUSH_REPLY_TIME\x01\\d+").ReplaceAllString(block, "PUSH_REPLY_TIME\x01now")
	return regexp.MustCompile(`field properties=.*`).ReplaceAllStringFunc(block, func(l string) string {
		pairs := strings.Split(strings.Trim(strings.TrimPrefix(l, "field properties="), "\x02"), "\x02")
		slices.Sort(pairs)
		return "field properties=" + readable([]byte(strings.Join(pairs, "\x02")))
	})
}

func (r *replay) replies() {
	r.on("asker", "34 asker", 34, nil, fmt.Sprintf(producerBeat, "asker@1", "PA"))
	const topic, to = "DefaultCluster_REPLY_TOPIC", "REPLY_TO_CLIENT=asker@1 CORRELATION_ID=7 MSG_TYPE=reply"
	const uniq = " UNIQ_KEY=7F00000100002A139A5516DCA8E40011"
	r.push("325 taken", 325, sendFields(topic, 0, to+uniq), "reply", 0)
	r.push("324 taken", 324, sendv1(topic, 0).with(fields{"properties": string(props(to))}), "reply one", 0)
	r.push("325 refused by the client", 325, sendFields(topic, 0, to), "reply", 1)
	r.push("325 any queue", 325, sendFields(topic, -1, to), "reply", 0)
	r.push("325 again and unit mode", 325, sendFields(topic, 0, to).with(fields{"j": "3", "k": "true"}), "reply", 0)
	r.push("325 no body", 325, sendFields(topic, 0, to), "", 0)
	r.push("325 other topic", 325, sendFields("Treply", 1, to), "reply", 0)
	r.filled("Treply", "1", "1")
	r.do("325 to nobody", 325, sendFields(topic, 0, "REPLY_TO_CLIENT=nobody@1"), "reply")
	r.do("325 no client", 325, sendFields(topic, 0, "CORRELATION_ID=7"), "reply")
	r.do("325 bad topic", 325, sendFields("a b", 0, to), "reply")
	r.do("325 forbidden topic", 325, sendFields("SCHEDULE_TOPIC_XXXX", 0, to), "reply")
	r.do("325 no such queue", 325, sendFields(topic, 99, to), "reply")
	r.do("325 no fields", 325, nil, "reply")
	r.do("11 stored replies", 11, pullFields("G", topic, 0, 0), "")
	r.do("11 stored reply elsewhere", 11, pullFields("G", "Treply", 1, 0), "")
	r.do("351 made by a reply", 351, fields{"topic": "Treply"}, "")
	r.on("asker", "35 asker", 35, fields{"clientID": "asker@1", "producerGroup": "PA"}, "")
	r.do("325 asker gone", 325, sendFields(topic, 0, to), "reply")
}

// manyKeys asks for messages that share their keys.
func (r *replay) manyKeys() {
	r.do("17 keys", 17, makeFields("Tkeys", 2, 6), "")
	for i := range 5 {
		fs := sendFields("Tkeys", i%2, fmt.Sprintf("KEYS=all~k%d TAGS=t%d UNIQ_KEY=7F00000100002A139A5516DCA8E4010%d", i, i%2, i))
		fs["i"] = strings.ReplaceAll(fs["i"], "~", " ")
		r.do(fmt.Sprint("310 keys ", i), 310, fs, fmt.Sprint("m", i))
	}
	q := func(key string, more fields) fields {
		return fields{"topic": "Tkeys", "key": key, "maxNum": "32", "beginTimestamp": "0", "endTimestamp": "9999999999999"}.with(more)
	}
	r.until(12, q("k4", nil), func(f *protocol.Frame) bool { return f.Code == 0 })
	r.do("12 all", 12, q("all", nil), "")
	r.do("12 newest two", 12, q("all", fields{"maxNum": "2"}), "")
	r.do("12 type K", 12, q("k1", fields{"indexType": "K"}), "")
	r.do("12 type U", 12, q("7F00000100002A139A5516DCA8E40103", fields{"indexType": "U"}), "")
	r.do("12 type U with a key", 12, q("k1", fields{"indexType": "U"}), "")
	r.do("12 type T", 12, q("t1", fields{"indexType": "T"}), "")
	r.do("12 type T newest", 12, q("t0", fields{"indexType": "T", "maxNum": "2"}), "")
	r.do("12 type T none", 12, q("t9", fields{"indexType": "T"}), "")
	r.do("12 tag as key", 12, q("t1", nil), "")
	r.do("12 odd type", 12, q("k1", fields{"indexType": "X"}), "")
	r.do("12 later", 12, q("all", fields{"beginTimestamp": "9999999999998"}), "")
	r.do("12 earlier", 12, q("all", fields{"endTimestamp": "1000000000000"}), "")
	r.do("12 negative max", 12, q("all", fields{"maxNum": "-1"}), "")
	r.do("12 last key", 12, q("all", fields{"lastKey": "x"}), "")
}

func memberBeat(client, group string, topics ...string) string {
	var subs []string
	for _, t := range append(topics, message.RetryTopic(group)) {
		subs = append(subs, fmt.Sprintf(`{"topic":%q,"subString":"*","subVersion":1,"expressionType":"TAG","classFilterMode":false,"tagsSet":[],"codeSet":[]}`, t))
	}
	return fmt.Sprintf(`{"clientID":%q,"producerDataSet":[],"consumerDataSet":[{"groupName":%q,"consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","unitMode":false,`+
		`"subscriptionDataSet":[%s]}],"heartbeatFingerprint":0,"withoutSub":false}`, client, group, strings.Join(subs, ","))
}

func (r *replay) setUpMoves() {
	r.do("17 moves", 17, makeFields("Tmove", 2, 6), "")
	r.do("17 more reads", 17, makeFields("Tmore", 1, 6).with(fields{"readQueueNums": "3"}), "")
	r.do("17 moves too", 17, makeFields("Tmove2", 1, 6), "")
	for _, g := range []string{"Gmove", "Gcopy", "Gon"} {
		r.do("200 "+g, 200, nil, groupBody(g, nil))
	}
	for i := range 6 {
		r.do(fmt.Sprint("310 moves ", i), 310, sendFields("Tmove", i%2, ""), "m")
	}
	r.do("310 moves too", 310, sendFields("Tmove2", 0, ""), "m")
	r.filled("Tmove", "0", "3")
	r.filled("Tmove", "1", "3")
	r.filled("Tmove2", "0", "1")
}

func (r *replay) moves() {
	reset := func(name string, more fields) {
		r.do("222 "+name, 222, fields{"topic": "Tmove", "group": "Gmove", "timestamp": "-1", "isForce": "true"}.with(more), "")
	}
	at := func(name, group, queue string) {
		r.do("14 "+name, 14, fields{"consumerGroup": group, "topic": "Tmove", "queueId": queue, "setZeroIfNotFound": "false"}, "")
	}
	reset("one queue to the end", fields{"queueId": "0"})
	at("0 after one queue", "Gmove", "0")
	at("1 after one queue", "Gmove", "1")
	reset("one queue to an offset", fields{"queueId": "0", "offset": "2"})
	at("0 after an offset", "Gmove", "0")
	reset("offset at the end", fields{"queueId": "0", "offset": "3"})
	reset("offset one behind the end", fields{"queueId": "0", "offset": "4"})
	reset("offset far behind the end", fields{"queueId": "0", "offset": "9"})
	reset("offset -1", fields{"queueId": "0", "offset": "-1"})
	reset("offset of all", fields{"offset": "1"})
	at("1 after an offset of all", "Gmove", "1")
	reset("queue 9", fields{"queueId": "9"})
	reset("time 0", fields{"timestamp": "0"})
	reset("a late time", fields{"timestamp": "9999999999999"})
	at("0 after a late time", "Gmove", "0")
	reset("time -5", fields{"timestamp": "-5"})
	reset("more reads", fields{"topic": "Tmore"})
	reset("unknown group", fields{"group": "Gnever"})
	reset("no force", fields{"timestamp": "0"})
	reset("no force back", fields{"isForce": "false"})
	r.on("mover", "34 member", 34, nil, memberBeat("m1", "Gon", "Tmove"))
	drainTold(r, "mover")
	r.on("mover", "15 member", 15, fields{"consumerGroup": "Gon", "topic": "Tmove", "queueId": "0", "commitOffset": "3"}, "")
	reset("of a member", fields{"group": "Gon", "timestamp": "0"})
	r.told("220 on the server's side", "mover")
	r.on("mover", "15 between", 15, fields{"consumerGroup": "Gon", "topic": "Tmove", "queueId": "0", "commitOffset": "3"}, "")
	at("0 between", "Gon", "0")
	r.on("mover", "11 moved", 11, pullFields("Gon", "Tmove", 0, 3), "")
	r.on("mover", "11 goes on", 11, pullFields("Gon", "Tmove", 0, 0), "")
	r.on("mover", "15 afterwards", 15, fields{"consumerGroup": "Gon", "topic": "Tmove", "queueId": "0", "commitOffset": "1"}, "")
	at("0 afterwards", "Gon", "0")
}

func (r *replay) clones() {
	clone := func(name string, fs fields) {
		r.do("314 "+name, 314, fields{"srcGroup": "Gmove", "destGroup": "Gcopy", "topic": "Tmove", "offline": "true"}.with(fs), "")
	}
	at := func(name, group, topic, queue string) {
		r.do("14 "+name, 14, fields{"consumerGroup": group, "topic": topic, "queueId": queue, "setZeroIfNotFound": "false"}, "")
	}
	r.do("15 to clone", 15, fields{"consumerGroup": "Gmove", "topic": "Tmove", "queueId": "0", "commitOffset": "2"}, "")
	r.call("main", 11, pullFields("Gmove", "Tmove", 0, 0), "")
	r.call("main", 11, pullFields("Gmove", "Tmove", 1, 0), "")
	r.do("15 to clone 0", 15, fields{"consumerGroup": "Gmove", "topic": "Tmove", "queueId": "0", "commitOffset": "2"}, "")
	r.do("15 to clone 1", 15, fields{"consumerGroup": "Gmove", "topic": "Tmove", "queueId": "1", "commitOffset": "1"}, "")
	r.do("15 to clone too", 15, fields{"consumerGroup": "Gmove", "topic": "Tmove2", "queueId": "0", "commitOffset": "1"}, "")
	clone("topic", nil)
	at("copy 0", "Gcopy", "Tmove", "0")
	at("copy 1", "Gcopy", "Tmove", "1")
	r.do("11 copy", 11, pullFields("Gcopy", "Tmove", 0, 2), "")
	clone("all topics", fields{"topic": ""})
	at("copy of all", "Gcopy", "Tmove2", "0")
	clone("unknown source", fields{"srcGroup": "Gnever"})
	clone("unknown topic", fields{"topic": "Tnever"})
	clone("unknown destination", fields{"destGroup": "Gfresh"})
	at("fresh copy", "Gfresh", "Tmove", "1")
	clone("not subscribed", fields{"srcGroup": "Gon", "destGroup": "Gcopy", "topic": "Tmove2", "offline": "false"})
	r.do("314 no source", 314, fields{"destGroup": "Gcopy"}, "")
	r.do("314 no fields", 314, nil, "")
}

// statuses asks a member for its offsets by way of the broker.
func (r *replay) statuses() {
	status := func(name string, asked bool, fs fields, answer string) {
		r.t.Helper()
		opaque := r.conn("main").write(&protocol.Frame{Code: 223, Fields: wire(fields{"topic": "Tmove", "group": "Gon"}.with(fs))})
		if asked {
			f := r.conn("mover").next(answerLimit, func(f *protocol.Frame) bool {
				return !f.IsResponse() && f.Code == protocol.ReqGetConsumerStatusFromClient
			})
			if f == nil {
				r.t.Fatalf("223 %s: the member is not asked", name)
			}
			r.note("221 "+name, f)
			out := f.Reply(0, "")
			if answer == "" {
				out.Code = 1
			}
			out.Body = []byte(answer)
			if _, err := r.conn("mover").nc.Write(protocol.AppendFrame(nil, &out)); err != nil {
				r.t.Fatal(err)
			}
		}
		r.note("223 "+name, r.conn("main").answer(opaque))
	}
	const body = `{"consumerTable":{},"messageQueueTable":{{"brokerName":"broker-a","queueId":0,"topic":"Tmove"}:5}}`
	status("all", true, nil, body)
	status("by name", true, fields{"clientAddr": "m1"}, body)
	status("another", false, fields{"clientAddr": "m2"}, body)
	status("refused", true, nil, "")
	status("nobody online", false, fields{"group": "Gcopy"}, "")
	r.do("223 no group", 223, fields{"topic": "Tmove"}, "")
}

// deadSends sends to retry topics, as consumers do whose send-back has failed.
func (r *replay) deadSends() {
	r.do("200 limit 1", 200, nil, groupBody("Glim", map[string]any{"retryMaxTimes": 1}))
	const again = "RETRY_TOPIC=Tmove ORIGIN_MESSAGE_ID=7F00000100002A9F0000000000000001"
	for _, c := range []struct{ name, times, limit string }{{"first", "1", ""}, {"over the group's limit", "2", ""}, {"under its own limit", "2", "5"}, {"over its own limit", "6", "5"},
		{"own limit 0", "1", "0"}, {"own limit -1", "0", "-1"}} {
		fs := sendFields("%RETRY%Glim", 0, again).with(fields{"j": c.times})
		if c.limit != "" {
			fs["l"] = c.limit
		}
		r.do("310 retry "+c.name, 310, fs, c.name)
	}
	r.filled("%DLQ%Glim", "0", "4")
	r.do("11 retries", 11, pullFields("G", "%RETRY%Glim", 0, 0), "")
	r.do("11 dead", 11, pullFields("G", "%DLQ%Glim", 0, 0), "")
}

func (r *replay) clientReset() {
	r.setUpMoves()
	reset := func(name string, more fields) {
		r.do("222 "+name, 222, fields{"topic": "Tmove", "group": "Gon", "timestamp": "-1", "isForce": "true"}.with(more), "")
	}
	reset("without offsets", nil)
	for _, q := range []string{"0", "1"} {
		r.do("15 "+q, 15, fields{"consumerGroup": "Gon", "topic": "Tmove", "queueId": q, "commitOffset": "2"}, "")
	}
	reset("nobody online", nil)
	r.on("mover", "34 member", 34, nil, memberBeat("m1", "Gon", "Tmove"))
	drainTold(r, "mover")
	reset("to the end", nil)
	r.told("220 to the end", "mover")
	reset("to the beginning", fields{"timestamp": "0"})
	r.told("220 to the beginning", "mover")
	reset("not forced forth", fields{"isForce": "false"})
	r.told("220 not forced forth", "mover")
	reset("not forced back", fields{"isForce": "false", "timestamp": "0"})
	r.told("220 not forced back", "mover")
	r.do("14 untouched", 14, fields{"consumerGroup": "Gon", "topic": "Tmove", "queueId": "0"}, "")
	reset("unknown topic", fields{"topic": "Tnever"})
	c := r.conn("main")
	r.note("222 from C++", c.answer(c.write(&protocol.Frame{Code: 222, Language: protocol.LanguageCPP, Fields: wire(fields{"topic": "Tmove", "group": "Gon", "timestamp": "-1", "isForce": "true"})})))
	r.told("220 from C++", "mover")
}
