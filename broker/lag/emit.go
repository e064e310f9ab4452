package lag

import (
	"strconv"

	"github.com/aerobee-mq/aerobee/metrics"
)

// Emit tells of the results.
func Emit(results []Result, emit func(metrics.Sample)) {
	var labels []string
	family := func(name, help, unit string, value func(r *Result) int64) {
		s := metrics.Sample{Name: name, Help: help, Unit: unit, Kind: metrics.Gauge}
		for i := range results {
			r := &results[i]
			labels = append(labels[:0], "consumer_group", r.Group, "topic", r.Topic, "is_retry", strconv.FormatBool(r.Retry), "is_system", strconv.FormatBool(r.System))
			s.Labels, s.Value = labels, float64(value(r))
			emit(s)
		}
	}
	const ms = "milliseconds"
	family("rocketmq_consumer_lag_messages", "Messages that a group has not consumed.", "", func(r *Result) int64 { return r.Lag })
	family("rocketmq_consumer_lag_latency_milliseconds", "Age of the oldest message that a group has not consumed.", ms, func(r *Result) int64 { return r.Latency.Milliseconds() })
	family("rocketmq_consumer_inflight_messages", "Messages that were handed out to a group and are not consumed.", "", func(r *Result) int64 { return r.InFlight })
	family("rocketmq_consumer_queueing_latency_milliseconds", "Age of the oldest message that was not handed out to a group.", ms, func(r *Result) int64 { return r.Queueing.Milliseconds() })
	family("rocketmq_consumer_ready_messages", "Messages that were not handed out to a group.", "", func(r *Result) int64 { return r.Ready })
}
