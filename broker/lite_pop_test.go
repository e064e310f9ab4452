package broker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TestLiteTopicIsPopped: a lite topic's queue is popped under its name, in order: its next message comes when the one before is acknowledged.
func TestLiteTopicIsPopped(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("chats", 1)
	for i := range 3 {
		p.want(0, lightSend(p, "chats", fmt.Sprint("m", i), "__LITE_TOPIC=room"))
	}
	p.want(0, lightSend(p, "chats", "other", "__LITE_TOPIC=elsewhere"))
	const queue = "%LMQ%$chats$room"
	ordered := fields{"order": "true", "maxMsgNums": "1", "attemptId": "a"}
	for i := range 3 {
		got := p.pop(t, "g", queue, 0, ordered)
		if len(got) != 1 || names(got) != fmt.Sprint("m", i) {
			t.Fatalf("pop %d: %s", i, names(got))
		}
		p.want(210, p.call(200050, popFields("g", queue, 0, fields{"order": "true", "attemptId": "b"}), nil))
		got[0].topic = queue // as the Java client and RocketMQ's proxy know a light queue's messages
		p.ack(t, "g", got...)
	}
}

// liteNode is a broker with a parent of lite topics and a group that is bound to it.
func liteNode(t *testing.T, more string) (*node, *peer) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("chats", "1", "6").with(fields{"attributes": "+message.type=LITE"}), nil))
	p.want(0, putQuota(p, "g", `"+lite.bind.topic":"chats"`+more))
	return n, p
}

func (p *peer) subscribeLite(code int32, action, client, group, more string) {
	p.t.Helper()
	p.want(code, p.call(protocol.ReqLiteSubscriptionCtl, nil, fmt.Appendf(nil, `{"subscriptionSet":[{"action":%q,"clientId":%q,"group":%q,"topic":"chats"%s}]}`,
		action, client, group, more)))
}

func popLiteFields(client, group string, wait int) fields {
	return fields{"clientId": client, "consumerGroup": group, "topic": "chats", "maxMsgNum": "16", "invisibleTime": "60000", "pollTime": fmt.Sprint(wait),
		"bornTime": "0", "attemptId": ""}
}

func (p *peer) wantLite(r *protocol.Frame, want, counts string) {
	p.t.Helper()
	var got []string
	if r.Code == 0 {
		for _, rec := range records(p.t, r.Body) {
			got = append(got, string(rec.Body))
		}
	}
	slices.Sort(got)
	if text := strings.Join(got, " "); text != want || r.Fields.String("orderCountInfo") != counts {
		p.t.Errorf("%d %s: %q with counts %q, want %q with %q", r.Code, r.Remark, text, r.Fields.String("orderCountInfo"), want, counts)
	}
}

// ackLite acknowledges as the proxy does: the parent, the lite topic, and the offset in its queue.
func (p *peer) ackLite(code int32, r *protocol.Frame, name string, offset int) {
	p.t.Helper()
	popTime, _, _ := r.Fields.Int64("popTime")
	h := protocol.PopHandle{StartOffset: int64(offset), PopTime: popTime, InvisibleTime: 60000, ReviveQueue: protocol.PopOrderQueue, BrokerName: "broker-a",
		QueueOffset: int64(offset), CommitLogOffset: -1}
	p.want(code, p.call(protocol.ReqAckMessage, fields{"consumerGroup": "g", "topic": "chats", "liteTopic": name, "queueId": "0", "offset": fmt.Sprint(offset),
		"extraInfo": string(h.Append(nil))}, nil))
}

// TestPopLite: a client gets what comes to the lite topics that it reads, in order in each; a message of one that is not acknowledged holds up that one alone.
func TestPopLite(t *testing.T) {
	n, p := liteNode(t, "")
	p.want(29, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "other", 0), nil))
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil))
	p.subscribeLite(604, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a$b"]`)
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a","b"]`)
	waiting := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	q := n.dial()
	q.want(0, lightSend(q, "chats", "other", "__LITE_TOPIC=c"))
	q.want(0, lightSend(q, "chats", "a0", "__LITE_TOPIC=a"))
	first := <-waiting
	p.wantLite(first, "a0", "0")
	q.want(0, lightSend(q, "chats", "a1", "__LITE_TOPIC=a"))
	q.want(0, lightSend(q, "chats", "b0", "__LITE_TOPIC=b"))
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000), nil), "b0", "0")
	p.ackLite(0, first, "a", 0)
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000), nil), "a1", "0")
	p.subscribeLite(0, protocol.LitePartialRemove, "c", "g", `,"liteTopicSet":["a"]`)
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":["c"]`)
	if got := n.LiteQueues("c", "g"); len(got) != 1 || got[0] != "%LMQ%$chats$c" {
		t.Errorf("the client reads %v", got)
	}
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["c"],"offsetOption":{"type":"POLICY","value":1}`)
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil), "other", "0")
	p.subscribeLite(0, protocol.LiteCompleteRemove, "c", "g", "")
	if got := n.LiteQueues("c", "g"); len(got) != 0 {
		t.Errorf("the client reads %v", got)
	}
}

// TestLitePopFollowsSubscriptions: a pop that waits brings what its client has asked for since, and not what it has left.
func TestLitePopFollowsSubscriptions(t *testing.T) {
	n, p := liteNode(t, "")
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a"]`)
	waiting := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	n.waitPops(1)
	p.subscribeLite(0, protocol.LitePartialRemove, "c", "g", `,"liteTopicSet":["a"]`)
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["b"]`)
	q := n.dial()
	q.want(0, lightSend(q, "chats", "a0", "__LITE_TOPIC=a"))
	q.want(0, lightSend(q, "chats", "b0", "__LITE_TOPIC=b"))
	p.wantLite(<-waiting, "b0", "0")
}

// A group that is new begins a lite topic at its first message while that is recent, wherever that lies in the parent.
func TestPopLiteBeginsAtTheFirstMessage(t *testing.T) {
	_, p := liteNode(t, "")
	for _, name := range []string{"other", "a", "other", "a"} {
		p.want(0, lightSend(p, "chats", "of "+name, "__LITE_TOPIC="+name))
	}
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a"]`)
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil), "of a of a", "0;0")
}

// TestExclusiveLiteTopics: who takes a lite topic over tells the one before; whose connection ends reads nothing any more.
func TestExclusiveLiteTopics(t *testing.T) {
	n, p := liteNode(t, `,"+lite.sub.model":"Exclusive"`)
	told := make(chan *protocol.Frame, 1)
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqNotifyUnsubscribeLite, "callback", func(_ *remoting.Conn, f *protocol.Frame) { told <- f.Clone() })
	conn, err := remoting.Dial(t.Context(), n.addr, remoting.Options{Mux: mux})
	if err != nil {
		t.Fatal(err)
	}
	first := &peer{t: t, conn: conn}
	t.Cleanup(first.close)
	first.subscribeLite(0, protocol.LitePartialAdd, "one", "g", `,"liteTopicSet":["a"]`)
	p.subscribeLite(0, protocol.LitePartialAdd, "two", "g", `,"liteTopicSet":["a"]`)
	f := <-told
	if f.Fields.String("liteTopic") != "a" || f.Fields.String("clientId") != "one" || f.Fields.String("consumerGroup") != "g" {
		t.Errorf("told %v", f.Fields)
	}
	if a, b := n.LiteQueues("one", "g"), n.LiteQueues("two", "g"); len(a) != 0 || len(b) != 1 {
		t.Errorf("one reads %v, two %v", a, b)
	}
	n.clientMu.Lock()
	s := n.liteConns["two"]
	n.clientMu.Unlock()
	n.Closed(s.conn)
	if b := n.LiteQueues("two", "g"); len(b) != 0 {
		t.Errorf("after its connection's end two reads %v", b)
	}
}
