package broker

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

func (r *replay) script() {
	r.setUp()
	r.sends()
	r.batches()
	r.offsets()
	r.pulls()
	r.clients()
	r.holds()
	r.returns()
	r.locks()
	r.queries()
	r.admin()
	r.frames()
}

func makeFields(name string, queues, perm int) fields {
	return fields{"topic": name, "defaultTopic": "TBW102", "readQueueNums": fmt.Sprint(queues), "writeQueueNums": fmt.Sprint(queues), "perm": fmt.Sprint(perm),
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}
}

func groupBody(name string, more map[string]any) string {
	g := map[string]any{"groupName": name, "consumeEnable": true, "consumeFromMinEnable": true, "consumeBroadcastEnable": true, "consumeMessageOrderly": false,
		"retryQueueNums": 1, "retryMaxTimes": 16, "brokerId": 0, "whichBrokerWhenConsumeSlowly": 1, "notifyConsumerIdsChangedEnable": true, "groupSysFlag": 0, "consumeTimeoutMinute": 15}
	maps.Copy(g, more)
	b, err := json.Marshal(g)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (r *replay) setUp() {
	r.do("17 plain", 17, makeFields("T", 4, 6), "")
	r.do("17 again", 17, makeFields("T", 4, 6), "")
	r.do("17 read only", 17, makeFields("Tread", 1, 4), "")
	r.do("17 write only", 17, makeFields("Twrite", 1, 2), "")
	r.do("17 asymmetric", 17, makeFields("Tasym", 1, 6).with(fields{"readQueueNums": "4", "writeQueueNums": "2"}), "")
	r.do("17 ordered", 17, makeFields("Tord", 1, 6).with(fields{"order": "true"}), "")
	r.do("17 multi tag", 17, makeFields("Tmulti", 1, 6).with(fields{"topicFilterType": "MULTI_TAG"}), "")
	r.do("17 bad filter type", 17, makeFields("Tx", 1, 6).with(fields{"topicFilterType": "NONE"}), "")
	r.do("17 bad name", 17, makeFields("a b", 1, 6), "")
	r.do("17 empty name", 17, makeFields("", 1, 6), "")
	r.do("17 long name", 17, makeFields(strings.Repeat("x", 128), 1, 6), "")
	r.do("17 system name", 17, makeFields("TBW102", 1, 6), "")
	r.do("17 system prefix", 17, makeFields("rmq_sys_x", 1, 6), "")
	r.do("17 no queues", 17, makeFields("Tzero", 0, 6), "")
	r.do("17 negative queues", 17, makeFields("Tneg", -1, 6), "")
	r.do("17 perm 0", 17, makeFields("Tperm0", 1, 0), "")
	r.do("17 perm 1", 17, makeFields("Tperm1", 1, 1), "")
	r.do("17 perm 15", 17, makeFields("Tperm15", 1, 15), "")
	r.do("17 perm 99", 17, makeFields("Tperm99", 1, 99), "")
	r.do("17 perm text", 17, makeFields("Tpermx", 1, 6).with(fields{"perm": "x"}), "")
	r.do("17 no fields", 17, nil, "")
	r.do("17 attribute", 17, makeFields("Tattr", 1, 6).with(fields{"attributes": "+message.type=FIFO"}), "")
	r.do("17 attribute unknown", 17, makeFields("Tattr2", 1, 6).with(fields{"attributes": "+a.b=c"}), "")
	r.do("17 attribute no sign", 17, makeFields("Tattr3", 1, 6).with(fields{"attributes": "message.type=FIFO"}), "")
	r.do("17 attribute bad value", 17, makeFields("Tattr4", 1, 6).with(fields{"attributes": "+message.type=NO"}), "")
	r.do("17 attribute deleted at making", 17, makeFields("Tattr5", 1, 6).with(fields{"attributes": "-message.type"}), "")
	r.do("17 retry topic", 17, makeFields("%RETRY%gx", 1, 6), "")

	r.do("200 plain", 200, nil, groupBody("G", nil))
	r.do("200 off", 200, nil, groupBody("Goff", map[string]any{"consumeEnable": false}))
	r.do("200 no retry", 200, nil, groupBody("Gnoretry", map[string]any{"retryQueueNums": 0}))
	r.do("200 two", 200, nil, groupBody("Gtwo", map[string]any{"retryMaxTimes": 2}))
	r.do("200 no broadcast", 200, nil, groupBody("Gnocast", map[string]any{"consumeBroadcastEnable": false}))
	r.do("200 bad name", 200, nil, groupBody("a b", nil))
	r.do("200 empty name", 200, nil, groupBody("", nil))
	r.do("200 long name", 200, nil, groupBody(strings.Repeat("g", 121), nil))
	r.do("200 attribute", 200, nil, groupBody("Gattr", map[string]any{"attributes": map[string]string{"+a.b": "c"}}))
	r.do("200 no body", 200, nil, "")
	r.do("200 bad body", 200, nil, "{")
}

// sendv1 is a send in the form of code 10.
func sendv1(topic string, queue int) fields {
	return fields{"producerGroup": "pg", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": fmt.Sprint(queue), "sysFlag": "0",
		"bornTimestamp": "1700000000000", "flag": "7", "properties": "", "reconsumeTimes": "0", "unitMode": "false", "batch": "false"}
}

func (fs fields) without(names ...string) fields {
	out := maps.Clone(fs)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func (r *replay) sends() {
	v2 := func(topic string, queue int, properties string, more fields) fields {
		return sendFields(topic, queue, properties).with(more)
	}
	r.do("310 plain", 310, v2("T", 0, "", nil), "one")
	r.do("10 plain", 10, sendv1("T", 0), "two")
	r.do("320 no batch", 320, v2("T", 0, "", nil), "three")
	r.do("310 properties", 310, v2("T", 1, "TAGS=a KEYS=k1_k2 WAIT=true mine=x UNIQ_KEY=7F00000100002A139A5516DCA8E40000 CLUSTER=other MSG_REGION=r TRACE_ON=x", nil), "four")
	r.do("310 wait false", 310, v2("T", 1, "WAIT=false", nil), "five")
	r.do("310 trailing less", 310, v2("T", 1, "", fields{"i": "a\x01b\x02c\x01d"}), "six")
	r.do("310 odd properties", 310, v2("T", 1, "", fields{"i": "a\x01\x02noequals\x02\x01v\x02"}), "seven")
	for _, letter := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m"} {
		r.do("310 without "+letter, 310, v2("T", 0, "", nil).without(letter), "x")
	}
	for _, name := range []string{"producerGroup", "topic", "queueId", "sysFlag", "bornTimestamp", "flag", "properties", "reconsumeTimes", "batch"} {
		r.do("10 without "+name, 10, sendv1("T", 0).without(name), "x")
	}
	r.do("310 no fields", 310, nil, "x")
	r.do("310 queue is text", 310, v2("T", 0, "", fields{"e": "x"}), "x")
	r.do("310 queue is empty", 310, v2("T", 0, "", fields{"e": ""}), "x")
	r.do("310 queue too high", 310, v2("T", 4, "", nil), "x")
	r.do("310 queue below zero", 310, v2("Tord", -1, "", nil), "x")
	r.do("310 asym readable queue", 310, v2("Tasym", 3, "", nil), "x")
	r.do("310 asym too high", 310, v2("Tasym", 4, "", nil), "x")
	r.do("310 bad topic", 310, v2("a b", 0, "", nil), "x")
	r.do("310 empty topic", 310, v2("", 0, "", nil), "x")
	r.do("310 long topic", 310, v2(strings.Repeat("x", 128), 0, "", nil), "x")
	r.do("310 longest topic", 310, v2(strings.Repeat("x", 127), 0, "", nil), "x")
	r.do("310 unknown template", 310, v2("Tnone", 0, "", fields{"c": "nope"}), "x")
	r.do("310 template not inheritable", 310, v2("Tnone", 0, "", fields{"c": "T"}), "x")
	r.do("310 auto 2 queues", 310, v2("Tauto2", 1, "", fields{"d": "2"}), "x")
	r.do("310 auto 99 queues", 310, v2("Tauto99", 7, "", fields{"d": "99"}), "x")
	r.do("310 auto queue too high", 310, v2("Tauto3", 3, "", fields{"d": "2"}), "x")
	r.do("310 auto no queues", 310, v2("Tauto0", 0, "", fields{"d": "0"}), "x")
	r.do("310 auto unit", 310, v2("Tunit", 0, "", fields{"k": "true"}), "x")
	r.do("310 read only", 310, v2("Tread", 0, "", nil), "x")
	r.do("310 write only", 310, v2("Twrite", 0, "", nil), "x")
	for _, topic := range []string{"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT",
		"rmq_sys_wheel_timer", "TBW102", "BenchmarkTest", "DefaultCluster", "broker-a", "DefaultCluster_REPLY_TOPIC", "RMQ_SYS_TRACE_TOPIC", "CHECKPOINT_TOPIC"} {
		r.do("310 to "+topic, 310, v2(topic, 0, "", nil), "x")
	}
	r.do("310 empty body", 310, v2("T", 2, "", nil), "")
	r.do("310 body limit", 310, v2("T", 2, "", nil), strings.Repeat("b", 4<<20))
	r.do("310 body too long", 310, v2("T", 2, "", nil), strings.Repeat("b", 4<<20+1))
	r.do("310 properties too long", 310, v2("T", 2, "", fields{"i": "a\x01" + strings.Repeat("b", 32767) + "\x02"}), "x")
	r.do("310 properties near limit", 310, v2("T", 2, "", fields{"i": "a\x01" + strings.Repeat("b", 32500) + "\x02"}), "x")
	r.do("310 delay 0", 310, v2("T", 3, "DELAY=0", nil), "d0")
	r.do("310 delay text", 310, v2("T", 3, "DELAY=x", nil), "dx")
	r.do("310 delay -1", 310, v2("T", 3, "DELAY=-1", nil), "d-1")
	r.do("310 delay 1", 310, v2("T", 3, "DELAY=1 TAGS=t", nil), "d1")
	r.do("310 delay 99", 310, v2("T", 3, "DELAY=99", nil), "d99")
	r.do("310 retry", 310, v2("%RETRY%G", 0, "RETRY_TOPIC=T", fields{"j": "1"}), "r1")
	r.do("310 retry too often", 310, v2("%RETRY%Gtwo", 0, "RETRY_TOPIC=T DELAY=3", fields{"j": "3"}), "r3")
	r.do("310 retry last time", 310, v2("%RETRY%Gtwo", 0, "RETRY_TOPIC=T", fields{"j": "2"}), "r2")
	r.do("310 retry own limit", 310, v2("%RETRY%Gtwo", 0, "RETRY_TOPIC=T", fields{"j": "3", "l": "5"}), "r5")
	r.do("310 retry unknown group", 310, v2("%RETRY%Gmade", 0, "RETRY_TOPIC=T", fields{"j": "1"}), "r")
	r.do("310 dead letter", 310, v2("%DLQ%G", 0, "", nil), "dead")
	r.do("310 retry of long group", 310, v2("%RETRY%"+strings.Repeat("g", 200), 0, "", nil), "x")
	r.do("310 sysflag compressed", 310, v2("T", 0, "", fields{"f": "1"}), "x")
	r.do("310 multi tag", 310, v2("Tmulti", 0, "TAGS=a", nil), "x")
	r.do("310 transaction", 310, v2("T", 0, "TRAN_MSG=true", fields{"f": "4"}), "x")
	r.do("310 reconsumed", 310, v2("T", 0, "", fields{"j": "4"}), "again")
	r.do("310 priority", 310, v2("T", 0, "_SYS_MSG_PRIORITY_=2", nil), "prio")
	r.do("310 transient", 310, v2("T", 0, "__TRANSIENT_x=1 POP_CK=forged", nil), "trans")
	r.do("310 inner num", 310, v2("T", 0, "INNER_NUM=2", nil), "x")
	r.do("310 unknown field", 310, v2("T", 0, "", fields{"zz": "1", "n": "other-broker"}), "x")
}

func batchUnitOf(flag int32, body, properties string) string {
	return string(message.AppendUnit(nil, message.Unit{Flag: flag, Body: []byte(body), Properties: props(properties)}))
}

func (r *replay) batches() {
	batch := func(topic string, queue int, properties string) fields {
		return sendFields(topic, queue, properties).with(fields{"m": "true"})
	}
	r.do("320 batch", 320, batch("Tord", 0, "UNIQ_KEY=7F00000100002A139A5516DCA8E40001 env=1"), batchUnitOf(3, "b1", "TAGS=a UNIQ_KEY=7F00000100002A139A5516DCA8E40002")+batchUnitOf(4, "b2", "KEYS=k"))
	r.do("310 batch", 310, batch("Tord", 0, ""), batchUnitOf(3, "b3", "")+batchUnitOf(4, "b4", ""))
	r.do("10 batch", 10, sendv1("Tord", 0).with(fields{"batch": "true"}), batchUnitOf(3, "b5", ""))
	r.do("320 batch to retry", 320, batch("%RETRY%G", 0, ""), batchUnitOf(3, "b", ""))
	r.do("320 batch empty", 320, batch("Tord", 0, ""), "")
	r.do("320 batch empty unit", 320, batch("Tord", 0, ""), batchUnitOf(0, "", ""))
	r.do("320 batch delayed", 320, batch("Tord", 0, "DELAY=1"), batchUnitOf(3, "b6", ""))
	r.do("320 batch unit delayed", 320, batch("Tord", 0, ""), batchUnitOf(3, "b7", "DELAY=1"))
	r.do("320 batch wait", 320, batch("Tord", 0, "WAIT=false"), batchUnitOf(3, "b8", "WAIT=true"))
	r.do("320 batch too long", 320, batch("Tord", 0, ""), batchUnitOf(3, strings.Repeat("b", 4<<20), ""))
	r.do("320 batch queue too high", 320, batch("Tord", 9, ""), batchUnitOf(3, "b", ""))
}

func (r *replay) offsets() {
	r.do("310 for time", 310, sendFields("Ttime", 0, ""), "t0")
	r.filled("Ttime", "0", "1")
	q := func(topic, queue string) fields { return fields{"topic": topic, "queueId": queue} }
	for _, code := range []int32{30, 31, 32} {
		r.do(fmt.Sprint(code, " plain"), code, q("Ttime", "0"), "")
		r.do(fmt.Sprint(code, " empty queue"), code, q("Ttime", "1"), "")
		r.do(fmt.Sprint(code, " queue too high"), code, q("Ttime", "99"), "")
		r.do(fmt.Sprint(code, " queue below zero"), code, q("Ttime", "-1"), "")
		r.do(fmt.Sprint(code, " unknown topic"), code, q("Tnever", "0"), "")
		r.do(fmt.Sprint(code, " no queue"), code, fields{"topic": "Ttime"}, "")
		r.do(fmt.Sprint(code, " no topic"), code, fields{"queueId": "0"}, "")
	}
	r.do("30 uncommitted", 30, q("Ttime", "0").with(fields{"committed": "false"}), "")
	at := func(topic, queue, time string, more fields) fields {
		return q(topic, queue).with(fields{"timestamp": time}).with(more)
	}
	for _, b := range []string{"", "LOWER", "UPPER", "lower", "odd"} {
		more := fields{}
		if b != "" {
			more["boundaryType"] = b
		}
		r.do("29 past "+b, 29, at("Ttime", "0", "1", more), "")
		r.do("29 future "+b, 29, at("Ttime", "0", "9999999999999", more), "")
		r.do("29 empty queue "+b, 29, at("Ttime", "1", "1", more), "")
	}
	r.do("29 negative", 29, at("Ttime", "0", "-1", nil), "")
	r.do("29 unknown topic", 29, at("Tnever", "0", "1", nil), "")
	r.do("29 no time", 29, q("Ttime", "0"), "")

	c := func(group, topic, queue string) fields { return q(topic, queue).with(fields{"consumerGroup": group}) }
	r.do("14 never committed, first in memory", 14, c("Gnew", "Ttime", "0"), "")
	r.do("14 no zero", 14, c("Gnew", "Ttime", "0").with(fields{"setZeroIfNotFound": "false"}), "")
	r.do("14 zero", 14, c("Gnew", "Ttime", "0").with(fields{"setZeroIfNotFound": "true"}), "")
	r.do("14 empty queue", 14, c("Gnew", "Ttime", "1"), "")
	r.do("14 queue too high", 14, c("Gnew", "Ttime", "99"), "")
	r.do("14 unknown topic", 14, c("Gnew", "Tnever", "0"), "")
	r.do("14 no group", 14, q("Ttime", "0"), "")
	put := func(group, topic, queue, off string) fields {
		return c(group, topic, queue).with(fields{"commitOffset": off})
	}
	r.do("15 plain", 15, put("G", "Ttime", "0", "1"), "")
	r.do("14 committed", 14, c("G", "Ttime", "0"), "")
	r.do("15 back", 15, put("G", "Ttime", "0", "0"), "")
	r.do("14 back", 14, c("G", "Ttime", "0"), "")
	r.do("15 beyond", 15, put("G", "Ttime", "0", "100"), "")
	r.do("14 beyond", 14, c("G", "Ttime", "0"), "")
	r.do("15 negative", 15, put("G", "Ttime", "0", "-1"), "")
	r.do("14 after negative", 14, c("G", "Ttime", "0"), "")
	r.do("15 queue too high", 15, put("G", "Ttime", "99", "1"), "")
	r.do("15 unknown group", 15, put("Gnever", "Ttime", "0", "1"), "")
	r.do("15 unknown topic", 15, put("G", "Tnever", "0", "1"), "")
	r.do("15 unknown both", 15, put("Gnever2", "Tnever", "0", "1"), "")
	r.do("15 no queue", 15, put("G", "Ttime", "0", "1").without("queueId"), "")
	r.do("15 no offset", 15, c("G", "Ttime", "0"), "")
	r.do("15 no group", 15, put("G", "Ttime", "0", "1").without("consumerGroup"), "")
	r.do("15 reset", 15, put("G", "Ttime", "0", "1"), "")
}

func (r *replay) pulls() {
	for i, tag := range []string{"a", "b", "a", "c"} {
		r.do("310 tagged "+strconv.Itoa(i), 310, sendFields("Tpull", 0, "TAGS="+tag), "p"+strconv.Itoa(i))
	}
	r.filled("Tpull", "0", "4")
	p := func(more fields) fields { return pullFields("G", "Tpull", 0, 0).with(more) }
	for _, code := range []int32{11, 361} {
		n := func(s string) string { return fmt.Sprint(code, " ", s) }
		r.do(n("found"), code, p(nil), "")
		r.do(n("one"), code, p(fields{"maxMsgNums": "1"}), "")
		r.do(n("none"), code, p(fields{"maxMsgNums": "0"}), "")
		r.do(n("minus one"), code, p(fields{"maxMsgNums": "-1"}), "")
		r.do(n("33"), code, p(fields{"maxMsgNums": "33"}), "")
		r.do(n("tag"), code, p(fields{"subscription": "a"}), "")
		r.do(n("two tags"), code, p(fields{"subscription": "b||c"}), "")
		r.do(n("two tags and one"), code, p(fields{"subscription": " b || c ", "maxMsgNums": "1"}), "")
		r.do(n("no such tag"), code, p(fields{"subscription": "zz"}), "")
		r.do(n("end"), code, p(fields{"queueOffset": "4"}), "")
		r.do(n("beyond"), code, p(fields{"queueOffset": "9"}), "")
		r.do(n("negative"), code, p(fields{"queueOffset": "-1"}), "")
		r.do(n("empty queue"), code, p(fields{"queueId": "1"}), "")
		r.do(n("empty queue beyond"), code, p(fields{"queueId": "1", "queueOffset": "3"}), "")
		r.do(n("queue too high"), code, p(fields{"queueId": "4"}), "")
		r.do(n("queue below zero"), code, p(fields{"queueId": "-1"}), "")
		r.do(n("unknown topic"), code, p(fields{"topic": "Tnever"}), "")
		r.do(n("unknown group"), code, p(fields{"consumerGroup": "Gpull" + n("")[:2]}), "")
		r.do(n("bad group"), code, p(fields{"consumerGroup": "a b"}), "")
		r.do(n("empty group"), code, p(fields{"consumerGroup": ""}), "")
		r.do(n("group off"), code, p(fields{"consumerGroup": "Goff"}), "")
		r.do(n("write only"), code, p(fields{"topic": "Twrite"}), "")
		r.do(n("group and topic unknown"), code, p(fields{"consumerGroup": "Goff", "topic": "Tnever"}), "")
		r.do(n("small bytes"), code, p(fields{"maxMsgBytes": "1"}), "")
		r.do(n("SQL"), code, p(fields{"expressionType": "SQL92", "subscription": "a > 1"}), "")
		r.do(n("odd filter"), code, p(fields{"expressionType": "odd", "subscription": "a"}), "")
		r.do(n("empty filter"), code, p(fields{"subscription": ""}), "")
		r.do(n("bars"), code, p(fields{"subscription": "||"}), "")
		r.do(n("no filter"), code, p(nil).without("subscription"), "")
		r.do(n("no subscription"), code, p(fields{"sysFlag": "0", "consumerGroup": "Galone"}), "")
		r.do(n("class filter"), code, p(fields{"sysFlag": "12"}), "")
		r.do(n("lite"), code, p(fields{"sysFlag": "20"}), "")
		r.do(n("suspend without time"), code, p(fields{"sysFlag": "6", "queueOffset": "4"}), "")
		r.do(n("commits"), code, p(fields{"sysFlag": "5", "commitOffset": "2"}), "")
		r.do(n("committed"), 14, fields{"consumerGroup": "G", "topic": "Tpull", "queueId": "0"}, "")
		for _, name := range slicesSorted(p(nil)) {
			r.do(n("without "+name), code, p(nil).without(name), "")
		}
		r.do(n("retry topic"), code, p(fields{"topic": "%RETRY%G"}), "")
	}
	r.filled("T", "3", "3")
	for _, topic := range []string{"T", "Tord", "Tmulti", "%DLQ%G", "%RETRY%Gtwo", "%DLQ%Gtwo", "Tauto2"} {
		for queue := range 4 {
			r.do(fmt.Sprintf("11 what is in %s/%d", topic, queue), 11, pullFields("G", topic, queue, 0), "")
		}
	}
}

func slicesSorted(fs fields) []string {
	var out []string
	for _, k := range []string{"consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag", "commitOffset", "suspendTimeoutMillis", "subVersion"} {
		if _, ok := fs[k]; ok {
			out = append(out, k)
		}
	}
	return out
}

func beatBody(client, group string, more map[string]any, subs ...map[string]any) string {
	g := map[string]any{"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "unitMode": false, "subscriptionDataSet": append([]map[string]any{}, subs...)}
	b := map[string]any{"clientID": client, "producerDataSet": []any{map[string]any{"groupName": "P" + group}}, "consumerDataSet": []any{g}, "heartbeatFingerprint": 0, "withoutSub": false}
	for k, v := range more {
		if _, ok := b[k]; ok {
			b[k] = v
		} else {
			g[k] = v
		}
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func sub(topic, expression string, version int, more map[string]any) map[string]any {
	s := map[string]any{"topic": topic, "subString": expression, "subVersion": version, "tagsSet": []string{}, "codeSet": []int32{}, "expressionType": "TAG", "classFilterMode": false}
	if expression != "*" {
		var tags []string
		var codes []int32
		for _, t := range strings.Split(expression, "||") {
			tags, codes = append(tags, strings.TrimSpace(t)), append(codes, message.HashCode([]byte(strings.TrimSpace(t))))
		}
		s["tagsSet"], s["codeSet"] = tags, codes
	}
	maps.Copy(s, more)
	return s
}

func (r *replay) on(conn, name string, code int32, fs fields, body string) *protocol.Frame {
	r.t.Helper()
	f := r.call(conn, code, fs, body)
	r.note(name, f)
	return f
}

func (r *replay) clients() {
	members := func(step, group string) { r.do("38 "+step, 38, fields{"consumerGroup": group}, "") }
	members("none", "C")
	r.do("38 no group", 38, nil, "")
	r.on("c1", "34 first", 34, nil, beatBody("c1", "C", nil, sub("Tpull", "a||b", 1, nil)))
	r.told("34 first told", "c1")
	members("one", "C")
	r.on("c1", "34 again", 34, nil, beatBody("c1", "C", nil, sub("Tpull", "a||b", 1, nil)))
	r.told("34 again told", "c1")
	r.on("c2", "34 second", 34, nil, beatBody("c2", "C", nil, sub("Tpull", "a||b", 1, nil)))
	r.told("34 second told 1", "c1")
	r.told("34 second told 2", "c2")
	members("two", "C")
	r.on("c1", "34 topic added", 34, nil, beatBody("c1", "C", nil, sub("Tpull", "a||b", 1, nil), sub("T", "*", 1, nil)))
	r.told("34 topic added told", "c2")
	r.on("c1", "34 newer version", 34, nil, beatBody("c1", "C", nil, sub("Tpull", "a", 5, nil), sub("T", "*", 1, nil)))
	r.told("34 newer version told", "c2")
	r.on("c1", "34 fingerprint", 34, nil, beatBody("c1", "C", map[string]any{"heartbeatFingerprint": 77}, sub("Tpull", "a", 5, nil), sub("T", "*", 1, nil)))
	r.on("c1", "34 fingerprint again", 34, nil, beatBody("c1", "C", map[string]any{"heartbeatFingerprint": 77}, sub("Tpull", "a", 5, nil), sub("T", "*", 1, nil)))
	r.on("c1", "34 without sub", 34, nil, beatBody("c1", "C", map[string]any{"heartbeatFingerprint": 77, "withoutSub": true}))
	r.on("c1", "34 other fingerprint without sub", 34, nil, beatBody("c1", "C", map[string]any{"heartbeatFingerprint": 78, "withoutSub": true}))
	r.on("c1", "34 other fingerprint", 34, nil, beatBody("c1", "C", map[string]any{"heartbeatFingerprint": 78}, sub("Tpull", "a", 5, nil), sub("T", "*", 1, nil)))
	r.on("c3", "34 producer only", 34, nil, `{"clientID":"c3","producerDataSet":[{"groupName":"Pthree"}],"consumerDataSet":[]}`)
	r.on("c3", "34 no client", 34, nil, `{"producerDataSet":[],"consumerDataSet":[]}`)
	r.on("c3", "34 empty", 34, nil, "")
	r.on("c3", "34 bad", 34, nil, "{x")
	r.on("c4", "34 broadcast", 34, nil, beatBody("c4", "Ccast", map[string]any{"messageModel": "BROADCASTING"}, sub("Tpull", "*", 1, nil)))
	r.told("34 broadcast told", "c4")
	r.on("c5", "34 broadcast forbidden", 34, nil, beatBody("c5", "Gnocast", map[string]any{"messageModel": "BROADCASTING"}, sub("Tpull", "*", 1, nil)))
	r.on("c6", "34 unknown group bad name", 34, nil, beatBody("c6", "a b", nil, sub("Tpull", "*", 1, nil)))
	r.on("c7", "34 partial", 34, nil, `{"clientID":"c7","consumerDataSet":[{"groupName":"Cpart","subscriptionDataSet":[{"topic":"Tpull","subString":"*"}]}]}`)

	pull := func(group string, more fields) fields {
		return pullFields(group, "Tpull", 0, 0).with(fields{"sysFlag": "0", "subVersion": "1"}).without("subscription").with(more)
	}
	r.do("11 by heartbeat", 11, pull("C", nil), "")
	r.do("11 by heartbeat older", 11, pull("C", fields{"subVersion": "0"}), "")
	r.do("11 by heartbeat newer", 11, pull("C", fields{"subVersion": "9"}), "")
	r.do("11 by heartbeat not subscribed", 11, pull("C", fields{"topic": "Tmulti"}), "")
	r.do("11 by heartbeat broadcast", 11, pull("Ccast", nil), "")
	r.do("11 by heartbeat broadcast forbidden", 11, pull("Gnocast", nil), "")
	r.do("11 by heartbeat alone", 11, pull("Galone", nil), "")
	r.do("11 by heartbeat partial", 11, pull("Cpart", fields{"subVersion": "0"}), "")

	r.do("203 plain", 203, fields{"consumerGroup": "C"}, "")
	r.do("203 none", 203, fields{"consumerGroup": "Cnone"}, "")
	r.do("203 partial", 203, fields{"consumerGroup": "Cpart"}, "")
	r.do("203 no group", 203, nil, "")
	r.do("204 plain", 204, fields{"producerGroup": "PC"}, "")
	r.do("204 none", 204, fields{"producerGroup": "Pnone"}, "")
	r.do("204 no group", 204, nil, "")
	r.do("300 plain", 300, fields{"topic": "Tpull"}, "")
	r.do("300 none", 300, fields{"topic": "Tnever"}, "")
	r.do("300 no topic", 300, nil, "")
	r.do("307 none", 307, fields{"consumerGroup": "C", "clientId": "c9"}, "")
	r.do("307 no fields", 307, nil, "")
	r.do("309 no fields", 309, nil, "")
	r.do("309 bad id", 309, fields{"consumerGroup": "C", "clientId": "c1", "msgId": "xx"}, "")

	check := func(kind, expression string) string {
		return fmt.Sprintf(`{"clientId":"c1","group":"C","subscriptionData":{"topic":"T","subString":%q,"expressionType":%q,"subVersion":1,"tagsSet":[],"codeSet":[]}}`, expression, kind)
	}
	r.do("46 tag", 46, nil, check("TAG", "a"))
	r.do("46 no kind", 46, nil, check("", "a"))
	r.do("46 sql", 46, nil, check("SQL92", "a > 1"))
	r.do("46 bad sql", 46, nil, check("SQL92", "a > > 1"))
	r.do("46 odd", 46, nil, check("odd", "a"))
	r.do("46 no body", 46, nil, "")
	r.do("46 no subscription", 46, nil, `{"clientId":"c1","group":"C"}`)

	drainTold(r, "c1", "c2")
	r.on("c2", "35 consumer", 35, fields{"clientID": "c2", "consumerGroup": "C"}, "")
	r.told("35 consumer told", "c1")
	members("after 35", "C")
	r.on("c1", "35 both", 35, fields{"clientID": "c1", "consumerGroup": "C", "producerGroup": "PC"}, "")
	members("after both", "C")
	r.on("c1", "35 unknown groups", 35, fields{"clientID": "c1", "consumerGroup": "Cx", "producerGroup": "Px"}, "")
	r.on("c1", "35 other client", 35, fields{"clientID": "nobody", "consumerGroup": "Ccast"}, "")
	r.on("c1", "35 nothing", 35, nil, "")
	members("cast", "Ccast")
}

func drainTold(r *replay, conns ...string) {
	for _, name := range conns {
		c := r.conn(name)
		for c.next(300*time.Millisecond, func(f *protocol.Frame) bool { return !f.IsResponse() }) != nil {
		}
	}
}

func (r *replay) holds() {
	p := func(more fields) fields {
		return pullFields("G", "Thold", 0, 0).with(fields{"sysFlag": "6", "suspendTimeoutMillis": "10000"}).with(more)
	}
	r.do("17 hold", 17, makeFields("Thold", 1, 6), "")
	hold := func(conn string, fs fields) int32 {
		return r.conn(conn).write(&protocol.Frame{Code: 11, Fields: wire(fs)})
	}
	one := hold("h1", p(nil))
	tag := hold("h2", p(fields{"subscription": "b"}))
	for _, conn := range []string{"h1", "h2", "h1", "h2"} {
		r.call(conn, 31, fields{"topic": "Thold", "queueId": "0"}, "") // by then the pulls are on hold
	}
	r.do("310 wakes", 310, sendFields("Thold", 0, "TAGS=a"), "w1")
	r.note("11 woken", r.conn("h1").answer(one))
	r.do("310 wakes tag", 310, sendFields("Thold", 0, "TAGS=b"), "w2")
	r.note("11 woken by tag", r.conn("h2").answer(tag))
	start := time.Now()
	end := hold("h1", p(fields{"queueOffset": "2", "suspendTimeoutMillis": "1500"}))
	r.note("11 end timed out", r.conn("h1").answer(end))
	r.keep("11 end waited", fmt.Sprintln("at least 1.4 s:", time.Since(start) > 1400*time.Millisecond))
	empty := hold("h1", p(fields{"topic": "Ttime", "queueId": "1", "suspendTimeoutMillis": "1000"}))
	r.note("11 empty queue timed out", r.conn("h1").answer(empty))
	r.do("11 beyond does not wait", 11, p(fields{"queueOffset": "7"}), "")
}

func (r *replay) returns() {
	sent := r.do("310 to return", 310, sendFields("Tback", 0, "TAGS=a KEYS=k UNIQ_KEY=7F00000100002A139A5516DCA8E40003"), "back")
	_, at, err := message.ParseID(sent.Fields.String("msgId"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.filled("Tback", "0", "1")
	back := func(group, level string, more fields) fields {
		return fields{"offset": fmt.Sprint(at), "group": group, "delayLevel": level, "originMsgId": "7F00000100002A139A5516DCA8E40003", "originTopic": "Tback", "unitMode": "false", "maxReconsumeTimes": "16"}.with(more)
	}
	r.do("36 level 1", 36, back("GB", "1", nil), "")
	r.filled("%RETRY%GB", "0", "1")
	first := r.do("11 returned", 11, pullFields("GB", "%RETRY%GB", 0, 0), "")
	r.do("36 dead at once", 36, back("GB", "-1", nil), "")
	r.filled("%DLQ%GB", "0", "1")
	r.do("11 dead", 11, pullFields("G", "%DLQ%GB", 0, 0), "")
	r.do("36 limit 0", 36, back("GB", "1", fields{"maxReconsumeTimes": "0"}), "")
	r.filled("%DLQ%GB", "0", "2")
	r.do("11 dead by limit", 11, pullFields("G", "%DLQ%GB", 0, 1), "")
	recs := records(r.t, first.Body)
	if len(recs) > 0 {
		again := fmt.Sprint(recs[0].LogOffset)
		r.do("36 second time", 36, back("GB", "1", fields{"offset": again}), "")
		r.filled("%RETRY%GB", "0", "2")
		r.do("11 returned twice", 11, pullFields("GB", "%RETRY%GB", 0, 1), "")
		r.do("36 second time of one", 36, back("GB", "1", fields{"offset": again, "maxReconsumeTimes": "1"}), "")
		r.filled("%DLQ%GB", "0", "3")
		r.do("11 dead after one", 11, pullFields("G", "%DLQ%GB", 0, 2), "")
	}
	r.do("36 level 0", 36, back("GB", "0", nil), "")
	r.do("36 level 99", 36, back("GB", "99", nil), "")
	r.do("36 new group", 36, back("GBnew", "1", nil), "")
	r.do("36 bad group", 36, back("a b", "1", nil), "")
	r.do("36 no retry queues", 36, back("Gnoretry", "1", nil), "")
	r.do("36 unknown offset", 36, back("GB", "1", fields{"offset": "99999999999"}), "")
	r.do("36 negative offset", 36, back("GB", "1", fields{"offset": "-1"}), "")
	r.do("36 between records", 36, back("GB", "1", fields{"offset": fmt.Sprint(at + 1)}), "")
	r.do("36 no origin", 36, back("GB", "1", nil).without("originTopic", "originMsgId", "unitMode", "maxReconsumeTimes"), "")
	for _, name := range []string{"offset", "group", "delayLevel"} {
		r.do("36 without "+name, 36, back("GB", "1", nil).without(name), "")
	}
	r.do("17 36 topic", 351, fields{"topic": "%RETRY%GBnew"}, "")
}

func (r *replay) locks() {
	body := func(group, client string, queues ...int) string {
		mqs := []string{}
		for _, q := range queues {
			mqs = append(mqs, fmt.Sprintf(`{"topic":"Tpull","brokerName":"broker-a","queueId":%d}`, q))
		}
		return fmt.Sprintf(`{"consumerGroup":%q,"clientId":%q,"mqSet":[%s],"onlyThisBroker":false}`, group, client, strings.Join(mqs, ","))
	}
	r.do("41 one", 41, nil, body("L", "l1", 0))
	r.do("41 taken", 41, nil, body("L", "l2", 0))
	r.do("41 both", 41, nil, body("L", "l2", 0, 1))
	r.do("41 none", 41, nil, body("L", "l2"))
	r.do("41 other group", 41, nil, body("L2", "l2", 0))
	r.do("41 bad queue", 41, nil, body("L", "l2", 99))
	r.do("41 no body", 41, nil, "")
	r.do("42 not mine", 42, nil, body("L", "l2", 0))
	r.do("41 still taken", 41, nil, body("L", "l2", 0))
	r.do("42 mine", 42, nil, body("L", "l1", 0))
	r.do("41 free", 41, nil, body("L", "l2", 0))
	r.do("42 no body", 42, nil, "")
	r.do("42 unknown group", 42, nil, body("L9", "l2", 0))
	r.do("310 retry while locked", 310, sendFields("%RETRY%L", 0, "RETRY_TOPIC=Tpull").with(fields{"j": "1"}), "ordered")
}

func (r *replay) queries() {
	sent := r.do("310 with key", 310, sendFields("Tkey", 0, "KEYS=k1_k2 TAGS=a UNIQ_KEY=7F00000100002A139A5516DCA8E40009"), "key")
	q := func(key string, more fields) fields {
		return fields{"topic": "Tkey", "key": key, "maxNum": "32", "beginTimestamp": "0", "endTimestamp": "9999999999999"}.with(more)
	}
	unique := fields{"_UNIQUE_KEY_QUERY": "true"}
	r.until(12, q("7F00000100002A139A5516DCA8E40009", unique), func(f *protocol.Frame) bool { return f.Code == 0 })
	r.do("12 key", 12, q("k1", nil), "")
	r.do("12 unique", 12, q("7F00000100002A139A5516DCA8E40009", unique), "")
	r.do("12 unique as key", 12, q("7F00000100002A139A5516DCA8E40009", nil), "")
	r.do("12 key as unique", 12, q("k1", unique), "")
	r.do("12 none", 12, q("zz", nil), "")
	r.do("12 max 0", 12, q("k1", fields{"maxNum": "0"}), "")
	r.do("12 time before", 12, q("k1", fields{"endTimestamp": "1"}), "")
	r.do("12 unknown topic", 12, q("k1", fields{"topic": "Tnever"}), "")
	r.do("12 no topic", 12, q("k1", nil).without("topic"), "")
	r.do("12 no key", 12, q("k1", nil).without("key"), "")
	r.do("12 no times", 12, q("k1", nil).without("beginTimestamp", "endTimestamp"), "")
	_, at, err := message.ParseID(sent.Fields.String("msgId"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.do("33 plain", 33, fields{"offset": fmt.Sprint(at)}, "")
	r.do("33 with topic", 33, fields{"offset": fmt.Sprint(at), "topic": "Tkey"}, "")
	r.do("33 beyond", 33, fields{"offset": "99999999999"}, "")
	r.do("33 negative", 33, fields{"offset": "-1"}, "")
	r.do("33 no offset", 33, nil, "")
}

func (r *replay) admin() {
	r.do("351 plain", 351, fields{"topic": "T"}, "")
	r.do("351 attributes", 351, fields{"topic": "Tattr"}, "")
	r.do("351 unknown", 351, fields{"topic": "Tnever"}, "")
	r.do("351 no topic", 351, nil, "")
	r.do("352 plain", 352, fields{"group": "G"}, "")
	r.do("352 made", 352, fields{"group": "Gmade352"}, "")
	r.do("352 bad name", 352, fields{"group": "a b"}, "")
	r.do("352 no group", 352, nil, "")
	r.do("21 all", 21, nil, "")
	r.do("21 page", 21, fields{"topicSeq": "0", "maxTopicNum": "1"}, "")
	r.do("21 page behind", 21, fields{"topicSeq": "9999", "maxTopicNum": "1"}, "")
	r.do("201 all", 201, nil, "")
	r.do("201 page", 201, fields{"groupSeq": "0", "maxGroupNum": "1"}, "")
	r.do("202 plain", 202, fields{"topic": "Tpull"}, "")
	r.do("202 unknown", 202, fields{"topic": "Tnever"}, "")
	r.do("202 no topic", 202, nil, "")
	r.do("202 write only", 202, fields{"topic": "Twrite"}, "")
	r.do("208 plain", 208, fields{"consumerGroup": "G"}, "")
	r.do("208 topic", 208, fields{"consumerGroup": "G", "topic": "Tpull"}, "")
	r.do("208 unknown group", 208, fields{"consumerGroup": "Gnever"}, "")
	r.do("208 unknown topic", 208, fields{"consumerGroup": "G", "topic": "Tnever"}, "")
	r.do("208 other topic", 208, fields{"consumerGroup": "G", "topic": "Tmulti"}, "")
	r.do("208 no group", 208, nil, "")
	r.do("305", 305, nil, "")
	r.do("28", 28, nil, "")
	r.do("26", 26, nil, "")
	r.do("25", 25, nil, "defaultQueryMaxNum=32\n")
	r.do("43", 43, nil, "")
	r.do("45", 45, nil, "")
	r.do("315 none", 315, fields{"statsName": "TOPIC_PUT_NUMS", "statsKey": "Tnever"}, "")
	r.do("315 topic", 315, fields{"statsName": "TOPIC_PUT_NUMS", "statsKey": "T"}, "")
	r.do("222 unknown topic", 222, fields{"topic": "Tnever", "group": "G", "timestamp": "-1", "isForce": "true"}, "")
	r.do("222 end", 222, fields{"topic": "Tpull", "group": "Greset", "timestamp": "-1", "isForce": "true"}, "")
	r.do("200 for reset", 200, nil, groupBody("Greset", nil))
	r.do("222 begin", 222, fields{"topic": "Tpull", "group": "Greset", "timestamp": "0", "isForce": "true"}, "")
	r.do("222 to end", 222, fields{"topic": "Tpull", "group": "Greset", "timestamp": "-1", "isForce": "true"}, "")
	r.do("14 after 222", 14, fields{"consumerGroup": "Greset", "topic": "Tpull", "queueId": "0"}, "")
	r.do("11 after 222", 11, pullFields("Greset", "Tpull", 0, 0), "")
	r.do("14 after 222 and 11", 14, fields{"consumerGroup": "Greset", "topic": "Tpull", "queueId": "0"}, "")
	r.do("222 no fields", 222, nil, "")
	r.do("303", 303, fields{"topic": "Tpull", "group": "G"}, "")
	r.do("308", 308, fields{"topic": "Tpull", "compareGroup": "G"}, "")
	r.do("317", 317, fields{"isOrder": "false"}, "")
	r.do("321", 321, fields{"topic": "Tpull", "queueId": "0", "index": "0", "count": "2"}, "")
	r.do("328", 328, nil, "")
	r.do("343", 343, fields{"group": "C"}, "")
	r.do("345", 345, fields{"group": "C", "topic": "Tpull"}, "")
	r.do("400", 400, nil, `{"topic":"Tpull","consumerGroup":"C","clientId":"c1","strategyName":"AVG","messageModel":"CLUSTERING"}`)
	r.do("907", 907, nil, "")
	r.do("105 at the broker", 105, fields{"topic": "T"}, "")
	r.do("37", 37, fields{"producerGroup": "pg", "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8", "msgId": "x"}, "")
	r.do("13", 13, nil, "")
	r.do("99999", 99999, nil, "")
	r.do("-1", -1, nil, "")
	r.do("207 plain", 207, fields{"groupName": "Gattr"}, "")
	r.do("207 clean", 207, fields{"groupName": "Greset", "cleanOffset": "true"}, "")
	r.do("207 unknown", 207, fields{"groupName": "Gnever"}, "")
	r.do("207 no group", 207, nil, "")
	r.do("215 plain", 215, fields{"topic": "Tback"}, "")
	r.do("215 gone", 351, fields{"topic": "Tback"}, "")
	r.do("215 unknown", 215, fields{"topic": "Tnever"}, "")
	r.do("215 system", 215, fields{"topic": "TBW102"}, "")
	r.do("215 empty", 215, fields{"topic": ""}, "")
	r.do("215 no topic", 215, nil, "")
}

func (r *replay) frames() {
	c := r.conn("frames")
	binary := func(name string, code int32, fs fields, body string) {
		r.t.Helper()
		r.note("binary "+name, c.answer(c.write(&protocol.Frame{Encoding: protocol.Binary, Code: code, Fields: wire(fs), Body: []byte(body)})))
	}
	binary("310", 310, sendFields("T", 0, "TAGS=a"), "bin")
	binary("11", 11, pullFields("G", "Tpull", 0, 0), "")
	binary("30", 30, fields{"topic": "Tpull", "queueId": "0"}, "")
	binary("38", 38, fields{"consumerGroup": "Cnone"}, "")
	binary("999", 999, nil, "")
	binary("34", 34, nil, beatBody("bin", "Cbin", nil, sub("Tpull", "*", 1, nil)))
	once := func(code int32, fs fields, body string) {
		c.write(&protocol.Frame{Code: code, Flag: protocol.FlagOneway, Fields: wire(fs), Body: []byte(body)})
	}
	once(310, sendFields("T", 0, ""), "oneway")
	once(310, sendFields("a b", 0, ""), "oneway")
	once(11, pullFields("G", "Tpull", 0, 0), "")
	once(11, pullFields("G", "Tpull", 99, 0), "")
	once(14, fields{"consumerGroup": "Gnew", "topic": "Tpull", "queueId": "0"}, "")
	once(15, fields{"consumerGroup": "Gnever", "topic": "Tpull", "queueId": "0", "commitOffset": "0"}, "")
	once(30, fields{"topic": "Tpull", "queueId": "0"}, "")
	once(34, nil, beatBody("bin", "Cbin", nil, sub("Tpull", "*", 1, nil)))
	once(36, nil, "")
	once(38, fields{"consumerGroup": "Cnone"}, "")
	once(41, nil, "")
	once(12, nil, "")
	once(17, nil, "")
	once(200, nil, "")
	once(21, nil, "")
	once(999, nil, "")
	r.note("after one-way", c.answer(c.write(&protocol.Frame{Code: 30, Fields: wire(fields{"topic": "Tpull", "queueId": "0"})})))
	stray := c.next(500*time.Millisecond, func(f *protocol.Frame) bool { return f.IsResponse() })
	r.keep("one-way answered", fmt.Sprintln(stray != nil))
}
