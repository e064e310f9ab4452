package tracing

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/internal/otlptest"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
	"github.com/aerobee-mq/aerobee/metrics"
)

func mustParse(t *testing.T, parent string) tracecontext.Context {
	t.Helper()
	c, err := tracecontext.Parse([]byte(parent))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// describe writes a span as text, a line for each thing that is said of it.
func describe(s *tracepb.Span) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, %s of %s, parent %q, state %q, flags %x, from %d to %d\n", s.Name, s.Kind, hex.EncodeToString(s.SpanId), hex.EncodeToString(s.TraceId),
		hex.EncodeToString(s.ParentSpanId), s.TraceState, s.Flags, s.StartTimeUnixNano, s.EndTimeUnixNano)
	for _, a := range s.Attributes {
		if words := a.Value.GetArrayValue(); words != nil {
			fmt.Fprintf(&b, "%s:", a.Key)
			for _, w := range words.Values {
				fmt.Fprintf(&b, " %q", w.GetStringValue())
			}
			b.WriteByte('\n')
			continue
		}
		fmt.Fprintf(&b, "%s: %v\n", a.Key, a.Value.Value)
	}
	for _, l := range s.Links {
		fmt.Fprintf(&b, "link to %s of %s, state %q, flags %x\n", hex.EncodeToString(l.SpanId), hex.EncodeToString(l.TraceId), l.TraceState, l.Flags)
	}
	if s.Status != nil {
		fmt.Fprintf(&b, "%s: %s\n", s.Status.Code, s.Status.Message)
	}
	return b.String()
}

func TestWhatIsSent(t *testing.T) {
	target, got := otlptest.Collect[tracepb.TracesData](t, nil)
	e, err := Start(Options{Target: target, Headers: map[string]string{"api-key": "k"}, Version: "1.2", Resource: []Attribute{Text("service.name", "aerobee")}})
	if err != nil {
		t.Fatal(err)
	}
	parent := mustParse(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	parent.State = "a=1"
	own := parent
	own.Span = tracecontext.SpanID{1, 2, 3, 4, 5, 6, 7, 8}
	e.Record(&Span{Context: own, Parent: parent.Span, Remote: true, Name: "send T", Kind: Server, Start: time.Unix(1, 5), End: time.Unix(2, 0),
		Attributes: []Attribute{Text("text", "x\xff"), Number("number", -7), List("list", "a  b"), Text("long", strings.Repeat("x", 1000))},
		Links:      []tracecontext.Context{parent}, Failed: "no room"})
	e.Record(&Span{Context: mustParse(t, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Name: "send U", Kind: Producer, Start: time.Unix(-5, 0), End: time.Unix(3, 0)})
	e.Close()
	r := <-got
	if r.Method != method || fmt.Sprint(r.Headers["api-key"]) != "[k]" {
		t.Errorf("method %s, headers %v", r.Method, r.Headers)
	}
	resource := r.Data.ResourceSpans[0]
	if a := resource.Resource.Attributes[0]; a.Key != "service.name" || a.Value.GetStringValue() != "aerobee" {
		t.Errorf("resource %v", resource.Resource)
	}
	scope := resource.ScopeSpans[0]
	if scope.Scope.Name != "aerobee" || scope.Scope.Version != "1.2" {
		t.Errorf("scope %v", scope.Scope)
	}
	text := ""
	for _, s := range scope.Spans {
		text += describe(s)
	}
	want := `send T SPAN_KIND_SERVER, 0102030405060708 of 0af7651916cd43dd8448eb211c80319c, parent "b7ad6b7169203331", state "a=1", flags 301, from 1000000005 to 2000000000
text: &{x` + "\ufffd" + `}
number: &{-7}
list: "a" "b"
long: &{` + strings.Repeat("x", 256) + `}
link to b7ad6b7169203331 of 0af7651916cd43dd8448eb211c80319c, state "a=1", flags 301
STATUS_CODE_ERROR: no room
send U SPAN_KIND_PRODUCER, 00f067aa0ba902b7 of 4bf92f3577b34da6a3ce929d0e0e4736, parent "", state "", flags 101, from 0 to 3000000000
`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	(*Exporter)(nil).Record(&Span{})
	(*Exporter)(nil).Close()
}

// counts are what Emit tells.
func counts(e *Exporter) string {
	var b strings.Builder
	e.Emit(func(s metrics.Sample) { fmt.Fprintf(&b, "%s%v %v\n", s.Name, s.Labels, s.Value) })
	return b.String()
}

// TestNobodyWaits: a collector that does not answer costs spans, not time, and those are counted.
func TestNobodyWaits(t *testing.T) {
	ask := make(chan struct{})
	target, got := otlptest.Collect[tracepb.TracesData](t, func(ctx context.Context) error {
		select {
		case <-ask:
		case <-ctx.Done():
		}
		return nil
	})
	e, err := Start(Options{Target: target, Timeout: time.Minute, MaxBatch: 1, MaxQueue: 3})
	if err != nil {
		t.Fatal(err)
	}
	one := &Span{Context: mustParse(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), Name: "x"}
	e.Record(one)
	<-got // the loop has it, and waits for the answer
	for range 10 {
		e.Record(one)
	}
	want := "aerobee_spans_exported_total[] 0\naerobee_spans_dropped_total[reason queue_full] 7\naerobee_spans_dropped_total[reason export_failed] 0\n"
	if text := counts(e); text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	close(ask)
	for range 3 {
		<-got
	}
	e.Close()
	if n := e.exported.Load() + e.failed.Load(); n != 4 {
		t.Errorf("%d spans were sent, want 4", n)
	}
	(*Exporter)(nil).Emit(func(metrics.Sample) { t.Error("no exporter has no counts") })
}

// TestManySpansMakeManyRequests: collectors take 4 MiB at once.
func TestManySpansMakeManyRequests(t *testing.T) {
	target, got := otlptest.Collect[tracepb.TracesData](t, nil)
	const n = 10_000
	e, err := Start(Options{Target: target, Timeout: time.Minute, Delay: time.Hour, MaxBatch: n, MaxQueue: n})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		e.Record(&Span{Name: "x", Attributes: []Attribute{Text("long", strings.Repeat("x", 1000))}})
	}
	sum, requests := 0, 0
	for sum < n {
		r := <-got
		if size := proto.Size(r.Data); size > 2*requestSize {
			t.Errorf("a request of %d bytes", size)
		}
		sum += len(r.Data.ResourceSpans[0].ScopeSpans[0].Spans)
		requests++
	}
	e.Close()
	if sum != n || requests < 2 {
		t.Errorf("%d spans came in %d requests", sum, requests)
	}
}

func TestFailuresAreCounted(t *testing.T) {
	target, _ := otlptest.Collect[tracepb.TracesData](t, func(context.Context) error { return status.Error(codes.ResourceExhausted, "too many spans") })
	var log logtext.Buffer
	e, err := Start(Options{Target: target, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	e.Record(&Span{Name: "x"})
	e.Close()
	e.Record(&Span{Name: "late"})
	if text := counts(e); !strings.Contains(text, "export_failed] 1\n") || !strings.Contains(text, "exported_total[] 0\n") {
		t.Errorf("got\n%s", text)
	}
	if got := log.String(); !strings.Contains(got, "too many spans") || !strings.Contains(got, "spans=1") {
		t.Errorf("logged %q", got)
	}
	if _, err := Start(Options{Target: "nowhere"}); err == nil || !strings.Contains(err.Error(), `"nowhere" is not host:port`) {
		t.Errorf("got %v", err)
	}
}
