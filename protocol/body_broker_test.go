package protocol

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func captured(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The files hold what RocketMQ 5.5.0 answered, byte by byte.
func TestBrokerBodiesAsApacheWritesThem(t *testing.T) {
	f := func(name string, body any) {
		t.Helper()
		want := captured(t, name)
		if err := UnmarshalBody([]byte(want), body); err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(want, string(MarshalBody(body))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	f("view_broker_stats_data.json", new(BrokerStatsData))
	f("query_consume_time_span.json", new(ConsumeTimeSpans))
	f("get_timer_metrics.json", new(TimerMetrics))
	f("get_broker_ha_status.json", new(HARuntimeInfo))
	f("get_cold_data_flow.json", new(ColdDataFlow))
}

func TestConsumeStatsListAsApacheWritesIt(t *testing.T) {
	want := captured(t, "get_broker_consume_stats.json")
	queue := func(id int32) MessageQueue { return MessageQueue{BrokerName: "broker-a", QueueID: id, Topic: "Top"} }
	var read struct {
		ConsumeStatsList []map[string][]ConsumeStats
	}
	if err := UnmarshalBody([]byte(want), &read); err != nil {
		t.Fatal(err)
	}
	list := ConsumeStatsList{BrokerAddr: "127.0.0.1:21112", TotalDiff: 1, TotalInflightDiff: -2}
	for _, one := range read.ConsumeStatsList {
		for name, topics := range one {
			list.Groups = append(list.Groups, GroupConsumeStats{name, topics})
			for _, topic := range topics {
				if got := topic.OffsetTable[queue(0)]; name != "Gop" || got.BrokerOffset != 3 || got.ConsumerOffset != 2 || topic.OffsetTable[queue(1)] != (OffsetWrapper{}) {
					t.Errorf("group %s: %+v", name, topic)
				}
			}
		}
	}
	if diff := cmp.Diff(want, string(list.Append(nil))); diff != "" {
		t.Error(diff)
	}
}

func TestHumanTime(t *testing.T) {
	if got, want := len(HumanTime(1_795_446_017_148)), len("2026-11-23#15:00:17:148"); got != want {
		t.Errorf("%d letters, want %d", got, want)
	}
	if a, b := HumanTime(-1), HumanTime(999); a[len(a)-4:] != ":999" || b[len(b)-4:] != ":999" {
		t.Errorf("%s, %s", a, b)
	}
}
