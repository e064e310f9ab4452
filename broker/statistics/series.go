package statistics

import "sync/atomic"

// What a series counts beside how often. Not each has all.
const (
	nums = iota
	size
	millis
	figures
)

// series is one subject's counters since it was first counted, and samples of them.
type series struct {
	system bool    // its topic is RocketMQ's own
	whole  *series // of a queue's group, that of the topic's; it goes when this one goes, or later
	times  atomic.Int64
	totals [figures]atomic.Int64

	// The rest belongs to who holds the table's lock.
	minute, hour, day []sample
	last              sample // as it was when something had changed for the last time
}

// sample is a series at one time, in milliseconds.
type sample struct {
	at, times int64
	totals    [figures]int64
}

func (s *series) add(times, count, bytes, took int64) {
	s.times.Add(times)
	s.totals[nums].Add(count)
	if bytes != 0 {
		s.totals[size].Add(bytes)
	}
	if took != 0 {
		s.totals[millis].Add(took)
	}
}

// sum adds to what has no average.
func (s *series) sum(n int64) { s.totals[nums].Add(n) }

// look is the series at this moment.
func (s *series) look(now int64) sample {
	l := sample{at: now, times: s.times.Load()}
	for i := range l.totals {
		l.totals[i] = s.totals[i].Load()
	}
	return l
}

// The three spans, as RocketMQ samples them: the first sample is one step old and says 0.
const (
	minuteStep, minuteKept = 10_000, 7
	hourStep, hourKept     = 600_000, 7
	dayStep, dayKept       = 3_600_000, 25
)

func keep(to []sample, s sample, step int64, kept int) []sample {
	if len(to) == 0 {
		to = append(to, sample{at: s.at - step})
	}
	if len(to) == kept {
		copy(to, to[1:])
		to = to[:kept-1]
	}
	return append(to, s)
}

// Span is what came in one span of time: the sum, the rate per second, and the average of one time that it was counted.
type Span struct {
	Sum          int64
	TPS, Average float64
}

// Data is what is told of one series.
type Data struct{ Minute, Hour, Day Span }

// between is what came between the first and the last sample.
func between(of []sample, figure int, averaged bool) (out Span) {
	if len(of) == 0 {
		return out
	}
	first, last := &of[0], &of[len(of)-1]
	out.Sum = last.totals[figure] - first.totals[figure]
	if span := last.at - first.at; span > 0 {
		out.TPS = float64(out.Sum) * 1000 / float64(span)
	}
	if times := last.times - first.times; averaged && times > 0 {
		out.Average = float64(out.Sum) / float64(times)
	}
	return out
}

func (s *series) data(figure int, averaged bool) Data {
	return Data{between(s.minute, figure, averaged), between(s.hour, figure, averaged), between(s.day, figure, averaged)}
}
