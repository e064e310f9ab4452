package broker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/lites"
	"github.com/google/go-cmp/cmp"
)

// wildNode is a broker with a parent of lite topics and a group that reads all of them.
func wildNode(t *testing.T) (*node, *peer) { return liteNode(t, `,"+lite.sub.wildcard":"true"`) }

func (p *peer) room(name, body string) { p.want(0, lightSend(p, "chats", body, "__LITE_TOPIC="+name)) }

// TestWildcardGroup: it gets what stands in all lite topics of its parent, those included that come later, in order in each; one that is not acknowledged
// holds up itself alone. Its client names none.
func TestWildcardGroup(t *testing.T) {
	n, p := wildNode(t)
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("others", "1", "6").with(fields{"attributes": "+message.type=LITE"}), nil))
	p.room("a", "a0")
	p.want(0, lightSend(p, "others", "foreign", "__LITE_TOPIC=a"))
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil))
	p.subscribeLite(604, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a"]`)
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":[]`)
	if got := n.LiteQueues("c", "g"); !slices.Equal(got, []string{"chats@g"}) {
		t.Errorf("the client reads %v", got)
	}
	first := p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil)
	p.wantLite(first, "a0", "0")

	waiting := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	n.waitPops(1)
	q := n.dial()
	q.room("a", "a1")
	q.room("new", "new0")
	second := <-waiting
	p.wantLite(second, "new0", "0")
	waiting = p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	n.waitPops(1)
	q.ackLite(0, first, "a", 0)
	p.wantLite(<-waiting, "a1", "0")

	p.subscribeLite(0, protocol.LiteCompleteRemove, "c", "g", "")
	q.ackLite(0, second, "new", 0)
	q.room("new", "new1")
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil))
}

// TestWildcardClientsShare: two clients that wait get what comes between them, each message once.
func TestWildcardClientsShare(t *testing.T) {
	n, p := wildNode(t)
	q, sender := n.dial(), n.dial()
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":[]`)
	q.subscribeLite(0, protocol.LiteCompleteAdd, "d", "g", `,"liteTopicSet":["ignored"]`)
	one := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	two := q.start(protocol.ReqPopLiteMessage, popLiteFields("d", "g", 20000))
	n.waitPops(2)
	sender.room("a", "same")
	var left <-chan *protocol.Frame
	select {
	case r := <-one:
		p.wantLite(r, "same", "0")
		left = two
	case r := <-two:
		p.wantLite(r, "same", "0")
		left = one
	}
	n.waitPops(1)
	sender.room("b", "other")
	p.wantLite(<-left, "other", "0")
}

// TestWildcardGroupReadsMany: more lite topics than one look draws, all of them there before the group; nothing is left out and nothing comes twice.
func TestWildcardGroupReadsMany(t *testing.T) {
	n, p := wildNode(t)
	const rooms = 300
	want := map[string]int{}
	for i := range rooms {
		p.room(fmt.Sprint("r", i), fmt.Sprint("m", i))
		want[fmt.Sprint("m", i)] = 1
	}
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":[]`)
	got := map[string]int{}
	for len(got) < rooms {
		r := p.want(0, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil))
		for _, rec := range records(t, r.Body) {
			got[string(rec.Body)]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil))
	// What an operator resets comes again, though it is out of sight.
	waiting := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	n.waitPops(1)
	q := n.dial()
	queue := message.Queue{Topic: "%LMQ%$chats$r7"}
	if err := n.store.ResetOffset(t.Context(), "g", queue, 0); err != nil {
		t.Fatal(err)
	}
	if !n.pops.Moved("g", queue) {
		t.Error("the group does not pop the queue")
	}
	q.wantLite(<-waiting, "m7", "0")
}

// TestWildcardMessageComesAgain: when its invisible time is over, to whoever waits.
func TestWildcardMessageComesAgain(t *testing.T) {
	_, p := wildNode(t)
	p.room("a", "a0")
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":[]`)
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0).with(fields{"invisibleTime": "300"}), nil), "a0", "0")
	p.wantLite(p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000), nil), "a0", "1")
}

// TestWildcardGroupsAreTold: administrators see it as a reader of each lite topic, and what stands for all of them at the client.
func TestWildcardGroupsAreTold(t *testing.T) {
	n, p := wildNode(t)
	p.room("a", "a0")
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", `,"liteTopicSet":[]`)
	topic := decode[lites.TopicInfo](t, p.want(0, p.call(protocol.ReqGetLiteTopicInfo, fields{"parentTopic": "chats", "liteTopic": "a"}, nil)).Body)
	if !cmp.Equal(topic.Subscribers, []lites.Client{{ID: "*", Group: "g"}}) {
		t.Errorf("topic %+v", topic)
	}
	client := decode[lites.ClientInfo](t, p.want(0, p.call(protocol.ReqGetLiteClientInfo, fields{"parentTopic": "chats", "group": "g", "clientId": "c", "maxCount": "9"}, nil)).Body)
	if client.Count != 1 || !slices.Equal(client.Topics, []string{"chats@g"}) {
		t.Errorf("client %+v", client)
	}
	// A look at everything that an operator asks for finds what nobody told of: here that the group's offset was moved behind its back.
	first := p.call(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 0), nil)
	p.wantLite(first, "a0", "0")
	p.ackLite(0, first, "a", 0)
	waiting := p.start(protocol.ReqPopLiteMessage, popLiteFields("c", "g", 20000))
	n.waitPops(1)
	if err := n.store.ResetOffset(t.Context(), "g", message.Queue{Topic: "%LMQ%$chats$a"}, 0); err != nil {
		t.Fatal(err)
	}
	q := n.dial()
	q.want(0, q.call(protocol.ReqTriggerLiteDispatch, fields{"group": "g"}, nil))
	p.wantLite(<-waiting, "a0", "0")
}
