package broker

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// FuzzRequest sends any request to a broker in memory: whatever it answers, it goes on to answer others. Fields are lines of
// name=value.
func FuzzRequest(f *testing.F) {
	send := "producerGroup=p\ntopic=T\ndefaultTopic=TBW102\ndefaultTopicQueueNums=4\nqueueId=0\nsysFlag=0\nbornTimestamp=1\nflag=0\nproperties=KEYS\x01k\x02\nreconsumeTimes=0"
	short := "a=p\nb=T\nc=TBW102\nd=4\ne=0\nf=0\ng=1\nh=0\ni=\nj=0\nk=false"
	for _, seed := range []struct {
		code         int32
		fields, body string
	}{
		{protocol.ReqSendMessage, send, "hello"}, {protocol.ReqSendMessageV2, short, "hello"}, {protocol.ReqSendBatchMessage, short, "\x00\x00\x00\x10"},
		{protocol.ReqPullMessage, "consumerGroup=g\ntopic=T\nqueueId=0\nqueueOffset=0\nmaxMsgNums=32\nsysFlag=4\ncommitOffset=0\nsuspendTimeoutMillis=0\nsubscription=*\nsubVersion=0", ""},
		{protocol.ReqHeartBeat, "", `{"clientID":"c","producerDataSet":[],"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"topic":"T","subString":"*"}]}]}`},
		{protocol.ReqUpdateAndCreateTopic, "topic=T\ndefaultTopic=TBW102\nreadQueueNums=4\nwriteQueueNums=4\nperm=6\ntopicFilterType=SINGLE_TAG\ntopicSysFlag=0\norder=false\nattributes=+message.type=NORMAL", ""},
		{protocol.ReqUpdateConsumerOffset, "consumerGroup=g\ntopic=T\nqueueId=0\ncommitOffset=5", ""},
		{protocol.ReqQueryConsumerOffset, "consumerGroup=g\ntopic=T\nqueueId=0", ""},
		{protocol.ReqLockBatchMQ, "", `{"clientId":"c","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":0,"topic":"T"}]}`},
		{protocol.ReqConsumerSendMsgBack, "offset=0\ngroup=g\ndelayLevel=3\noriginMsgId=m\noriginTopic=T\nmaxReconsumeTimes=16", ""},
		{protocol.ReqViewMessageByID, "offset=1000", ""}, {protocol.ReqQueryMessage, "topic=T\nkey=k\nmaxNum=32\nbeginTimestamp=0\nendTimestamp=9223372036854775807", ""},
		{protocol.ReqSearchOffsetByTimestamp, "topic=T\nqueueId=0\ntimestamp=1", ""}, {protocol.ReqGetMaxOffset, "topic=T\nqueueId=-1", ""},
		{222, "topic=T\ngroup=g\ntimestamp=-1\nisForce=true", ""}, {200050, "", `{"cmds":[]}`}, {-1, "a=", "\xff"},
	} {
		f.Add(seed.code, seed.fields, []byte(seed.body))
	}
	n := newNode(f)
	p := n.dial()
	f.Fuzz(func(t *testing.T, code int32, lines string, body []byte) {
		request := protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Opaque: -7, Body: body}
		for line := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			request.Fields.Add(name, value)
		}
		conn, err := remoting.Dial(t.Context(), n.addr, remoting.Options{Mux: remoting.NewMux()})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Wait()
		defer conn.Close() //nolint:errcheck // the peer may have closed it
		if conn.Send(&request) != nil {
			return // refused before it is sent: no frame can hold it
		}
		conn.Flush()
		alive := protocol.Frame{Code: protocol.ReqGetMaxOffset, Version: protocol.CurrentVersion, Fields: wire(fields{"topic": "T", "queueId": "0"})}
		if answer, err := p.conn.Invoke(t.Context(), &alive); err != nil || answer.Remark == "" && answer.Code != protocol.ResSuccess {
			t.Errorf("afterwards another request is answered with %+v, %v", answer, err)
		}
	})
}
