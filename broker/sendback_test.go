package broker

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestSendBackOfForeignMessages: an offset alone, which anybody can make up, does not bring a half message, or one of another topic.
func TestSendBackOfForeignMessages(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	half := p.want(0, p.call(protocol.ReqSendMessageV2, sendFields("t", 0, "TRAN_MSG=true PGROUP=pg UNIQ_KEY=U").with(fields{"f": "4"}), []byte("half")))
	plain := p.want(0, p.send("ns%t", 0, "", "plain"))
	back := func(sent *protocol.Frame, topic string) *protocol.Frame {
		_, at, err := message.ParseID(sent.Fields.String("msgId"))
		if err != nil {
			t.Fatal(err)
		}
		return p.call(protocol.ReqConsumerSendMsgBack, fields{"offset": fmt.Sprint(int64(at)), "group": "g", "delayLevel": "-1", "originTopic": topic}, nil)
	}
	for _, topic := range []string{"", "t", message.TopicHalf} {
		p.want(protocol.ResSystemError, back(half, topic))
	}
	p.want(protocol.ResSystemError, back(plain, "other"))
	if got := n.store.MaxOffset(message.Queue{Topic: "%DLQ%g"}); got != 0 {
		t.Errorf("%d messages were copied", got)
	}
	p.want(protocol.ResSystemError, back(plain, "t")) // which is another namespace's
	for _, topic := range []string{"", "ns%t"} {
		p.want(0, back(plain, topic))
	}
	if got := n.store.MaxOffset(message.Queue{Topic: "%DLQ%g"}); got != 2 {
		t.Errorf("%d messages were copied, want 2", got)
	}
}
