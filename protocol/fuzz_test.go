package protocol

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldens are the captured files of testdata with one of the endings.
func goldens(f *testing.F, endings ...string) (out [][]byte) {
	f.Helper()
	for _, ending := range endings {
		names, err := filepath.Glob(filepath.Join("testdata", "*"+ending))
		if err != nil || len(names) == 0 {
			f.Fatalf("no captured *%s: %v", ending, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			out = append(out, b)
		}
	}
	return out
}

// FuzzHeaders hands the fields of any frame to every header: each decodes them or says what is wrong.
func FuzzHeaders(f *testing.F) {
	for _, b := range goldens(f, ".frame") {
		f.Add(b[4:])
	}
	f.Add(jsonFrame(javaSendHeader, "body"))
	f.Add(jsonFrame(`{"code":11,"extFields":{"consumerGroup":"g","topic":"t","queueId":"0","queueOffset":"-1","maxMsgNums":"32","sysFlag":"2","commitOffset":"0"}}`, ""))
	f.Add(jsonFrame(`{"code":37,"extFields":{"producerGroup":"g","tranStateTableOffset":"5","commitLogOffset":"7","commitOrRollback":"8","msgId":"A"}}`, ""))
	f.Add(jsonFrame(`{"code":222,"extFields":{"topic":"t","group":"g","timestamp":"99999999999999999999","isForce":"maybe"}}`, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame Frame
		if DecodeFrame(b, &frame) != nil {
			return
		}
		fs := frame.Fields
		for _, h := range []interface{ Decode(Fields) error }{
			&ResetOffsetHeader{}, &ConsumerStatusHeader{}, &RunningInfoHeader{}, &ConsumeDirectlyHeader{}, &ReplyMessageHeader{},
			&GetRouteHeader{}, &DeleteTopicInNamesrvHeader{}, &ClusterHeader{}, &BrokerNameHeader{}, &RegisterBrokerHeader{},
			&RegisterBrokerResponseHeader{}, &BrokerIdentityHeader{}, &QueryDataVersionResponseHeader{}, &BrokerGroupHeader{},
			&BrokerHeartbeatHeader{}, &CreateTopicHeader{}, &TopicHeader{}, &ConfigPageHeader{}, &KVResponseHeader{}, &SendBackHeader{},
			&PullMessageHeader{}, &PullMessageResponseHeader{}, &UnregisterClientHeader{}, &ConsumerGroupHeader{}, &ProducerGroupHeader{},
			&EndTransactionHeader{}, &CheckTransactionHeader{}, &QueryMessageHeader{}, &QueryMessageResponseHeader{}, &ViewMessageHeader{},
			&DeleteGroupHeader{}, &GroupHeader{}, &CloneGroupOffsetHeader{}, &ConsumeStatsHeader{}, &SendMessageResponseHeader{}, &QueryConsumerOffsetHeader{},
			&UpdateConsumerOffsetHeader{}, &BrokerStatsHeader{}, &BrokerConsumeStatsHeader{}, &ConsumeTimeSpanHeader{}, &SearchOffsetHeader{}, &QueueHeader{}, &OffsetResponseHeader{}, &TimestampResponseHeader{},
		} {
			if err := h.Decode(fs); err != nil && strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%T refuses without a word", h)
			}
		}
		for _, decode := range []func(*KVHeader, Fields) error{(*KVHeader).DecodePut, (*KVHeader).DecodeKey, (*KVHeader).DecodeNamespace} {
			_ = decode(&KVHeader{}, fs)
		}
	})
}

// FuzzBodies hands any body to every JSON body type: what one takes, it takes again in the form in which it is sent.
func FuzzBodies(f *testing.F) {
	for _, b := range goldens(f, ".json") {
		f.Add(b)
	}
	f.Add([]byte(`{"clientID":"c","producerDataSet":[{"groupName":"p"}],"consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"t","subString":"*","tagsSet":["a"],"codeSet":[97],"subVersion":1,"expressionType":"TAG"}],"unitMode":false}]}`))
	f.Add([]byte(`{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:5}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := UnmarshalHeartbeat(b); err == nil && len(MarshalBody(h)) == 0 {
			t.Error("a heartbeat is encoded as nothing")
		}
		for _, body := range []func() any{
			func() any { return new(ConsumerIDList) }, func() any { return new(ConsumerConnection) }, func() any { return new(ProducerConnection) },
			func() any { return new(TopicList) }, func() any { return new(GroupList) }, func() any { return new(KVTable) },
			func() any { return new(BrokerStatsData) }, func() any { return new(ConsumeTimeSpans) }, func() any { return new(TimerMetrics) },
			func() any { return new(HARuntimeInfo) }, func() any { return new(ColdDataFlow) },
			func() any { return new(ClusterInfo) }, func() any { return new(BrokerMemberGroupResponse) }, func() any { return new(SubscriptionGroupConfig) },
			func() any { return new(SubscriptionGroupTable) }, func() any { return new(CheckClientRequest) }, func() any { return new(LockBatchRequest) },
			func() any { return new(LockBatchResponse) }, func() any { return new(MessageQueue) }, func() any { return new(ResetOffset) },
			func() any { return new(RouteData) }, func() any { return new(ConsumeStats) }, func() any { return new(TopicStats) },
			func() any { return new(TopicConfig) }, func() any { return new(TopicConfigTable) }, func() any { return new(DataVersion) },
		} {
			v := body()
			if UnmarshalBody(b, v) != nil {
				continue
			}
			switch v.(type) {
			case *ResetOffset, *ConsumeStats, *TopicStats: // queues as keys: these have a form of their own
				continue
			}
			if err := UnmarshalBody(MarshalBody(v), body()); err != nil {
				t.Errorf("a %T that was taken is encoded as something that is not: %v", v, err)
			}
		}
	})
}
