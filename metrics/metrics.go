// Package metrics turns what the parts of a node count into the text that Prometheus scrapes. Each part offers a
// [Source] that is asked at scrape time, so counting costs the hot paths an atomic add and no lock. The root package
// collects the sources; the api package serves the handler, and metrics/otlp sends the same samples to a collector.
// Everything here is safe to call at once.
//
// A scrape is written while it is gathered, through one small buffer: a broker with 10,000 topics has some 200,000 lines, which
// as values of the Prometheus client would be a hundred megabytes. So a source must bring all samples of one name one after the other.
package metrics

// Kind says how a sample's value moves.
type Kind int

// The kinds of samples.
const (
	// Counter only grows while the process lives.
	Counter Kind = iota
	// Gauge moves both ways.
	Gauge
	// Distribution is a histogram: Bounds, Counts and Sum stand in Value's place.
	Distribution
)

// Sample is one value at scrape time. Labels are pairs: name, value, name, value. Labels, Bounds and Counts are the source's, and
// may change as soon as emit returns.
type Sample struct {
	Name, Help string
	// Unit is the word for the unit with which the name ends in Prometheus; over OTLP it is left off the name: "milliseconds". "" for none.
	Unit   string
	Kind   Kind
	Value  float64
	Labels []string

	// Bounds are the upper bounds of a distribution's buckets, in ascending order, and Counts how many values each holds, without
	// those of the buckets below it; one more than bounds. Sum is the sum of all values.
	Bounds []float64
	Counts []int64
	Sum    float64
}

// Source hands its samples of this moment to emit. It must not block.
type Source func(emit func(Sample))

// Common are labels that stand on every sample whose name is RocketMQ's: pairs, as in [Sample].
type Common []string

// rocketPrefix begins the names that RocketMQ has, or would have.
const rocketPrefix = "rocketmq_"

// Total adds the counts of a distribution up.
func (s *Sample) Total() int64 {
	n := int64(0)
	for _, c := range s.Counts {
		n += c
	}
	return n
}
