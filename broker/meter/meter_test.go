package meter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/metrics"
)

// emitted is what meters tell, a line a sample, in order; only lines with the text.
func emitted(m *Meters, halves int64, with string) (lines []string) {
	m.Emit(halves, func(s metrics.Sample) {
		line := fmt.Sprint(s.Name, s.Labels, " ", s.Value)
		if s.Kind == metrics.Distribution {
			line = fmt.Sprint(s.Name, s.Labels, s.Counts, s.Sum)
		}
		if strings.Contains(line, with) {
			lines = append(lines, line)
		}
	})
	slices.Sort(lines)
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newMeters(limit int) (*Meters, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	return New(limit, func(topic string) bool { return strings.HasPrefix(topic, "rmq_sys_") }, c.now), c
}

func TestWhatComes(t *testing.T) {
	m, _ := newMeters(10)
	var tally Tally
	tally.Flush()
	a, b := m.In("T", Normal), m.In("T", FIFO)
	for _, size := range []int{1, 1024, 1025, 4 << 10, 100_000, 5 << 20} {
		tally.Add(a, size)
	}
	tally.Add(nil, 7)
	tally.Add(b, 10)
	tally.Add(m.In("rmq_sys_x", Delay), 10)
	tally.Flush()
	same(t, emitted(m, 0, "rocketmq_message"),
		"rocketmq_message_size[topic T message_type fifo is_system false] [1 0 0 0 0 0 0] 10",
		"rocketmq_message_size[topic T message_type normal is_system false] [2 2 1 0 0 0 1] 5.349026e+06",
		"rocketmq_message_size[topic rmq_sys_x message_type delay is_system true] [1 0 0 0 0 0 0] 10",
		"rocketmq_messages_in_total[topic T message_type fifo is_system false] 1",
		"rocketmq_messages_in_total[topic T message_type normal is_system false] 6",
		"rocketmq_messages_in_total[topic rmq_sys_x message_type delay is_system true] 1",
	)
	if m.In("%RETRY%G", Normal) != nil || m.In("%DLQ%G", Normal) != nil {
		t.Error("what comes back is counted as if it came anew")
	}
	if !a.Is("T", Normal) || a.Is("T", FIFO) || a.Is("U", Normal) || (*In)(nil).Is("T", Normal) {
		t.Error("a counter is not told from others")
	}
	m.TopicGone("T")
	if a.Is("T", Normal) {
		t.Error("the counter of a deleted topic is still good")
	}
}

func TestWhatGoesOut(t *testing.T) {
	m, _ := newMeters(10)
	m.Out("T", "G", Pulled, 32, 32_000)
	m.Out("T", "G", Pulled, 1, 10)
	m.Out("T", "G", Popped, 2, 20)
	m.Out("T", "G", PoppedIn, 3, 30)
	m.Out("%RETRY%G", "G", Pulled, 5, 50)
	m.Out("T", "cid_rmq_sys_x", Pulled, 4, 40)
	m.Dead("T", "G")
	m.Dead("T", "G")
	same(t, emitted(m, 0, "rocketmq_messages_out"),
		"rocketmq_messages_out_total[topic T consumer_group G is_system false is_retry false] 2",
		"rocketmq_messages_out_total[topic T consumer_group G is_system false is_retry true] 3",
		"rocketmq_messages_out_total[topic T consumer_group G is_system false] 33",
		"rocketmq_messages_out_total[topic T consumer_group cid_rmq_sys_x is_system true] 4",
	)
	same(t, emitted(m, 0, "throughput_out_total[topic T consumer_group G is_system false]"), "rocketmq_throughput_out_total[topic T consumer_group G is_system false] 32010")
	same(t, emitted(m, 0, "dlq"), "rocketmq_send_to_dlq_messages_total[consumer_group G topic T is_system false] 2")
	m.GroupGone("G")
	same(t, emitted(m, 0, " G "))
}

func TestTransactions(t *testing.T) {
	m, _ := newMeters(10)
	same(t, emitted(m, 3, "half"), "rocketmq_half_messages[topic ] 3") // all from before the start
	for range 3 {
		m.Half("T")
	}
	m.Committed("T", 3*time.Second)
	m.RolledBack("U") // its half message came before the start
	same(t, emitted(m, 5, "rocketmq_half"), "rocketmq_half_messages[topic T] 2", "rocketmq_half_messages[topic U] 0", "rocketmq_half_messages[topic ] 3")
	same(t, emitted(m, 2, "rocketmq_half"), "rocketmq_half_messages[topic T] 2", "rocketmq_half_messages[topic U] 0")
	same(t, emitted(m, 0, "commit"), "rocketmq_commit_messages_total[topic T] 1", "rocketmq_commit_messages_total[topic U] 0")
	same(t, emitted(m, 0, "rollback"), "rocketmq_rollback_messages_total[topic T] 0", "rocketmq_rollback_messages_total[topic U] 1")
	same(t, emitted(m, 0, "latency_milliseconds[topic T]"), "rocketmq_finish_message_latency_milliseconds[topic T] [1 0 0 0 0 0 0] 3")
}

func TestMakings(t *testing.T) {
	m, _ := newMeters(10)
	m.Created(false, "T", 20*time.Millisecond, nil)
	m.Created(false, "T", time.Hour, errors.New("refused"))
	m.Created(true, "CID_RMQ_SYS_X", 0, nil)
	same(t, emitted(m, 0, "create"),
		"rocketmq_consumer_group_create_execution_time_milliseconds[invocation_status success] [1 0 0 0 0 0] 0",
		"rocketmq_topic_create_execution_time_milliseconds[invocation_status failure is_system false] [0 0 0 0 0 1] 3.6e+06",
		"rocketmq_topic_create_execution_time_milliseconds[invocation_status success is_system false] [0 1 0 0 0 0] 20",
	)
}

// TestSeriesAreBounded: what finds no room counts in one series for all, and gets one of its own when others have not moved for
// ten minutes.
func TestSeriesAreBounded(t *testing.T) {
	m, c := newMeters(3)
	for i := range 10 {
		m.Out(fmt.Sprint("T", i), "G", Pulled, 1, 1)
	}
	const over = "rocketmq_messages_out_total[otel_metric_overflow true] "
	got := emitted(m, 0, "messages_out")
	if len(got) != 4 || !slices.Contains(got, over+"7") {
		t.Errorf("got %q", got)
	}
	in := m.In("T", Normal)
	m.In("U", Normal)
	m.In("V", Normal)
	lost := m.In("W", Normal)
	if !in.Is("T", Normal) || lost.Is("W", Normal) {
		t.Error("the counter for all may be kept, and will not be let go")
	}
	for range 11 { // T0 moves, the others do not
		c.at = c.at.Add(sweepEvery)
		m.Out("T0", "G", Pulled, 1, 1)
		emitted(m, 0, "")
	}
	m.Out("T9", "G", Pulled, 5, 1)
	got = emitted(m, 0, "messages_out")
	if len(got) != 3 || !slices.Contains(got, "rocketmq_messages_out_total[topic T9 consumer_group G is_system false] 5") || !slices.Contains(got, over+"7") {
		t.Errorf("got %q", got)
	}
	if in.Is("T", Normal) {
		t.Error("a counter that did not move is still there")
	}
}

func TestIdleSeriesExpire(t *testing.T) {
	m, c := newMeters(100)
	m.Out("T", "G", Pulled, 1, 1)
	for range 23 {
		c.at = c.at.Add(time.Hour)
		emitted(m, 0, "")
	}
	if n := len(emitted(m, 0, "messages_out")); n != 1 {
		t.Fatalf("%d series after 23 h", n)
	}
	c.at = c.at.Add(2 * time.Hour)
	same(t, emitted(m, 0, "messages_out"))
}

func TestCountingAllocatesNothing(t *testing.T) {
	m, _ := newMeters(10)
	var tally Tally
	in := m.In("T", Normal)
	m.Out("T", "G", Pulled, 1, 1)
	topic := []byte("T")
	n := testing.AllocsPerRun(100, func() {
		tally.Add(in, 1000)
		tally.Add(in, 100_000)
		tally.Flush()
		m.Out("T", "G", Pulled, 1, 1)
		if !in.Is("T", Normal) || m.In("T", Normal) != in || len(topic) != 1 {
			t.Fatal("another counter")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCountingAtOnce(t *testing.T) {
	m, _ := newMeters(5)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			var tally Tally
			for j := range 200 {
				tally.Add(m.In(fmt.Sprint("T", j%8), Normal), 10)
				m.Out(fmt.Sprint("T", j%8), fmt.Sprint("G", i), Popped, 1, 1)
				m.Committed("T", 0)
				if j%50 == 0 {
					m.Emit(0, func(metrics.Sample) {})
				}
			}
			tally.Flush()
		})
	}
	wg.Wait()
	total := 0.0
	m.Emit(0, func(s metrics.Sample) {
		if s.Name == "rocketmq_messages_in_total" || s.Name == "rocketmq_messages_out_total" {
			total += s.Value
		}
	})
	if total != 1600 {
		t.Errorf("%v messages counted", total)
	}
}

// BenchmarkEmit tells of 10,000 topics with one group each.
func BenchmarkEmit(b *testing.B) {
	m, _ := newMeters(50_000)
	var tally Tally
	for i := range 10_000 {
		topic := fmt.Sprint("topic-", i)
		tally.Add(m.In(topic, Normal), 1000)
		m.Out(topic, "group", Pulled, 1, 1000)
	}
	tally.Flush()
	b.ReportAllocs()
	for b.Loop() {
		m.Emit(0, func(metrics.Sample) {})
	}
}
