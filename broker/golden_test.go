package broker

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"regexp"
	"testing"
	"time"
)

// raw speaks to a node byte by byte, as a client that shares no code with us.
type raw struct {
	t  *testing.T
	nc net.Conn
}

func (n *node) raw(t *testing.T) *raw {
	nc, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, nc}
}

// send writes one frame with a JSON header.
func (r *raw) send(header, body string) {
	r.t.Helper()
	be := binary.BigEndian
	b := be.AppendUint32(nil, uint32(4+len(header)+len(body)))
	b = be.AppendUint32(b, uint32(len(header)))
	b = append(append(b, header...), body...)
	if _, err := r.nc.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// receive reads one frame: header text and body.
func (r *raw) receive() (header, body string) {
	r.t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(r.nc, head[:]); err != nil {
		r.t.Fatal(err)
	}
	total, size := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])&0xFFFFFF
	rest := make([]byte, total-4)
	if _, err := io.ReadFull(r.nc, rest); err != nil {
		r.t.Fatal(err)
	}
	return string(rest[:size]), string(rest[size:])
}

// The headers are those that the Java client 5.5.0 and the Go client 2.1.2 write, with their field order and their flags.
func TestGoldenFrames(t *testing.T) {
	n := newNode(t)
	r := n.raw(t)
	f := func(header, body, want string) {
		t.Helper()
		r.send(header, body)
		got, _ := r.receive()
		if !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("answered\n%s, want\n%s", got, want)
		}
	}
	answer := func(code, opaque int, remark, fields string) string {
		if fields != "" {
			fields = `"extFields":\{` + fields + `\},`
		}
		if remark != "" {
			remark = `"remark":"` + remark + `",`
		}
		return fmt.Sprintf(`\{"code":%d,%s"flag":1,"language":"JAVA","opaque":%d,%s"serializeTypeCurrentRPC":"JSON","version":513\}`, code, fields, opaque, remark)
	}
	f(`{"code":310,"extFields":{"a":"pg","b":"GoldenTopic","c":"TBW102","d":"4","e":"2","f":"0","g":"1700000000000","h":"0",`+
		`"i":"UNIQ_KEY\u00017F00000100002A139A5516DCA8E40000\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002","j":"0","k":"false","m":"false","n":"broker-a"},`+
		`"flag":0,"language":"JAVA","opaque":11,"serializeTypeCurrentRPC":"JSON","version":513}`, "hello",
		answer(0, 11, "", `"msgId":"0A01020300002A9F[0-9A-F]{16}","queueId":"2","queueOffset":"0","transactionId":"7F00000100002A139A5516DCA8E40000","MSG_REGION":"DefaultRegion","TRACE_ON":"true"`))
	f(`{"code":10,"language":"GO","version":317,"opaque":12,"flag":0,"remark":"","extFields":{"batch":"false","bornTimestamp":"1700000000000",`+
		`"defaultTopic":"TBW102","defaultTopicQueueNums":"4","flag":"0","maxReconsumeTimes":"0","producerGroup":"pg","properties":"WAIT\u0001true\u0002",`+
		`"queueId":"2","reconsumeTimes":"0","sysFlag":"0","topic":"GoldenTopic","unitMode":"false"}}`, "from Go",
		answer(0, 12, "", `"msgId":"0A01020300002A9F[0-9A-F]{16}","queueId":"2","queueOffset":"1","transactionId":"0A010203[0-9A-F]{24}","MSG_REGION":"DefaultRegion","TRACE_ON":"true"`))
	f(`{"code":34,"flag":0,"language":"JAVA","opaque":13,"serializeTypeCurrentRPC":"JSON","version":513}`,
		`{"clientID":"10.0.0.1@7","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"cg",`+
			`"messageModel":"BROADCASTING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1,`+
			`"tagsSet":[],"topic":"GoldenTopic"}],"unitMode":false}],"heartbeatFingerprint":0,"producerDataSet":[],"withoutSub":false}`,
		answer(0, 13, "", `"IS_SUPPORT_HEART_BEAT_V2":"true","IS_SUB_CHANGE":"true"`))
	r.send(`{"code":11,"extFields":{"consumerGroup":"cg","topic":"GoldenTopic","queueId":"2","queueOffset":"0","maxMsgNums":"32","sysFlag":"2","commitOffset":"0",`+
		`"suspendTimeoutMillis":"15000","subVersion":"1","expressionType":"TAG","maxMsgBytes":"2147483647","bname":"broker-a"},"flag":0,"language":"JAVA","opaque":14,`+
		`"serializeTypeCurrentRPC":"JSON","version":513}`, "")
	header, body := r.receive()
	want := answer(0, 14, "FOUND", `"suggestWhichBrokerId":"0","nextBeginOffset":"2","minOffset":"0","maxOffset":"2","topicSysFlag":"0","groupSysFlag":"0"`)
	if !regexp.MustCompile("^" + want + "$").MatchString(header) {
		t.Errorf("answered\n%s, want\n%s", header, want)
	}
	if got := bodies(t, []byte(body)); len(got) != 2 || got[0] != "hello" || got[1] != "from Go" {
		t.Errorf("pulled %q", got)
	}
	f(`{"code":14,"extFields":{"consumerGroup":"cg","topic":"GoldenTopic","queueId":"2","setZeroIfNotFound":"false","bname":"broker-a"},"flag":0,"language":"JAVA","opaque":15,"version":513}`, "",
		answer(22, 15, "Not found, do not set to zero, maybe this group boot first", ""))
	f(`{"code":99999,"flag":0,"language":"JAVA","opaque":16,"version":513}`, "", answer(3, 16, " request type 99999 not supported", ""))
}
