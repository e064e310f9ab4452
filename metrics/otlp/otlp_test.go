package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/metrics"
)

// collector is a receiver that keeps what it is sent. A request of its service has the wire format of MetricsData.
type collector struct {
	addr   string
	got    chan *metricspb.MetricsData
	header chan metadata.MD
	mu     sync.Mutex
	answer []byte
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{addr: l.Addr().String(), got: make(chan *metricspb.MetricsData, 100), header: make(chan metadata.MD, 100)}
	server := grpc.NewServer(grpc.ForceServerCodec(codec{}))
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "opentelemetry.proto.collector.metrics.v1.MetricsService", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		{MethodName: "Export", Handler: c.export},
	}}, c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *collector) export(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var request []byte
	if err := decode(&request); err != nil {
		return nil, err
	}
	var data metricspb.MetricsData
	if err := proto.Unmarshal(request, &data); err != nil {
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	c.header <- md
	c.got <- &data
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.answer, nil
}

// describe writes what came, a line a point.
func describe(data *metricspb.MetricsData) (lines []string) {
	for _, m := range data.ResourceMetrics[0].ScopeMetrics[0].Metrics {
		attributes := func(p interface {
			GetTimeUnixNano() uint64
			GetStartTimeUnixNano() uint64
		}, kvs string) string {
			return fmt.Sprint(m.Name, "|", m.Unit, "|", m.Description, "|", kvs, " from ", p.GetStartTimeUnixNano(), " at ", p.GetTimeUnixNano())
		}
		number := func(p *metricspb.NumberDataPoint, kind string) {
			text := ""
			for _, a := range p.Attributes {
				text += fmt.Sprint(a.Key, "=", a.Value.Value, " ")
			}
			lines = append(lines, fmt.Sprint(kind, " ", attributes(p, text), " ", p.Value))
		}
		for _, p := range m.GetGauge().GetDataPoints() {
			number(p, "gauge")
		}
		for _, p := range m.GetSum().GetDataPoints() {
			number(p, fmt.Sprint("sum ", m.GetSum().IsMonotonic, " ", m.GetSum().AggregationTemporality))
		}
		for _, p := range m.GetHistogram().GetDataPoints() {
			text := ""
			for _, a := range p.Attributes {
				text += fmt.Sprint(a.Key, "=", a.Value.Value, " ")
			}
			lines = append(lines, fmt.Sprint("histogram ", m.GetHistogram().AggregationTemporality, " ", attributes(p, text), " ", p.Count, " ", p.GetSum(), " ", p.BucketCounts, " ", p.ExplicitBounds))
		}
	}
	return lines
}

func TestPush(t *testing.T) {
	c := newCollector(t)
	source := func(emit func(metrics.Sample)) {
		emit(metrics.Sample{Name: "rocketmq_topic_number", Help: "Topics.", Kind: metrics.Gauge, Value: 7})
		emit(metrics.Sample{Name: "rocketmq_messages_in_total", Help: "Messages.", Kind: metrics.Counter, Value: 3, Labels: []string{"topic", "T", "is_system", "false"}})
		emit(metrics.Sample{Name: "rocketmq_messages_in_total", Help: "Messages.", Kind: metrics.Counter, Value: 1.5, Labels: []string{"topic", "U\xff"}})
		emit(metrics.Sample{Name: "rocketmq_rpc_latency_milliseconds", Unit: "milliseconds", Kind: metrics.Distribution, Bounds: []float64{1, 3}, Counts: []int64{5, 0, 2}, Sum: 44.5})
		emit(metrics.Sample{Name: "wrong", Kind: metrics.Distribution, Bounds: []float64{1, 3}, Counts: []int64{5}})
	}
	p, err := Start(Options{Target: "http://" + c.addr, Headers: map[string]string{"api-key": "k"}, Interval: time.Hour, Timeout: time.Minute, Version: "1.2",
		Common: metrics.Common{"cluster", "C"}, Began: time.Unix(1, 0), Now: func() time.Time { return time.Unix(2, 5) }, Sources: []metrics.Source{source}})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	data := <-c.got
	want := []string{
		"gauge rocketmq_topic_number||Topics.|cluster=&{C}  from 0 at 2000000005 &{7}",
		"sum true AGGREGATION_TEMPORALITY_CUMULATIVE rocketmq_messages_in_total||Messages.|cluster=&{C} topic=&{T} is_system=&{false}  from 1000000000 at 2000000005 &{3}",
		"sum true AGGREGATION_TEMPORALITY_CUMULATIVE rocketmq_messages_in_total||Messages.|cluster=&{C} topic=&{U�}  from 1000000000 at 2000000005 &{1.5}",
		"histogram AGGREGATION_TEMPORALITY_CUMULATIVE rocketmq_rpc_latency|milliseconds||cluster=&{C}  from 1000000000 at 2000000005 7 44.5 [5 0 2] [1 3]",
	}
	if got := describe(data); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if scope := data.ResourceMetrics[0].ScopeMetrics[0].Scope; scope.Name != "broker-meter" || scope.Version != "1.2" {
		t.Errorf("scope %v", scope)
	}
	if md := <-c.header; len(md["api-key"]) != 1 || md["api-key"][0] != "k" {
		t.Errorf("headers %v", md)
	}
	(*Pusher)(nil).Close()
}

func TestPushesComeInIntervals(t *testing.T) {
	c := newCollector(t)
	n := 0.0
	p, err := Start(Options{Target: "http://" + c.addr, Interval: 100 * time.Millisecond, Timeout: time.Minute,
		Sources: []metrics.Source{func(emit func(metrics.Sample)) { n++; emit(metrics.Sample{Name: "x", Kind: metrics.Gauge, Value: n}) }}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i := range 3 {
		data := <-c.got
		if v := data.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].GetAsInt(); v != int64(i+1) {
			t.Errorf("push %d says %d", i+1, v)
		}
	}
}

// TestManySamplesMakeManyRequests: collectors take 4 MiB at once.
func TestManySamplesMakeManyRequests(t *testing.T) {
	c := newCollector(t)
	const n = 60_000
	label := strings.Repeat("t", 50)
	p, err := Start(Options{Target: "http://" + c.addr, Interval: time.Hour, Timeout: time.Minute, Sources: []metrics.Source{func(emit func(metrics.Sample)) {
		for i := range n {
			emit(metrics.Sample{Name: "x", Kind: metrics.Gauge, Value: float64(i), Labels: []string{"topic", label}})
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	points := 0
	for len(c.got) > 0 {
		data := <-c.got
		if size := proto.Size(data); size > 2*requestSize {
			t.Errorf("a request of %d bytes", size)
		}
		for _, m := range data.ResourceMetrics[0].ScopeMetrics[0].Metrics {
			points += len(m.GetGauge().DataPoints)
		}
	}
	if points != n {
		t.Errorf("%d points came of %d", points, n)
	}
}

func TestFailedPushesAreLogged(t *testing.T) {
	c := newCollector(t)
	c.answer = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType),
		protowire.AppendString(protowire.AppendTag([]byte{1 << 3, 5}, 2, protowire.BytesType), "no room"))
	one := []metrics.Source{func(emit func(metrics.Sample)) { emit(metrics.Sample{Name: "x", Kind: metrics.Gauge}) }}
	f := func(target, want string) {
		t.Helper()
		var log logtext.Buffer
		p, err := Start(Options{Target: target, Interval: time.Hour, Timeout: time.Second, Sources: one, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if got := log.String(); !strings.Contains(got, want) {
			t.Errorf("%s: logged %q, want %q", target, got, want)
		}
	}
	f("http://"+c.addr, `rejected 5 points: \"no room\"`)
	f("https://"+c.addr, "metrics could not be pushed")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	f("http://"+l.Addr().String(), "metrics could not be pushed")
}

func TestTargets(t *testing.T) {
	f := func(target, addr string, plain bool) {
		t.Helper()
		a, p, err := parseTarget(target)
		if a != addr || p != plain || (err != nil) != (addr == "") {
			t.Errorf("%q: %q, %v, %v", target, a, p, err)
		}
	}
	f("collector:4317", "collector:4317", false)
	f("https://collector:4317/", "collector:4317", false)
	f("http://[::1]:4317", "[::1]:4317", true)
	f("collector", "", false)
	f("http://a:1/path", "", false)
	f("http://user@a:1", "", false)
	f("", "", false)
	if _, err := Start(Options{Target: "nowhere"}); err == nil || !strings.Contains(err.Error(), `"nowhere" is not host:port`) {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{10, 2, 8, 5})
	f.Add([]byte{10, 4, 18, 2, 'n', 'o'})
	f.Add([]byte{10, 200})
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := refused(b, "points"); err != nil && len(err.Error()) > 2000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}
