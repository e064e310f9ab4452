package lag

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/projection/offset"
)

// fake is a store in which message i of a queue was stored at second i, and those below least are gone.
type fake struct {
	places map[string][]offset.Progress // by group@topic
	pulled map[string]message.QueueOffset
	least  message.QueueOffset
	looks  int
}

func (f *fake) Progress(dst []offset.Progress, group, topic string, queues int32) []offset.Progress {
	for _, p := range f.places[group+"@"+topic] {
		if int32(p.Queue) < queues {
			dst = append(dst, p)
		}
	}
	return dst
}

func (f *fake) Pulled(group, topic string, places []offset.Progress) {
	for i := range places {
		places[i].Read = max(places[i].Read, f.pulled[fmt.Sprint(group, "@", topic, "@", places[i].Queue)])
	}
}

func (f *fake) StoreTimeAt(_ message.Queue, off message.QueueOffset) (message.StoreTime, bool) {
	f.looks++
	return message.StoreTime(off * 1000), off >= f.least
}

func (f *fake) MinOffset(message.Queue) message.QueueOffset { return f.least }

func show(results []Result) (lines []string) {
	for _, r := range results {
		lines = append(lines, fmt.Sprint(r.Group, "@", r.Topic, " ", r.Retry, " ", r.Lag, " ", r.InFlight, " ", r.Ready, " ", r.Latency, " ", r.Queueing))
	}
	slices.Sort(lines)
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestPulls(t *testing.T) {
	f := &fake{
		places: map[string][]offset.Progress{"G@T": {
			{Queue: 0, Known: true, Committed: 10, Read: 10, End: 30},
			{Queue: 1, Known: true, Committed: 30, Read: 30, End: 30},
			{Queue: 2, End: 50}, // never committed
			{Queue: 3, Known: true, Committed: 20, Read: 20, End: 25},
			{Queue: 9, Known: true, End: 100}, // no queue of the topic any more
		}},
		pulled: map[string]message.QueueOffset{"G@T@0": 18},
	}
	c := New(f)
	pairs := []Pair{{Group: "G", Topic: "T", Queues: 4}}
	same(t, show(c.Calculate(100_000, pairs)), "G@T false 25 8 17 1m30s 1m22s")
	looks := f.looks
	same(t, show(c.Calculate(101_000, pairs)), "G@T false 25 8 17 1m31s 1m23s")
	if f.looks != looks {
		t.Errorf("%d looks for what has not moved", f.looks-looks)
	}
	f.least = 15 // the first five of those it has before it are gone
	f.places["G@T"][0].Committed = 11
	same(t, show(c.Calculate(100_000, pairs)), "G@T false 24 7 17 1m25s 1m22s")
	same(t, show(c.Calculate(100_000, nil)))
	if len(c.known) != 0 {
		t.Error("it remembers who is gone")
	}
}

func TestPops(t *testing.T) {
	f := &fake{places: map[string][]offset.Progress{
		"G@T":      {{Queue: 0, Known: true, Committed: 10, Read: 20, End: 50, InFlight: 4}},
		"G@%RETRY": {{Queue: 0, Known: true, Committed: 3, Read: 3, End: 5}},
		"H@T":      {{Queue: 0, Known: true, Committed: 50, Read: 50, End: 50}},
	}}
	c := New(f)
	got := show(c.Calculate(60_000, []Pair{{Group: "G", Topic: "T", Pop: true, Queues: 1, Retry: "%RETRY", RetryQueues: 1}, {Group: "H", Topic: "T", Pop: true, Queues: 1}}))
	same(t, got, "G@T false 34 4 30 50s 40s", "G@T true 2 0 2 57s 57s", "H@T false 0 0 0 0s 0s", "H@T true 0 0 0 0s 0s")
}

// TestLooksAreBounded: beyond the bound a group's time is that of the message that it stood at before, and its turn comes.
func TestLooksAreBounded(t *testing.T) {
	f := &fake{places: map[string][]offset.Progress{}}
	var pairs []Pair
	const n = looksMost + 100
	for i := range n {
		g := fmt.Sprintf("G%05d", i)
		f.places[g+"@T"] = []offset.Progress{{Known: true, Committed: 10, Read: 10, End: 30}}
		pairs = append(pairs, Pair{Group: g, Topic: "T", Queues: 1})
	}
	c := New(f)
	times := func() map[time.Duration]int {
		counts := map[time.Duration]int{}
		for _, r := range c.Calculate(100_000, pairs) {
			counts[r.Latency]++
		}
		return counts
	}
	if got := fmt.Sprint(times()); got != fmt.Sprintf("map[0s:100 1m30s:%d]", looksMost) || f.looks != looksMost {
		t.Errorf("%s after %d looks", got, f.looks)
	}
	if got := fmt.Sprint(times()); got != fmt.Sprintf("map[1m30s:%d]", n) || f.looks != n {
		t.Errorf("%s after %d looks", got, f.looks)
	}
	for g := range f.places {
		f.places[g][0].Committed, f.places[g][0].Read = 20, 20
	}
	f.looks = 0
	if got := fmt.Sprint(times()); got != fmt.Sprintf("map[1m20s:%d 1m30s:100]", looksMost) {
		t.Errorf("%s after %d looks", got, f.looks)
	}
	if got := fmt.Sprint(times()); got != fmt.Sprintf("map[1m20s:%d]", n) {
		t.Errorf("%s after %d looks", got, f.looks)
	}
}

func TestEmit(t *testing.T) {
	f := &fake{places: map[string][]offset.Progress{"G@T": {{Known: true, Committed: 10, Read: 12, End: 30}}}}
	var lines []string
	Emit(New(f).Calculate(100_000, []Pair{{Group: "G", Topic: "T", Queues: 1}}), func(s metrics.Sample) { lines = append(lines, fmt.Sprint(s.Name, s.Labels, s.Value)) })
	const labels = "[consumer_group G topic T is_retry false is_system false]"
	same(t, lines,
		"rocketmq_consumer_lag_messages"+labels+" 20", "rocketmq_consumer_lag_latency_milliseconds"+labels+" 90000",
		"rocketmq_consumer_inflight_messages"+labels+" 2", "rocketmq_consumer_queueing_latency_milliseconds"+labels+" 88000",
		"rocketmq_consumer_ready_messages"+labels+" 18")
}

// BenchmarkCalculate works out 10,000 topics of 8 queues, all of which have messages that nobody has consumed.
func BenchmarkCalculate(b *testing.B) {
	f := &fake{places: map[string][]offset.Progress{}}
	var pairs []Pair
	for i := range 10_000 {
		topic := fmt.Sprint("topic-", i)
		for q := range message.QueueID(8) {
			f.places["G@"+topic] = append(f.places["G@"+topic], offset.Progress{Queue: q, Known: true, Committed: 10, Read: 10, End: 30})
		}
		pairs = append(pairs, Pair{Group: "G", Topic: topic, Queues: 8})
	}
	c := New(f)
	b.ReportAllocs()
	for b.Loop() {
		c.Calculate(100_000, pairs)
	}
}
