package interop

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// spanTrace is the trace that the Java programs' scenario "traceparent" says its message belongs to, and spanParent the span.
const (
	spanTrace  = "0af7651916cd43dd8448eb211c80319c"
	spanParent = "b7ad6b7169203331"
)

// spanBook is a collector that keeps spans by trace.
type spanBook struct {
	addr string

	mu     sync.Mutex // guards traces
	traces map[string][]*tracepb.Span
}

func newSpanBook(t *testing.T) *spanBook {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &spanBook{addr: "http://" + l.Addr().String(), traces: map[string][]*tracepb.Span{}}
	// What a collector is sent has the wire format of TracesData.
	collector := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		data := &tracepb.TracesData{}
		if err := stream.RecvMsg(data); err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range data.ResourceSpans[0].ScopeSpans[0].Spans {
			id := hex.EncodeToString(s.TraceId)
			b.traces[id] = append(b.traces[id], s)
		}
		return stream.SendMsg(&tracepb.TracesData{})
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = collector.Serve(l) // it is stopped
	}()
	t.Cleanup(func() {
		collector.Stop()
		<-done
	})
	return b
}

// operations are those of a trace's spans, in order and each once.
func (b *spanBook) operations(trace string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	for _, s := range b.traces[trace] {
		operation, _, _ := strings.Cut(s.Name, " ")
		seen[operation] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}

// complete counts the traces whose spans are of these operations.
func (b *spanBook) complete(operations string) (n int) {
	b.mu.Lock()
	ids := slices.Collect(maps.Keys(b.traces))
	b.mu.Unlock()
	for _, id := range ids {
		if b.operations(id) == operations {
			n++
		}
	}
	return n
}

// want waits until so many traces are of these operations, and that of the scenario "traceparent" among them, as a part of its producer's.
func (b *spanBook) want(t *testing.T, n int, operations string) {
	t.Helper()
	if err := eventually(20*time.Second, "spans", func() error {
		if got := b.complete(operations); got < n {
			return fmt.Errorf("%d traces have %s, want %d", got, operations, n)
		}
		if got := b.operations(spanTrace); got != operations {
			return fmt.Errorf("the message that brings its trace has the spans %q, want %q", got, operations)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.traces[spanTrace] {
		operation, _, _ := strings.Cut(s.Name, " ")
		if operation == "send" && hex.EncodeToString(s.ParentSpanId) != spanParent || operation != "send" && (len(s.Links) != 1 || hex.EncodeToString(s.Links[0].SpanId) != spanParent) {
			t.Errorf("%s does not belong to the producer's span: %v", operation, s)
		}
	}
}

// TestJavaSpans has the Java client send and consume, and finds each message's life in a trace of its own, or its producer's.
func TestJavaSpans(t *testing.T) {
	t.Parallel()
	b := newSpanBook(t)
	s := startServer(t, "aerobee", "traceGrpcExporterTarget="+b.addr, "traceSampleRatio=1")
	runSuite(t, javaProgram(t, javaNew), s, "INTEROP_ONLY=^(sync|traceparent)$")
	b.want(t, 51, "commit receive send")
}

// TestJavaGrpcSpans is TestJavaSpans for the Java client that speaks gRPC.
func TestJavaGrpcSpans(t *testing.T) {
	t.Parallel()
	b := newSpanBook(t)
	s := startGrpcServer(t, "aerobee", "traceGrpcExporterTarget="+b.addr, "traceSampleRatio=1")
	runSuite(t, javaGrpcProgram(t), s, "INTEROP_ONLY=^(normal|traceparent)$")
	b.want(t, 51, "ack receive send")
}
