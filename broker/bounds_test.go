package broker

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// labelled are the values of one label that a metric has.
func (n *node) labelled(name, label string) (values []string) {
	n.Metrics(func(s metrics.Sample) {
		if s.Name != name {
			return
		}
		for i := 0; i < len(s.Labels); i += 2 {
			if s.Labels[i] == label {
				values = append(values, s.Labels[i+1])
			}
		}
	})
	slices.Sort(values)
	return values
}

// TestLagIsToldOfWhatIsThere: clients may subscribe to any number of topics, there or not.
func TestLagIsToldOfWhatIsThere(t *testing.T) {
	n := newNode(t, func(o *Options, _ *store.Options) { o.MaxSeries = 3 })
	p := n.dial()
	topics := []string{"ghost"}
	for i := range 5 {
		topics = append(topics, fmt.Sprint("t", i))
		n.topic(topics[i+1], 1)
	}
	p.want(0, p.beat("c", "g", protocol.ModelClustering, "*", topics...))
	if got := n.labelled("rocketmq_consumer_lag_messages", "topic"); !slices.Equal(got, []string{"t0", "t1", "t2"}) {
		t.Errorf("told of %v", got)
	}
}

// TestMessagesThatCameBackCountForTopicsThatAreThere: clients write where a message came from.
func TestMessagesThatCameBackCountForTopicsThatAreThere(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for _, origin := range []string{"ghost", "t"} {
		p.want(0, p.send("t", 0, "RETRY_TOPIC="+origin, "x"))
	}
	for _, r := range records(t, p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil)).Body) {
		p.want(0, p.call(protocol.ReqConsumerSendMsgBack, fields{"offset": fmt.Sprint(int64(r.LogOffset)), "group": "g", "delayLevel": "-1", "originTopic": "t", "maxReconsumeTimes": "16"}, nil))
	}
	n.desk.Tick()
	if got := p.counted("SNDBCK_PUT_NUMS", "t@g"); got.StatsMinute.Sum != 1 {
		t.Errorf("%+v", got)
	}
	p.want(protocol.ResSystemError, p.call(protocol.ReqViewBrokerStatsData, fields{"statsName": "SNDBCK_PUT_NUMS", "statsKey": "ghost@g"}, nil))
	if got := n.labelled("rocketmq_send_to_dlq_messages_total", "topic"); !slices.Equal(got, []string{"", "t"}) {
		t.Errorf("dead of %q", got)
	}
}

// passes counts how often all offsets are looked at.
type passes struct {
	Store
	n atomic.Int64
}

func (s *passes) EachOffset(visit func(group string, q message.Queue, off message.QueueOffset)) {
	s.n.Add(1)
	s.Store.EachOffset(visit)
}

func (s *passes) Offsets(group string) map[message.Queue]message.QueueOffset {
	s.n.Add(1)
	return s.Store.Offsets(group)
}

// TestOffsetsAreLookedAtOnce: however many topics or groups a request is about.
func TestOffsetsAreLookedAtOnce(t *testing.T) {
	var s passes
	n := newNodeOver(t, func(in Store) Store {
		s.Store = in
		return &s
	})
	p := n.dial()
	for _, topic := range []string{"t", "u", "v"} {
		p.want(0, p.send(topic, 0, "", "x"))
		for _, group := range []string{"g", "h", "i"} {
			p.want(0, p.list(protocol.ReqUpdateAndCreateSubscriptionGroupList, `{"groupConfigList":[{"groupName":%q}]}`, group))
			p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": group, "topic": topic, "queueId": "0", "commitOffset": "1"}, nil))
		}
	}
	f := func(code int32, body string) *protocol.Frame {
		t.Helper()
		s.n.Store(0)
		got := p.want(0, p.call(code, fields{"isOrder": "false"}, []byte(body)))
		if looks := s.n.Load(); looks != 1 {
			t.Errorf("request %d looks %d times at all offsets", code, looks)
		}
		return got
	}
	if got := string(f(protocol.ReqGetBrokerConsumeStats, "").Body); strings.Count(got, `"consumeTps"`) < 9 {
		t.Errorf("told %s", got)
	}
	f(protocol.ReqDeleteTopicInBrokerList, `{"topicList":["t","u","t"]}`)
	f(protocol.ReqDeleteSubscriptionGroupList, `{"cleanOffset":true,"groupNameList":["g","h"]}`)
	if left := n.store.Offsets("i"); len(left) != 1 || len(n.store.Offsets("g")) != 0 {
		t.Errorf("left %v and %v", left, n.store.Offsets("g"))
	}
}
