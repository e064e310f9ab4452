package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/lites"
)

func TestLiteTopicsAreTold(t *testing.T) {
	_, p := liteNode(t, "")
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("others", "1", "6").with(fields{"attributes": "+message.type=LITE,+lite.topic.expiration=30"}), nil))
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("plain", "1", "6"), nil))
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a","b"]`)
	for _, room := range []string{"a", "a", "a", "b"} {
		p.want(0, lightSend(p, "chats", "m", "__LITE_TOPIC="+room))
	}
	p.want(0, lightSend(p, "others", "m", "__LITE_TOPIC=a"))

	broker := decode[lites.BrokerInfo](t, p.want(0, p.call(protocol.ReqGetBrokerLiteInfo, nil, nil)).Body)
	if broker.Queues != 3 || broker.Subscriptions != 2 || broker.StoreType != "default" {
		t.Errorf("broker %+v", broker)
	}
	if diff := cmp.Diff(map[string]int32{"chats": -1, "others": 30}, broker.TopicMeta); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"chats": {"g"}}, broker.GroupMeta); diff != "" {
		t.Error(diff)
	}
	parent := decode[lites.ParentInfo](t, p.want(0, p.call(protocol.ReqGetParentTopicInfo, fields{"topic": "chats"}, nil)).Body)
	if diff := cmp.Diff(lites.ParentInfo{Topic: "chats", TTL: -1, Groups: []string{"g"}, Queues: 3, LiteTopics: 2}, parent); diff != "" {
		t.Error(diff)
	}
	topic := decode[lites.TopicInfo](t, p.want(0, p.call(protocol.ReqGetLiteTopicInfo, fields{"parentTopic": "chats", "liteTopic": "a"}, nil)).Body)
	if topic.Extent.MaxOffset != 3 || topic.Extent.LastUpdateTimestamp == 0 || !topic.Here || !cmp.Equal(topic.Subscribers, []lites.Client{{ID: "c", Group: "g"}}) {
		t.Errorf("topic %+v", topic)
	}
	clientOf := func(id, most string) lites.ClientInfo {
		t.Helper()
		return decode[lites.ClientInfo](t, p.want(0, p.call(protocol.ReqGetLiteClientInfo, fields{"parentTopic": "chats", "group": "g", "clientId": id, "maxCount": most}, nil)).Body)
	}
	want := lites.ClientInfo{ClientID: "c", Group: "g", Parent: "chats", LastAccess: -1, Count: 2, Topics: []string{"%LMQ%$chats$a"}}
	if diff := cmp.Diff(want, clientOf("c", "1")); diff != "" {
		t.Error(diff)
	}
	if got := clientOf("none", "1"); got.Count != -1 || got.Topics != nil {
		t.Errorf("a client that is not there: %+v", got)
	}
}

func TestLagsBehindLiteTopicsAreTold(t *testing.T) {
	n, p := liteNode(t, "")
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["a","b"]`)
	for _, room := range []string{"a", "b", "b", "c"} {
		p.want(0, lightSend(p, "chats", "m", "__LITE_TOPIC="+room))
	}
	groupInfo := func(more fields) lites.GroupInfo {
		t.Helper()
		return decode[lites.GroupInfo](t, p.want(0, p.call(protocol.ReqGetLiteGroupInfo, fields{"group": "g", "topK": "1"}.with(more), nil)).Body)
	}
	if got := groupInfo(nil); got.Total != 0 || got.Earliest != -1 || got.Parent != "chats" {
		t.Errorf("a group without offsets: %+v", got)
	}
	for _, queue := range []string{"%LMQ%$chats$a", "%LMQ%$chats$b"} {
		p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": queue, "queueId": "0", "commitOffset": "0"}, nil))
	}
	got := groupInfo(nil)
	if got.Total != 3 || len(got.ByCount) != 1 || got.ByCount[0].LiteTopic != "b" || got.ByCount[0].Count != 2 || len(got.ByTime) != 1 || got.ByTime[0].LiteTopic != "a" || got.Earliest != got.ByTime[0].Earliest {
		t.Errorf("%+v", got)
	}
	one := groupInfo(fields{"liteTopic": "b"})
	if one.Total != 2 || one.Place == nil || one.Place.BrokerOffset != 2 || one.Earliest <= 0 {
		t.Errorf("%+v", one)
	}
	if none := groupInfo(fields{"liteTopic": "none"}); none.Total != -1 || none.Earliest != -1 || none.Place != nil {
		t.Errorf("%+v", none)
	}
	p.want(0, p.call(protocol.ReqTriggerLiteDispatch, fields{"group": "g"}, nil))
	p.want(0, p.call(protocol.ReqTriggerLiteDispatch, fields{"group": "g", "clientId": "c"}, nil))
	_ = n
}

func TestWhatIsNotOfLiteTopicsIsRefused(t *testing.T) {
	_, p := liteNode(t, "")
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("plain", "1", "6"), nil))
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"h"}`)))
	f := func(code int32, remark string, request int32, fs fields) {
		t.Helper()
		p.wantTold(code, remark, p.call(request, fs, nil))
	}
	f(17, "Topic [none] not exist.", protocol.ReqGetParentTopicInfo, fields{"topic": "none"})
	f(29, "Topic [plain] type not match.", protocol.ReqGetParentTopicInfo, fields{"topic": "plain"})
	f(1, "<topic> is null", protocol.ReqGetParentTopicInfo, nil)
	f(29, "Topic [plain] type not match.", protocol.ReqGetLiteTopicInfo, fields{"parentTopic": "plain", "liteTopic": "a"})
	f(29, "must not hold", protocol.ReqGetLiteTopicInfo, fields{"parentTopic": "chats", "liteTopic": "a$b"})
	f(17, "Topic [none] not exist.", protocol.ReqGetLiteClientInfo, fields{"parentTopic": "none", "group": "g", "clientId": "c"})
	f(26, "Group [none] not exist.", protocol.ReqGetLiteClientInfo, fields{"parentTopic": "chats", "group": "none", "clientId": "c"})
	f(29, "Subscription [h]-[chats] not match.", protocol.ReqGetLiteClientInfo, fields{"parentTopic": "chats", "group": "h", "clientId": "c"})
	for _, request := range []int32{protocol.ReqGetLiteGroupInfo, protocol.ReqTriggerLiteDispatch} {
		f(26, "Group [none] not exist.", request, fields{"group": "none"})
		f(29, "Group [h] is not a LITE group.", request, fields{"group": "h"})
		f(1, "<group> is null", request, nil)
	}
}

// TestLiteSubscriptionsOfAClientAreBounded: by the group's quota, and what RocketMQ's proxy lets pass beyond it.
func TestLiteSubscriptionsOfAClientAreBounded(t *testing.T) {
	n, p := liteNode(t, `,"+lite.sub.client.quota":"2"`)
	names := func(from, to int) string {
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprintf(`"r%d"`, i))
		}
		return `,"liteTopicSet":[` + strings.Join(list, ",") + `]`
	}
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", names(0, 300))
	p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", names(298, 302))
	p.subscribeLite(protocol.ResLiteSubscriptionQuotaExceeded, protocol.LitePartialAdd, "c", "g", names(301, 303))
	p.subscribeLite(protocol.ResLiteSubscriptionQuotaExceeded, protocol.LiteCompleteAdd, "c", "g", names(0, 303))
	if got := n.LiteQueues("c", "g"); len(got) != 302 {
		t.Errorf("the client reads %d lite topics", len(got))
	}
	p.subscribeLite(0, protocol.LiteCompleteAdd, "c", "g", names(400, 702))
	p.subscribeLite(0, protocol.LitePartialAdd, "d", "g", names(0, 302))
}

// TestLiteTopicsAreReadAgain: from their beginning when their reader has left them, or has lost them to another, if the group wants it so.
func TestLiteTopicsAreReadAgain(t *testing.T) {
	for _, c := range []struct {
		more       string
		left, lost message.QueueOffset
	}{
		{`,"+lite.sub.model":"Exclusive"`, 1, 1},
		{`,"+lite.sub.model":"Exclusive","+lite.sub.reset.offset.unsubscribe":"true"`, 0, 1},
		{`,"+lite.sub.model":"Exclusive","+lite.sub.reset.offset.exclusive":"True"`, 1, 0},
	} {
		n, p := liteNode(t, c.more)
		p.want(1, putQuota(p, "g", `"+lite.sub.reset.offset.exclusive":"maybe"`))
		for _, room := range []string{"left", "lost"} {
			p.want(0, lightSend(p, "chats", "m", "__LITE_TOPIC="+room))
			p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "%LMQ%$chats$" + room, "queueId": "0", "commitOffset": "1"}, nil))
		}
		p.subscribeLite(0, protocol.LitePartialAdd, "c", "g", `,"liteTopicSet":["left","lost"]`)
		p.subscribeLite(0, protocol.LitePartialRemove, "c", "g", `,"liteTopicSet":["left"]`)
		p.subscribeLite(0, protocol.LitePartialAdd, "d", "g", `,"liteTopicSet":["lost"]`)
		for room, want := range map[string]message.QueueOffset{"left": c.left, "lost": c.lost} {
			if got, _ := n.store.Offset("g", message.Queue{Topic: "%LMQ%$chats$" + room}); got != want {
				t.Errorf("%s: the group goes on at %d in %s, want %d", c.more, got, room, want)
			}
		}
	}
}
