package aerobee

import (
	"strconv"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/traffic"
)

const (
	// manyTimers is from how many pending messages on they are not counted anew for each scrape, but once in timersAge.
	manyTimers = 10_000
	timersAge  = 30 * time.Second
)

// timerSpans are the bounds of RocketMQ's snapshot of what waits.
func timerSpans() []time.Duration {
	return []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour}
}

// timerCounts is what was counted of the messages that wait for their time.
type timerCounts struct {
	mu      sync.Mutex // guards what follows
	at      time.Time
	pending int
	topics  []store.TimerCount
	spread  traffic.Spread
}

// of counts, unless it has done so a moment ago and there is much to count. It may be called by several scrapes at once.
func (c *timerCounts) of(s *store.Store, now time.Time) ([]store.TimerCount, traffic.Spread) {
	c.mu.Lock()
	if c.pending >= manyTimers && time.Since(c.at) < timersAge {
		defer c.mu.Unlock()
		return c.topics, c.spread
	}
	c.mu.Unlock()
	at, topics := time.Now(), s.TimerCounts()
	spread := traffic.Spread{Now: now.UnixMilli(), Spans: timerSpans(), Within: make([]int, len(timerSpans()))}
	s.EachTimer(func(e timer.Entry) { spread.Add(e.Due) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.topics, c.spread, c.pending = at, topics, spread, 0
	for i := range topics {
		c.pending += topics[i].Pending
	}
	return topics, spread
}

// timerMetrics tells of messages that wait for their time. What is stored waits at once, so nothing lags on its way in.
func (s *Server) timerMetrics(emit func(metrics.Sample)) {
	now := s.world.clock()
	topics, spread := s.timers.of(s.store, now)
	late := int64(0)
	if spread.Overdue > 0 {
		late = max(now.UnixMilli()-spread.First, 0)
	}
	one := func(name, unit, help string, kind metrics.Kind, v int64, labels ...string) {
		emit(metrics.Sample{Name: name, Unit: unit, Help: help, Kind: kind, Value: float64(v), Labels: append(storageLabels(), labels...)})
	}
	const ms = "milliseconds"
	one("rocketmq_timer_enqueue_lag", "", "Timer messages that are stored and do not wait yet.", metrics.Gauge, 0)
	one("rocketmq_timer_enqueue_latency_milliseconds", ms, "How long timer messages are stored before they wait.", metrics.Gauge, 0)
	one("rocketmq_timer_dequeue_lag", "", "Messages whose time has come and that are not delivered.", metrics.Gauge, int64(spread.Overdue))
	one("rocketmq_timer_dequeue_latency_milliseconds", ms, "How late the most overdue of them is.", metrics.Gauge, late)
	for i := range topics {
		one("rocketmq_timing_messages", "", "Messages that wait for their time.", metrics.Gauge, int64(topics[i].Pending), "topic", topics[i].Topic)
	}
	for i, span := range timerSpans() {
		one("rocketmq_timer_message_snapshot", "", "Messages that are due within so many seconds, and not within the bound before.", metrics.Gauge, int64(spread.Within[i]),
			"timer_bound_s", strconv.Itoa(int(span/time.Second)))
	}
	counts := s.store.TimerTraffic()
	for i := range counts {
		one("rocketmq_timer_enqueue_total", "", "Messages that began to wait for their time.", metrics.Counter, counts[i].Waiting, "topic", counts[i].Topic)
	}
	for i := range counts {
		one("rocketmq_timer_dequeue_total", "", "Messages that were delivered at their time.", metrics.Counter, counts[i].Delivered, "topic", counts[i].Topic)
	}
	spans := metrics.Sample{Name: "rocketmq_delay_message_latency_seconds", Unit: "seconds", Help: "How long after their birth messages are due.", Kind: metrics.Distribution}
	for _, b := range traffic.Bounds() {
		spans.Bounds = append(spans.Bounds, float64(b))
	}
	for i := range counts {
		spans.Counts, spans.Sum, spans.Labels = counts[i].Spans[:], float64(counts[i].Sum), append(storageLabels(), "topic", counts[i].Topic)
		emit(spans)
	}
}
