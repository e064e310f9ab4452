package statistics

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const begin = 1_700_000_000_000

func newTable(most int) *Table {
	return New(Options{Cluster: "c", Most: most, System: func(topic string) bool { return strings.HasPrefix(topic, "rmq_sys_") }})
}

func put(t *Table, topic string, queue int32, n int) {
	p := t.Puts()
	for range n {
		p.Add(topic, queue, 100, 3)
	}
	p.Flush()
}

func seen(t *testing.T, table *Table, name, key string) Data {
	t.Helper()
	d, ok := table.View(name, key)
	if !ok {
		t.Fatalf("nothing under %s %s", name, key)
	}
	return d
}

// The samples are RocketMQ's: the first one is taken against a zero one step ago, a minute has six steps of ten seconds.
func TestAMinuteIsSixSteps(t *testing.T) {
	table := newTable(0)
	put(table, "t", 2, 30)
	if diff := cmp.Diff(Data{}, seen(t, table, "TOPIC_PUT_NUMS", "t")); diff != "" {
		t.Error("before the first sample", diff)
	}
	table.Tick(begin)
	want := Data{Minute: Span{30, 3, 1}, Hour: Span{30, 0.05, 1}, Day: Span{30, 30.0 / 3600, 1}}
	if diff := cmp.Diff(want, seen(t, table, "TOPIC_PUT_NUMS", "t")); diff != "" {
		t.Error(diff)
	}
	for i := range 6 {
		put(table, "t", 2, 10)
		table.Tick(begin + int64(i+1)*minuteStep)
	}
	want = Data{Minute: Span{60, 1, 1}, Hour: Span{30, 0.05, 1}, Day: Span{30, 30.0 / 3600, 1}}
	if diff := cmp.Diff(want, seen(t, table, "TOPIC_PUT_NUMS", "t")); diff != "" {
		t.Error("the first sample counts no more", diff)
	}
	if got := table.TopicTPS("t"); got != 1 {
		t.Errorf("%v a second", got)
	}
}

func TestHoursAndDaysRoll(t *testing.T) {
	table := newTable(0)
	at := int64(begin)
	for range 26 * 360 {
		put(table, "t", 0, 1)
		table.Tick(at)
		at += minuteStep
	}
	d := seen(t, table, "TOPIC_PUT_NUMS", "t")
	if d.Minute.Sum != 6 || d.Hour.Sum != 360 || d.Day.Sum != 24*360 || d.Day.TPS != 0.1 {
		t.Errorf("%+v", d)
	}
	s := table.index.find(subject{kind: ofTopic, topic: "t"})
	if len(s.minute) != minuteKept || len(s.hour) != hourKept || len(s.day) != dayKept {
		t.Errorf("%d, %d and %d samples are kept", len(s.minute), len(s.hour), len(s.day))
	}
}

func TestEachNameHasItsKey(t *testing.T) {
	table := newTable(0)
	put(table, "t", 2, 4)
	put(table, "rmq_sys_x", 0, 1)
	table.Got("g", "t", 2, 3, 300, 5)
	table.Got("g", "rmq_sys_x", 0, 1, 10, 0)
	table.Acked("g", "t", 2)
	table.Popped("g", "t")
	table.Returned("g", "t", false)
	table.Returned("g", "t", true)
	table.Registered(1, 2, 6)
	table.Channel(Connected)
	table.Missed()
	table.Tick(begin)
	f := func(name, key string, sum int64, average float64) {
		t.Helper()
		if d := seen(t, table, name, key); d.Minute.Sum != sum || d.Minute.Average != average || d.Minute.TPS != float64(sum)/10 {
			t.Errorf("%s %s: %+v", name, key, d.Minute)
		}
	}
	f("TOPIC_PUT_NUMS", "t", 4, 1)
	f("TOPIC_PUT_SIZE", "t", 400, 100)
	f("TOPIC_PUT_LATENCY", "2@t", 12, 3)
	f("QUEUE_PUT_NUMS", "t@2", 4, 1)
	f("QUEUE_PUT_SIZE", "t@2", 400, 100)
	f("QUEUE_GET_NUMS", "t@2@g", 3, 3)
	f("QUEUE_GET_SIZE", "t@2@g", 300, 300)
	f("GROUP_GET_NUMS", "t@g", 3, 3)
	f("GROUP_GET_SIZE", "t@g", 300, 300)
	f("GROUP_GET_LATENCY", "2@t@g", 5, 5)
	f("GROUP_ACK_NUMS", "t@g", 2, 2)
	f("GROUP_CK_NUMS", "t@g", 1, 1)
	f("SNDBCK_PUT_NUMS", "t@g", 2, 1)
	f("DLQ_PUT_NUMS", "t@g", 1, 1)
	f("SNDBCK2DLQ_TIMES", "null@t@g@SEND_BACK_TO_DLQ", 1, 1)
	f("CHANNEL_ACTIVITY", "CONNECT", 1, 1)
	f("BROKER_PUT_NUMS", "c", 5, 0)
	f("BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC", "c", 4, 0)
	f("BROKER_GET_NUMS", "c", 4, 0)
	f("BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC", "c", 3, 0)
	f("BROKER_ACK_NUMS", "c", 2, 0)
	f("BROKER_CK_NUMS", "c", 1, 0)
	f("PRODUCER_REGISTER_TIME", "c", 6, 6)
	f("CONSUMER_REGISTER_TIME", "c", 6, 3)
	for _, no := range [][2]string{{"TOPIC_PUT_NUMS", "u"}, {"TOPIC_PUT_NUMS", ""}, {"NO_NAME", "t"}, {"QUEUE_PUT_NUMS", "t@02"}, {"QUEUE_PUT_NUMS", "t@x"},
		{"GROUP_GET_NUMS", "t"}, {"GROUP_GET_NUMS", "t@g@g"}, {"BROKER_PUT_NUMS", "other"}, {"GROUP_GET_FALL_SIZE", "2@t@g"}, {"SNDBCK2DLQ_TIMES", "me@t@g@SEND_BACK_TO_DLQ"}} {
		if d, ok := table.View(no[0], no[1]); ok {
			t.Errorf("%v: %+v", no, d)
		}
	}
	want := Totals{Put: 5, PutBytes: 500, PutPlain: 4, Got: 4, GotPlain: 3, Acked: 2, Found: 2, Missed: 1}
	if diff := cmp.Diff(want, table.Totals()); diff != "" {
		t.Error(diff)
	}
	if fresh := newTable(0); true {
		if _, ok := fresh.View("BROKER_PUT_NUMS", "c"); ok {
			t.Error("a broker that has stored nothing knows how much")
		}
	}
}

func TestSeriesAreBoundedAndGo(t *testing.T) {
	table := newTable(10)
	p := table.Puts()
	for i := range 20 {
		p.Add("t", int32(i), 1, 0)
	}
	for i := range 20 {
		p.Add(fmt.Sprint("u", i), 0, 1, 0)
	}
	p.Flush()
	table.Tick(begin)
	if n := len(table.index.settle()); n != 10 {
		t.Errorf("%d series, the bound is 10", n)
	}
	if _, ok := table.View("QUEUE_PUT_NUMS", "t@5"); ok {
		t.Error("more than half of the series are of single queues")
	}
	if table.Refused() == 0 || table.Totals().Put != 40 {
		t.Errorf("refused %d, put %d", table.Refused(), table.Totals().Put)
	}
	refused := table.Refused()
	for range 100 {
		p.Add("full", 0, 1, 0)
	}
	p.Flush()
	if n := table.Refused() - refused; n != 2 { // the topic and its queue
		t.Errorf("asked %d times for what there is no room for", n)
	}
	seen(t, table, "TOPIC_PUT_NUMS", "u3")
	table.Tick(begin + forget)
	seen(t, table, "TOPIC_PUT_NUMS", "u3")
	put(table, "u3", 0, 1)
	table.Tick(begin + forget + minuteStep)
	if n := len(table.index.settle()); n != 1 {
		t.Errorf("%d series after a day in which one was counted", n)
	}
	seen(t, table, "TOPIC_PUT_NUMS", "u3")
	p.Add("t", 0, 1, 0) // what it remembers of t is gone
	p.Flush()
	table.Tick(begin + forget + 2*minuteStep)
	if d := seen(t, table, "QUEUE_PUT_NUMS", "t@0"); d.Minute.Sum != 1 {
		t.Errorf("%+v", d)
	}
}

func TestLightQueuesCountAsOne(t *testing.T) {
	table := newTable(0)
	for i := range 100 {
		table.Got("%LMQ%g", "%LMQ%"+fmt.Sprint(i), 0, 2, 10, 0)
		table.Acked("%LMQ%g", "%LMQ%"+fmt.Sprint(i), 1)
	}
	table.Tick(begin)
	if d := seen(t, table, "GROUP_GET_NUMS", "%LMQ%@%LMQ%"); d.Minute.Sum != 200 || len(table.index.settle()) != 3 {
		t.Errorf("%+v, %d series", d, len(table.index.settle()))
	}
}

func TestForgottenTopicsAndGroups(t *testing.T) {
	table := newTable(0)
	for _, topic := range []string{"t", "u"} {
		put(table, topic, 0, 1)
		for _, group := range []string{"g", "h"} {
			table.Got(group, topic, 0, 1, 1, 0)
		}
	}
	known := func(name, key string, want bool) {
		t.Helper()
		if _, ok := table.View(name, key); ok != want {
			t.Errorf("%s %s: %v", name, key, ok)
		}
	}
	table.ForgetTopic("t")
	known("TOPIC_PUT_NUMS", "t", false)
	known("GROUP_GET_NUMS", "t@g", false)
	known("TOPIC_PUT_NUMS", "u", true)
	table.ForgetGroup("g")
	known("QUEUE_GET_NUMS", "u@0@g", false)
	known("QUEUE_GET_NUMS", "u@0@h", true)
	table.ForgetGroup("")
	known("TOPIC_PUT_NUMS", "u", true)
}

func TestPutTimes(t *testing.T) {
	table := newTable(0)
	table.Tick(begin)
	p := table.Puts()
	add := func(took int64, n int) {
		for range n {
			p.Add("t", 0, 1, took)
		}
	}
	add(-5, 1)
	add(0, 88)
	add(9, 5)
	add(10, 4)
	add(150, 1)
	add(20_000, 1)
	p.Flush()
	if got := table.PutTimes(); got.P99 != 0 || got.Longest != 20_000 {
		t.Errorf("before the minute has ended: %+v", got)
	}
	table.Tick(begin + 60_000)
	want := PutTimes{P99: 199, P999: 20_000, Longest: 20_000,
		Ranges: "[<=0ms]:89 [0~10ms]:5 [10~50ms]:4 [50~100ms]:0 [100~200ms]:1 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:1 "}
	got := table.PutTimes()
	if got.P99 < 150 || got.P99 > 199 {
		t.Errorf("99 of 100 within %v ms", got.P99)
	}
	got.P99 = want.P99
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	table.Tick(begin + 120_000)
	if got := table.PutTimes(); !strings.HasPrefix(got.Ranges, "[<=0ms]:0 ") || got.P999 != 0 {
		t.Errorf("of a minute without puts: %+v", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	table := newTable(0)
	p := table.Puts()
	queue := int32(0)
	f := func() {
		for range 32 {
			p.Add("t", queue%40, 100, 1)
			queue++
		}
		p.Flush()
		table.Got("g", "t", queue%8, 32, 3200, 1)
		table.Acked("g", "t", 1)
	}
	for range 10 {
		f()
	}
	table.Tick(begin)
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever is made, looked for and removed at once, each count arrives.
func TestCountsAtOnce(t *testing.T) {
	table := newTable(100_000)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				table.Acked("g", fmt.Sprint("t", i%500), 1)
				table.Got(fmt.Sprint("g", w), "t", int32(i%10), 1, 1, 1)
				table.View("GROUP_ACK_NUMS", "t1@g")
			}
		})
	}
	for i := range 50 {
		table.Tick(begin + int64(i)*minuteStep)
		table.ForgetTopic("nobody's")
	}
	wg.Wait()
	table.Tick(begin + 51*minuteStep)
	sum := int64(0)
	for of, s := range table.index.settle() {
		if of.kind == ofAcks {
			sum += s.totals[nums].Load()
		}
	}
	if sum != 8000 || table.Totals().Got != 8000 {
		t.Errorf("%d acknowledgements, %d messages", sum, table.Totals().Got)
	}
}

func FuzzView(f *testing.F) {
	f.Add("TOPIC_PUT_NUMS", "t")
	f.Add("GROUP_GET_LATENCY", "2@t@g")
	f.Add("SNDBCK2DLQ_TIMES", "null@t@g@SEND_BACK_TO_DLQ")
	f.Add("BROKER_PUT_NUMS", "c")
	table := newTable(0)
	put(table, "t", 2, 1)
	table.Got("g", "t", 2, 1, 1, 1)
	before := len(table.index.settle())
	f.Fuzz(func(t *testing.T, name, key string) {
		table.View(name, key)
		if len(table.index.settle()) != before {
			t.Errorf("a look at %q %q made a series", name, key)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	table := newTable(0)
	p := table.Puts()
	for i := range b.N {
		p.Add("t", int32(i%8), 1024, 1)
		if i%64 == 63 {
			p.Flush()
		}
	}
}

func BenchmarkGot(b *testing.B) {
	table := newTable(0)
	b.ReportAllocs()
	table.Got("g", "t", 1, 32, 32<<10, 1)
	table.Tick(begin)
	for range b.N {
		table.Got("g", "t", 1, 32, 32<<10, 1)
	}
}
