package meter

import (
	"strconv"

	"github.com/aerobee-mq/aerobee/metrics"
)

// scratch is the memory of one scrape, kept for the next.
type scratch struct {
	labels []string
	counts []int64
	ins    []*In
	outs   []*out
	dead   []*number
	ends   []*ends
}

// overflow is the label of what found no room, as the OpenTelemetry library sets it.
const overflow = "otel_metric_overflow"

// Emit tells of everything, and halves is how many half messages wait: how many of each topic is known since the start only, the rest
// stands in a series without a topic.
func (m *Meters) Emit(halves int64, emit func(metrics.Sample)) {
	m.sweep()
	w := m.scratch.Get().(*scratch)
	defer func() {
		clear(w.labels[:cap(w.labels)])
		clear(w.ins[:cap(w.ins)])
		clear(w.outs[:cap(w.outs)])
		clear(w.dead[:cap(w.dead)])
		clear(w.ends[:cap(w.ends)])
		m.scratch.Put(w)
	}()
	m.emitIn(w, emit)
	m.emitOut(w, emit)
	m.emitDead(w, emit)
	m.emitEnds(w, halves, emit)
	m.emitCreates(w, emit)
}

func (m *Meters) emitIn(w *scratch, emit func(metrics.Sample)) {
	var over *In
	var used bool
	if w.ins, over, used = m.ins.all(w.ins[:0]); used {
		w.ins = append(w.ins, over)
	}
	each := func(value func(i *In)) {
		for _, i := range w.ins {
			if w.labels = w.labels[:0]; used && i == over {
				w.labels = append(w.labels, overflow, "true")
			} else {
				w.labels = append(w.labels, "topic", i.topic, "message_type", i.kind.String(), "is_system", strconv.FormatBool(i.system))
			}
			value(i)
		}
	}
	s := metrics.Sample{Name: "rocketmq_messages_in_total", Help: "Messages stored for producers.", Kind: metrics.Counter}
	each(func(i *In) {
		s.Value, s.Labels = float64(i.count()), w.labels
		emit(s)
	})
	s = metrics.Sample{Name: "rocketmq_throughput_in_total", Help: "Bytes of messages stored for producers.", Kind: metrics.Counter}
	each(func(i *In) {
		s.Value, s.Labels = float64(i.bytes.Load()), w.labels
		emit(s)
	})
	s = metrics.Sample{Name: "rocketmq_message_size", Help: "Bytes of each message stored for producers.", Kind: metrics.Distribution, Bounds: floats(sizeBounds())}
	each(func(i *In) {
		w.counts = w.counts[:0]
		for b := range i.sizes {
			w.counts = append(w.counts, i.sizes[b].Load())
		}
		s.Counts, s.Sum, s.Labels = w.counts, float64(i.bytes.Load()), w.labels
		emit(s)
	})
}

func floats(bounds []int64) []float64 {
	out := make([]float64, len(bounds))
	for i, b := range bounds {
		out[i] = float64(b)
	}
	return out
}

func (m *Meters) emitOut(w *scratch, emit func(metrics.Sample)) {
	var over *out
	var used bool
	if w.outs, over, used = m.outs.all(w.outs[:0]); used {
		w.outs = append(w.outs, over)
	}
	family := func(name, help string, value func(o *out) int64) {
		s := metrics.Sample{Name: name, Help: help, Kind: metrics.Counter}
		for _, o := range w.outs {
			w.labels = w.labels[:0]
			switch {
			case used && o == over:
				w.labels = append(w.labels, overflow, "true")
			case o.way == Pulled:
				w.labels = append(w.labels, "topic", o.topic, "consumer_group", o.group, "is_system", strconv.FormatBool(o.system))
			default:
				w.labels = append(w.labels, "topic", o.topic, "consumer_group", o.group, "is_system", strconv.FormatBool(o.system), "is_retry", strconv.FormatBool(o.way == PoppedIn))
			}
			s.Value, s.Labels = float64(value(o)), w.labels
			emit(s)
		}
	}
	family("rocketmq_messages_out_total", "Messages handed to consumers.", func(o *out) int64 { return o.messages.Load() })
	family("rocketmq_throughput_out_total", "Bytes of messages handed to consumers.", func(o *out) int64 { return o.bytes.Load() })
}

func (m *Meters) emitDead(w *scratch, emit func(metrics.Sample)) {
	var over *number
	var used bool
	if w.dead, over, used = m.dead.all(w.dead[:0]); used {
		w.dead = append(w.dead, over)
	}
	s := metrics.Sample{Name: "rocketmq_send_to_dlq_messages_total", Help: "Messages given up into a dead letter topic.", Kind: metrics.Counter}
	for _, c := range w.dead {
		if w.labels = w.labels[:0]; used && c == over {
			w.labels = append(w.labels, overflow, "true")
		} else {
			w.labels = append(w.labels, "consumer_group", c.group, "topic", c.topic, "is_system", strconv.FormatBool(c.system))
		}
		s.Value, s.Labels = float64(c.count()), w.labels
		emit(s)
	}
}

func (m *Meters) emitEnds(w *scratch, halves int64, emit func(metrics.Sample)) {
	var over *ends
	var used bool
	if w.ends, over, used = m.ends.all(w.ends[:0]); used {
		w.ends = append(w.ends, over)
	}
	each := func(value func(e *ends)) {
		for _, e := range w.ends {
			if w.labels = append(w.labels[:0], "topic", e.topic); used && e == over {
				w.labels = append(w.labels[:0], overflow, "true")
			}
			value(e)
		}
	}
	s := metrics.Sample{Name: "rocketmq_commit_messages_total", Help: "Transactions committed.", Kind: metrics.Counter}
	each(func(e *ends) {
		s.Value, s.Labels = float64(e.committed.Load()), w.labels
		emit(s)
	})
	s = metrics.Sample{Name: "rocketmq_rollback_messages_total", Help: "Transactions rolled back.", Kind: metrics.Counter}
	each(func(e *ends) {
		s.Value, s.Labels = float64(e.rolledBack.Load()), w.labels
		emit(s)
	})
	s = metrics.Sample{Name: FinishName, Help: "Time between a half message and its commit, in seconds whatever the name says.", Unit: "milliseconds", Kind: metrics.Distribution, Bounds: floats(endBounds())}
	each(func(e *ends) {
		sum := int64(0)
		w.counts, sum = e.latency.Load(w.counts[:0])
		s.Counts, s.Sum, s.Labels = w.counts, float64(sum), w.labels
		emit(s)
	})
	s = metrics.Sample{Name: "rocketmq_half_messages", Help: "Half messages that wait for their transaction's end.", Kind: metrics.Gauge}
	each(func(e *ends) {
		n := min(max(e.halves.Load()-e.committed.Load()-e.rolledBack.Load(), 0), halves)
		halves -= n
		s.Value, s.Labels = float64(n), w.labels
		emit(s)
	})
	if halves > 0 || len(w.ends) == 0 {
		s.Value, s.Labels = float64(halves), append(w.labels[:0], "topic", "")
		emit(s)
	}
}

// FinishName is the name of the histogram of transactions' times.
const FinishName = "rocketmq_finish_message_latency_milliseconds"

func (m *Meters) emitCreates(w *scratch, emit func(metrics.Sample)) {
	for _, group := range [...]bool{false, true} {
		s := metrics.Sample{Name: "rocketmq_topic_create_execution_time_milliseconds", Help: "How long the making and changing of topics took.", Unit: "milliseconds",
			Kind: metrics.Distribution, Bounds: floats(createBounds())}
		if group {
			s.Name, s.Help = "rocketmq_consumer_group_create_execution_time_milliseconds", "How long the making and changing of groups took."
		}
		for _, ok := range [...]bool{true, false} {
			for _, system := range [...]bool{false, true} {
				h := m.creates[createKey{group, ok, system}.at()]
				if h.Count() == 0 {
					continue // of groups RocketMQ does not say whether they are its own, nor do we note it
				}
				status, sum := "failure", int64(0)
				if ok {
					status = "success"
				}
				w.counts, sum = h.Load(w.counts[:0])
				if w.labels = append(w.labels[:0], "invocation_status", status); !group {
					w.labels = append(w.labels, "is_system", strconv.FormatBool(system))
				}
				s.Counts, s.Sum, s.Labels = w.counts, float64(sum), w.labels
				emit(s)
			}
		}
	}
}
