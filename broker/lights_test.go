package broker

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// lightSend is a send (10) of one message whose properties are "name=value name=value".
func lightSend(p *peer, topic, body, properties string) *protocol.Frame {
	p.t.Helper()
	text := strings.NewReplacer("=", "\x01", " ", "\x02").Replace(properties)
	return p.call(protocol.ReqSendMessage, fields{"producerGroup": "P", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "1", "queueId": "0",
		"sysFlag": "0", "bornTimestamp": "1", "flag": "0", "properties": text, "reconsumeTimes": "0", "unitMode": "false", "batch": "false"}, []byte(body))
}

func lightPull(p *peer, queue, from string) *protocol.Frame {
	p.t.Helper()
	return p.call(protocol.ReqPullMessage, fields{"consumerGroup": "%LMQ%client", "topic": queue, "queueId": "0", "queueOffset": from, "maxMsgNums": "32",
		"sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "1", "expressionType": "TAG"}, nil)
}

func TestLightQueuesOverTheWire(t *testing.T) {
	n := newNode(t, func(_ *Options, s *store.Options) { s.MaxLights = 3 })
	p := n.dial()
	want := func(r *protocol.Frame, code int32, remark string) {
		t.Helper()
		if r.Code != code || !strings.Contains(r.Remark, remark) {
			t.Errorf("answered %d %q, want %d %q", r.Code, r.Remark, code, remark)
		}
	}
	want(lightSend(p, "T", "one", "INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b INNER_MULTI_QUEUE_OFFSET=7,7"), 0, "")
	want(lightSend(p, "T", "two", "INNER_MULTI_DISPATCH=%LMQ%b"), 0, "")
	want(lightSend(p, "T", "lite", "__LITE_TOPIC=chat"), 0, "")
	want(lightSend(p, "T", "x", "INNER_MULTI_DISPATCH=%LMQ%d"), protocol.ResLMQQuotaExceeded, "there are 3, the limit is 3")
	want(lightSend(p, "T", "x", "INNER_MULTI_DISPATCH=a"), protocol.ResMessageIllegal, "is no name of a light queue")
	want(lightSend(p, "T", "x", "__LITE_TOPIC=a$b"), protocol.ResMessageIllegal, "must not hold")
	want(lightSend(p, "%LMQ%a", "x", ""), protocol.ResNoPermission, "is forbidden")

	for _, c := range []struct{ queue, bodies, offsets string }{
		{"%LMQ%a", "one", "0,0"},
		{"%LMQ%b", "one two", "0,0 1"},
		{"%LMQ%$T$chat", "lite", "0"},
	} {
		r := lightPull(p, c.queue, "0")
		want(r, protocol.ResSuccess, "FOUND")
		var bodies, offsets []string
		for b := r.Body; len(b) > 0; {
			rec, err := message.ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			if string(rec.Topic) != "T" {
				t.Errorf("the message says topic %s", rec.Topic)
			}
			bodies, offsets = append(bodies, string(rec.Body)), append(offsets, rec.Properties.GetString(message.PropMultiQueueOffset))
			b = b[rec.Size:]
		}
		if got := strings.Join(bodies, " "); got != c.bodies || strings.Join(offsets, " ") != c.offsets {
			t.Errorf("%s: %q at %q, want %q at %q", c.queue, got, offsets, c.bodies, c.offsets)
		}
	}
	if r := p.call(protocol.ReqGetMaxOffset, fields{"topic": "%LMQ%b", "queueId": "0"}, nil); r.Fields.String("offset") != "2" {
		t.Errorf("the queue ends at %s", r.Fields.String("offset"))
	}
	want(p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "%LMQ%client", "topic": "%LMQ%b", "queueId": "0", "commitOffset": "1"}, nil), 0, "")
	if r := p.call(protocol.ReqQueryConsumerOffset, fields{"consumerGroup": "%LMQ%client", "topic": "%LMQ%b", "queueId": "0"}, nil); r.Fields.String("offset") != "1" {
		t.Errorf("committed: %d %s %s", r.Code, r.Remark, r.Fields.String("offset"))
	}
	if _, made := n.store.GroupBytes([]byte("%LMQ%client")); made {
		t.Error("a group was made for a light client")
	}
	want(p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "%LMQ%a"}, nil), 0, "")
	want(lightSend(p, "T", "three", "INNER_MULTI_DISPATCH=%LMQ%d"), 0, "")
}

func TestLightQueuesSwitchedOff(t *testing.T) {
	n := newNode(t, func(o *Options, s *store.Options) { o.NoLights, s.NoLights = true, true })
	p := n.dial()
	if r := lightSend(p, "T", "one", "INNER_MULTI_DISPATCH=%LMQ%a,b"); r.Code != 0 {
		t.Errorf("answered %d %s", r.Code, r.Remark)
	}
	if n.store.Lights() != 0 || n.store.MaxOffset(message.Queue{Topic: "T"}) != 1 {
		t.Errorf("%d light queues", n.store.Lights())
	}
}
