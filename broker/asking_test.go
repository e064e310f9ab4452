package broker

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// A client that does not take its replies keeps some of the broker's tasks, and leaves the others to everybody else.
func TestMuteClientLeavesTasks(t *testing.T) {
	n := newNode(t)
	p, other := n.dial(), n.dial()
	n.topic("T", 1)
	n.topic("R", 1)
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqPushReplyMessageToClient, "mute", func(*remoting.Conn, *protocol.Frame) {})
	mute, err := remoting.Dial(t.Context(), n.addr, remoting.Options{Mux: mux})
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Wait()
	defer mute.Close()
	beat := &protocol.Frame{Code: protocol.ReqHeartBeat, Language: protocol.LanguageJava, Version: protocol.CurrentVersion,
		Body: []byte(`{"clientID":"mute","producerDataSet":[{"groupName":"pg"}],"consumerDataSet":[]}`)}
	if f, err := mute.Invoke(t.Context(), beat); err != nil || f.Code != 0 {
		t.Fatal(f, err)
	}
	reply := fields{"producerGroup": "x", "topic": "R", "defaultTopic": "TBW102", "defaultTopicQueueNums": "1", "queueId": "0", "sysFlag": "0",
		"bornTimestamp": "1", "flag": "0", "properties": "REPLY_TO_CLIENT\x01mute\x02"}
	for range 3000 { // more than may be asked, and fewer than may wait where the machine is slow
		p.oneway(protocol.ReqSendReplyMessage, reply, []byte("r"))
	}
	// One that is answered: those before it have come to where the limit stops them.
	p.want(protocol.ResSystemError, p.call(protocol.ReqSendReplyMessage, reply, []byte("r")))
	other.want(protocol.ResPollingTimeout, other.call(protocol.ReqPopMessage, popFields("g", "T", 0, nil), nil))
}
