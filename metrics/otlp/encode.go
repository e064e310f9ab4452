package otlp

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/aerobee-mq/aerobee/metrics"
)

// requestSize is from how many bytes on a request goes out and the next one begins: collectors take 4 MiB by default.
const requestSize = 1 << 20

// Numbers of the fields of ExportMetricsServiceRequest and what is in it. Source: opentelemetry/proto/metrics/v1/metrics.proto.
const (
	requestResourceMetrics = 1
	resourceScopeMetrics   = 2
	scopeScope             = 1
	scopeMetrics           = 2
	metricName             = 1
	metricDescription      = 2
	metricUnit             = 3
	metricGauge            = 5
	metricSum              = 7
	metricHistogram        = 9
	dataPoints             = 1
	dataTemporality        = 2
	dataMonotonic          = 3
	pointStart             = 2
	pointTime              = 3
	numberDouble           = 4
	numberInt              = 6
	numberAttributes       = 7
	histogramCount         = 4
	histogramSum           = 5
	histogramCounts        = 6
	histogramBounds        = 7
	histogramAttributes    = 9
	cumulative             = 2
)

// encoder makes requests of samples. Each holds what it does not need more than a name, a kind and some numbers of, so it is written field
// by field: the generated code of the protocol would make the program larger, and stand in its registry of types.
type encoder struct {
	common  metrics.Common
	version string
	began   uint64 // ns since 1970, as now
	now     uint64
	send    func(request []byte) error
	err     error

	family  metrics.Sample // name, help, unit and kind of what points are of
	points  []byte
	metrics []byte // complete ones, each as a field of ScopeMetrics
	scratch []byte
}

// add takes one sample.
func (e *encoder) add(s metrics.Sample) {
	if e.err != nil {
		return
	}
	if s.Name != e.family.Name || len(e.points) >= requestSize {
		e.closeFamily()
		e.family = metrics.Sample{Name: s.Name, Help: s.Help, Unit: s.Unit, Kind: s.Kind}
	}
	point := e.scratch[:0]
	if s.Kind == metrics.Distribution {
		if len(s.Counts) != len(s.Bounds)+1 {
			return
		}
		point = e.histogram(point, &s)
	} else {
		point = e.number(point, &s)
	}
	e.scratch = point
	e.points = protowire.AppendBytes(protowire.AppendTag(e.points, dataPoints, protowire.BytesType), point)
}

func (e *encoder) number(p []byte, s *metrics.Sample) []byte {
	p = e.attributes(p, numberAttributes, s.Labels)
	if s.Kind == metrics.Counter {
		p = appendFixed(p, pointStart, e.began)
	}
	p = appendFixed(p, pointTime, e.now)
	if s.Value == math.Trunc(s.Value) && math.Abs(s.Value) < 1<<53 {
		return appendFixed(p, numberInt, uint64(int64(s.Value)))
	}
	return appendFixed(p, numberDouble, math.Float64bits(s.Value))
}

func (e *encoder) histogram(p []byte, s *metrics.Sample) []byte {
	p = e.attributes(p, histogramAttributes, s.Labels)
	p = appendFixed(p, pointStart, e.began)
	p = appendFixed(p, pointTime, e.now)
	p = appendFixed(p, histogramCount, uint64(s.Total()))
	p = appendFixed(p, histogramSum, math.Float64bits(s.Sum))
	p = protowire.AppendVarint(protowire.AppendTag(p, histogramCounts, protowire.BytesType), uint64(8*len(s.Counts)))
	for _, c := range s.Counts {
		p = binary.LittleEndian.AppendUint64(p, uint64(c))
	}
	p = protowire.AppendVarint(protowire.AppendTag(p, histogramBounds, protowire.BytesType), uint64(8*len(s.Bounds)))
	for _, b := range s.Bounds {
		p = binary.LittleEndian.AppendUint64(p, math.Float64bits(b))
	}
	return p
}

func appendFixed(p []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(p, field, protowire.Fixed64Type), v)
}

func appendText(p []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(p, field, protowire.BytesType), v)
}

// attributes appends the labels, each a KeyValue{1: key, 2: AnyValue{1: text or 2: boolean}}.
func (e *encoder) attributes(p []byte, field protowire.Number, labels []string) []byte {
	for _, pairs := range [...][]string{e.common, labels} {
		for i := 0; i+1 < len(pairs); i += 2 {
			name, value := pairs[i], strings.ToValidUTF8(pairs[i+1], "\ufffd")
			truth := value == "true" || value == "false"
			inner := protowire.SizeTag(1) + protowire.SizeBytes(len(value))
			if truth {
				inner = protowire.SizeTag(2) + 1
			}
			p = protowire.AppendTag(p, field, protowire.BytesType)
			p = protowire.AppendVarint(p, uint64(protowire.SizeTag(1)+protowire.SizeBytes(len(name))+protowire.SizeTag(2)+protowire.SizeBytes(inner)))
			p = appendText(p, 1, name)
			p = protowire.AppendVarint(protowire.AppendTag(p, 2, protowire.BytesType), uint64(inner))
			if truth {
				p = protowire.AppendVarint(protowire.AppendTag(p, 2, protowire.VarintType), protowire.EncodeBool(value == "true"))
			} else {
				p = appendText(p, 1, value)
			}
		}
	}
	return p
}

// closeFamily makes a Metric of the points, and a request if there is enough for one.
func (e *encoder) closeFamily() {
	if len(e.points) == 0 {
		return
	}
	f := &e.family
	kind := protowire.Number(metricGauge)
	switch f.Kind {
	case metrics.Counter:
		kind = metricSum
		e.points = protowire.AppendVarint(protowire.AppendTag(e.points, dataTemporality, protowire.VarintType), cumulative)
		e.points = protowire.AppendVarint(protowire.AppendTag(e.points, dataMonotonic, protowire.VarintType), 1)
	case metrics.Distribution:
		kind = metricHistogram
		e.points = protowire.AppendVarint(protowire.AppendTag(e.points, dataTemporality, protowire.VarintType), cumulative)
	}
	head := appendText(nil, metricName, instrument(f))
	head = appendText(head, metricDescription, f.Help)
	if f.Unit != "" {
		head = appendText(head, metricUnit, f.Unit)
	}
	head = protowire.AppendVarint(protowire.AppendTag(head, kind, protowire.BytesType), uint64(len(e.points)))
	e.metrics = protowire.AppendVarint(protowire.AppendTag(e.metrics, scopeMetrics, protowire.BytesType), uint64(len(head)+len(e.points)))
	e.metrics = append(append(e.metrics, head...), e.points...)
	e.points = e.points[:0]
	if len(e.metrics) >= requestSize {
		e.flush()
	}
}

// instrument is the name that RocketMQ gives a metric where its unit stands apart.
func instrument(f *metrics.Sample) string {
	if f.Unit == "" {
		return f.Name
	}
	return strings.TrimSuffix(f.Name, "_"+f.Unit)
}

// flush sends what there is.
func (e *encoder) flush() {
	if e.err != nil || len(e.metrics) == 0 {
		return
	}
	scope := appendText(nil, 1, "broker-meter")
	scope = appendText(scope, 2, e.version)
	head := protowire.AppendBytes(protowire.AppendTag(nil, scopeScope, protowire.BytesType), scope)
	inner := len(head) + len(e.metrics)
	outer := protowire.SizeTag(resourceScopeMetrics) + protowire.SizeBytes(inner)
	request := make([]byte, 0, outer+16)
	request = protowire.AppendVarint(protowire.AppendTag(request, requestResourceMetrics, protowire.BytesType), uint64(outer))
	request = protowire.AppendVarint(protowire.AppendTag(request, resourceScopeMetrics, protowire.BytesType), uint64(inner))
	request = append(append(request, head...), e.metrics...)
	e.metrics = e.metrics[:0]
	e.err = e.send(request)
}

// end sends the rest.
func (e *encoder) end() error {
	e.closeFamily()
	e.flush()
	return e.err
}

func nanos(t time.Time) uint64 { return uint64(t.UnixNano()) }
