package broker

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// stored reads back the newest record of a queue.
func (n *node) stored(topic string, queue int) message.Record {
	n.t.Helper()
	q := message.Queue{Topic: topic, ID: message.QueueID(queue)}
	raw, got := n.store.Get(nil, q, n.store.MaxOffset(q)-1, 1, 1<<20, nil)
	if got.Count != 1 {
		n.t.Fatalf("nothing in %v: %v", q, got.Status)
	}
	return records(n.t, raw)[0]
}

func TestFirstSendMakesTopicAndIsStored(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for i, encoding := range []protocol.Encoding{protocol.JSON, protocol.Binary} {
		f := &protocol.Frame{Encoding: encoding, Code: protocol.ReqSendMessageV2, Version: protocol.CurrentVersion,
			Fields: wire(sendFields("orders", 3, "TAGS=TagA KEYS=k1_k2 UNIQ_KEY=0A0102037E5F1234ABCD000000010001 WAIT=true")), Body: []byte("hello")}
		got := p.want(protocol.ResSuccess, p.callFrame(f))
		want := map[string]string{"queueId": "3", "queueOffset": fmt.Sprint(i), "transactionId": "0A0102037E5F1234ABCD000000010001", "MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
		id := got.Fields.String("msgId")
		for _, field := range got.Fields {
			if name := string(field.Key); name != "msgId" && want[name] != string(field.Value) {
				t.Errorf("%s is %q, want %q", name, field.Value, want[name])
			}
			delete(want, string(field.Key))
		}
		if len(want) > 0 {
			t.Errorf("missing on the answer: %v", want)
		}
		host, at, err := message.ParseID(id)
		if err != nil || host != testHost {
			t.Fatalf("message id %q: %v, %v", id, host, err)
		}
		view := p.want(protocol.ResSuccess, p.call(protocol.ReqViewMessageByID, fields{"offset": fmt.Sprint(int64(at))}, nil))
		r := records(t, view.Body)[0]
		if string(r.Body) != "hello" || string(r.Topic) != "orders" || r.Flag != 7 || r.BornTime != 1700000000000 || r.BornHost.Addr().String() != "127.0.0.1" || r.StoreHost != testHost {
			t.Errorf("stored %+v", r)
		}
		text := readable(r.Properties)
		if !strings.HasPrefix(text, "TAGS=TagA KEYS=k1_k2 UNIQ_KEY=0A0102037E5F1234ABCD000000010001 MSG_REGION=DefaultRegion TRACE_ON=true CLUSTER=DefaultCluster __CRC32#=") {
			t.Errorf("properties %q", text)
		}
	}
	c, ok := n.store.Topic("orders")
	if !ok || c.ReadQueues != 4 || c.WriteQueues != 4 || c.Perm != 6 {
		t.Errorf("topic made: %+v", c)
	}
}

func TestUniqKeyIsMadeWhenMissing(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	got := p.want(protocol.ResSuccess, p.send("t", -1, "a=1", "x"))
	uniq := got.Fields.String("transactionId")
	if len(uniq) != 32 || !strings.HasPrefix(uniq, "0A010203") {
		t.Errorf("transactionId %q", uniq)
	}
	queue, _, err := got.Fields.Int32("queueId")
	if err != nil {
		t.Fatal(err)
	}
	r := n.stored("t", int(queue))
	if r.Properties.GetString(message.PropUniqueKey) != uniq {
		t.Errorf("stored %q, answered %q", r.Properties.GetString(message.PropUniqueKey), uniq)
	}
	found := p.want(protocol.ResSuccess, p.call(protocol.ReqQueryMessage, fields{"topic": "t", "key": uniq, "maxNum": "1", "beginTimestamp": "0",
		"endTimestamp": fmt.Sprint(int64(1) << 60), protocol.FieldUniqueKeyQuery: "true"}, nil))
	if got := bodies(t, found.Body); !cmp.Equal(got, []string{"x"}) {
		t.Errorf("found %q", got)
	}
	p.want(protocol.ResQueryNotFound, p.call(protocol.ReqQueryMessage, fields{"topic": "t", "key": "none", "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1"}, nil))
}

func TestLongHeaderNames(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqSendMessage, fields{"producerGroup": "pg", "topic": "t", "defaultTopic": "TBW102", "defaultTopicQueueNums": "99",
		"queueId": "0", "sysFlag": "0", "bornTimestamp": "1", "flag": "0", "properties": string(props("TAGS=x"))}, []byte("v1")))
	if got.Fields.String("queueOffset") != "0" {
		t.Errorf("answer %v", got.Fields)
	}
	if c, _ := n.store.Topic("t"); c.WriteQueues != 8 {
		t.Errorf("a client that wants 99 queues got %d, the template has 8", c.WriteQueues)
	}
}

func TestSendRefusals(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.MaxMessageSize = 1000 })
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("known", 0, "", "x"))
	f := func(code int32, remark string, got *protocol.Frame) {
		t.Helper()
		if got.Code != code || !strings.Contains(got.Remark, remark) {
			t.Errorf("answered %d %q, want %d %q", got.Code, got.Remark, code, remark)
		}
		if got.Fields.String("MSG_REGION") != "DefaultRegion" || got.Fields.String("TRACE_ON") != "true" {
			t.Errorf("%q: fields %v", remark, got.Fields)
		}
	}
	f(29, "illegal characters", p.send("no spaces", 0, "", "x"))
	f(29, "topic max length: 127 (it has 128)", p.send(strings.Repeat("t", 128), 0, "", "x"))
	f(29, "blank", p.send("", 0, "", "x"))
	f(16, "is forbidden", p.send(message.TopicSchedule, 0, "", "x"))
	f(16, "is forbidden", p.send(message.TopicState, 0, "", "x"))
	f(16, "is forbidden", p.send(message.TopicSelfTest, 0, "", "x"))
	f(29, "queueId[4] is illegal", p.send("known", 4, "", "x"))
	f(13, "body is empty", p.send("known", 0, "", ""))
	f(13, "1001 bytes, the limit is 1000", p.send("known", 0, "", strings.Repeat("x", 1001)))
	f(13, "DELAY", p.send("known", 0, "DELAY=soon", "x"))
	f(13, "32767", p.send("known", 0, "a="+strings.Repeat("x", 32767), "x"))
	f(13, "max delay 315360000000ms", p.send("known", 0, "TIMER_DELIVER_MS=9999999999999", "x"))
	f(13, "timer message illegal", p.send("known", 0, "TIMER_DELAY_SEC=soon", "x"))
	f(13, "INNER_MULTI_DISPATCH", p.send("known", 0, "INNER_MULTI_DISPATCH=a", "x"))
	f(17, "topic[new] not exist", p.call(protocol.ReqSendMessageV2, sendFields("new", 0, "").with(fields{"c": "known"}), []byte("x")))
	prepared := sendFields("known", 0, "").with(fields{"f": "4"})
	f(13, "TRAN_MSG", p.call(protocol.ReqSendMessageV2, prepared, []byte("x")))
	missing := sendFields("known", 0, "")
	delete(missing, "e")
	f(1, "is null", p.call(protocol.ReqSendMessageV2, missing, []byte("x")))
	if got := n.store.MaxOffset(message.Queue{Topic: "known"}); got != 1 {
		t.Errorf("%d messages stored, all but the first were refused", got)
	}
}

func TestSendBeforeItsTimeAndWithoutCreation(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.DenyTopicCreation, o.DenyGroupCreation = true, true })
	p := n.dial()
	p.want(protocol.ResTopicNotExist, p.send("t", 0, "", "x"))
	p.want(protocol.ResSubscriptionGroupNotExist, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	p.want(protocol.ResSubscriptionGroupNotExist, p.call(protocol.ReqGetSubscriptionGroupConfig, fields{"group": "g"}, nil))
	if _, ok := n.store.Group("g"); ok {
		t.Error("the group was made")
	}
	early := newNode(t, func(o *Options, _ *store.Options) { o.StartAccept = time.Now().Add(time.Hour).UnixMilli() })
	early.dial().want(protocol.ResSystemError, early.dial().send("t", 0, "", "x"))
}

func TestOnewaySendsAreNeverAnswered(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, ""), []byte("good"))
	p.oneway(protocol.ReqSendMessageV2, sendFields("no spaces", 0, ""), []byte("bad topic"))
	p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, "TRAN_MSG=true"), []byte("half"))
	p.oneway(protocol.ReqPullMessage, fields{}, nil)
	p.oneway(protocol.ReqEndTransaction, fields{}, nil)
	p.oneway(9999, fields{}, nil)
	// An answer to one of them would have the opaque 77 or 0 and come before this one; Invoke would not take it.
	p.want(protocol.ResSuccess, p.send("t", 0, "", "after"))
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	if diff := cmp.Diff([]string{"good", "after"}, bodies(t, got.Body)); diff != "" {
		t.Error(diff)
	}
}

func unit(body, properties string) []byte {
	be := binary.BigEndian
	text := props(properties)
	b := be.AppendUint32(nil, uint32(22+len(body)+len(text)))
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, 5)
	b = be.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	b = be.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

func TestBatchMakesOneRecordPerUnit(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	batch := sendFields("t", 1, "WAIT=true UNIQ_KEY=U0").with(fields{"m": "true"})
	body := append(unit("one", "UNIQ_KEY=U1 TAGS=a"), unit("two", "UNIQ_KEY=U2 WAIT=true KEYS=k")...)
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqSendBatchMessage, batch, body))
	ids := strings.Split(got.Fields.String("msgId"), ",")
	if len(ids) != 2 || got.Fields.String("queueOffset") != "0" || got.Fields.String("queueId") != "1" || got.Fields.String("transactionId") != "U0" {
		t.Errorf("answer %v", got.Fields)
	}
	for _, id := range ids {
		if _, _, err := message.ParseID(id); err != nil {
			t.Error(err)
		}
	}
	pulled := p.want(protocol.ResSuccess, p.call(protocol.ReqPullMessage, pullFields("g", "t", 1, 0), nil))
	for i, r := range records(t, pulled.Body) {
		want := []string{"UNIQ_KEY=U1 TAGS=a __CRC32#=", "UNIQ_KEY=U2 KEYS=k __CRC32#="}[i]
		if !strings.HasPrefix(readable(r.Properties), want) || r.Flag != 5 || r.QueueOffset != message.QueueOffset(i) {
			t.Errorf("unit %d: %q, flag %d, offset %d", i, readable(r.Properties), r.Flag, r.QueueOffset)
		}
	}
	f := func(code int32, remark string, fs fields, body []byte) {
		t.Helper()
		if got := p.call(protocol.ReqSendBatchMessage, fs, body); got.Code != code || !strings.Contains(got.Remark, remark) {
			t.Errorf("answered %d %q, want %d %q", got.Code, got.Remark, code, remark)
		}
	}
	f(13, "retry group", batch.with(fields{"b": "%RETRY%g"}), body)
	f(13, "DELAY is 3", batch.with(fields{"i": string(props("DELAY=3"))}), body)
	f(13, "passes the end of its batch", batch, body[:len(body)-3])
	f(13, "TRAN_MSG", batch, append(body, unit("x", "TRAN_MSG=true")...))
	f(13, "cannot wait for a time", batch.with(fields{"i": string(props("TIMER_DELAY_MS=9"))}), body)
	f(13, "inner batches", batch.with(fields{"f": "128"}), body)
	if got := n.store.MaxOffset(message.Queue{Topic: "t", ID: 1}); got != 2 {
		t.Errorf("%d messages stored, a refused batch leaves none", got)
	}
	// 320 without the batch flag is a single message, as with Apache.
	p.want(protocol.ResSuccess, p.call(protocol.ReqSendBatchMessage, sendFields("t", 1, ""), []byte("single")))
}

// Sends to a topic that does not exist yet, pipelined on several connections: the topic is made once and each
// connection's order stays.
func TestPipelinedFirstSendsKeepOrder(t *testing.T) {
	n := newNode(t)
	const conns, each = 4, 50
	var wg sync.WaitGroup
	for c := range conns {
		p := n.dial()
		wg.Go(func() {
			var waits []<-chan *protocol.Frame
			for i := range each {
				p.oneway(protocol.ReqSendMessageV2, sendFields("fresh", 0, ""), []byte(fmt.Sprintf("%d-%03d", c, i)))
			}
			for _, w := range waits {
				<-w
			}
			p.call(protocol.ReqSendMessageV2, sendFields("fresh", 1, ""), []byte("end"))
		})
	}
	wg.Wait()
	p := n.dial()
	last := map[byte]string{}
	total := 0
	for from := int64(0); ; {
		got := p.call(protocol.ReqPullMessage, pullFields("g", "fresh", 0, from), nil)
		if got.Code != protocol.ResSuccess {
			break
		}
		for _, body := range bodies(t, got.Body) {
			if body <= last[body[0]] {
				t.Errorf("%s came after %s", body, last[body[0]])
			}
			last[body[0]] = body
			total++
		}
		from, _, _ = got.Fields.Int64("nextBeginOffset")
	}
	if total != conns*each {
		t.Errorf("%d of %d arrived", total, conns*each)
	}
}

func TestPriorityChoosesTheQueue(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	f := func(properties, queue string) {
		t.Helper()
		got := p.want(protocol.ResSuccess, p.send("t", 0, properties, "x"))
		if got.Fields.String("queueId") != queue {
			t.Errorf("%q went to queue %s, want %s", properties, got.Fields.String("queueId"), queue)
		}
	}
	f("a=1", "0")
	f("_SYS_MSG_PRIORITY_=2", "2")
	f("_SYS_MSG_PRIORITY_=9", "3")
	f("_SYS_MSG_PRIORITY_=2 __SHARDINGKEY=k", "0")
	if r := n.stored("t", 0); r.Properties.GetString(property.Priority) != "" {
		t.Errorf("an ordered message keeps its priority: %q", readable(r.Properties))
	}
}

func TestDelayedMessageArrivesLater(t *testing.T) {
	n := newNode(t, func(_ *Options, o *store.Options) { o.DelayLevels = []time.Duration{20 * time.Millisecond, time.Hour} })
	p := n.dial()
	p.want(protocol.ResSuccess, p.send("t", 0, "", "first"))
	p.want(protocol.ResSuccess, p.send("t", 0, "DELAY=1 TIMER_DELAY_SEC=99", "later"))
	hold := pullFields("g", "t", 0, 1).with(fields{"sysFlag": "6", "suspendTimeoutMillis": "10000"})
	got := p.want(protocol.ResSuccess, p.call(protocol.ReqPullMessage, hold, nil))
	r := records(t, got.Body)[0]
	if string(r.Body) != "later" || string(r.Topic) != "t" || r.QueueID != 0 {
		t.Errorf("arrived %s in %s %d", r.Body, r.Topic, r.QueueID)
	}
	if _, ok := r.Properties.Get(message.PropTimerDelaySec); ok || r.Properties.GetString(message.PropDelay) != "1" {
		t.Errorf("properties %q, want the level and no timer", readable(r.Properties))
	}
}
