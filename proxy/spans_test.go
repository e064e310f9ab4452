package proxy_test

import (
	"encoding/hex"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/aerobee-mq/aerobee/internal/otlptest"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestSpans follows messages of gRPC clients: one with the context among its properties, as OpenTelemetry's agents put it there, and one with the
// context in the field that the protocol has for it.
func TestSpans(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	const parent = "00-" + trace + "-" + span + "-01"
	addr, requests := otlptest.Collect[tracepb.TracesData](t, nil)
	var got []*tracepb.Span
	n := start(t, map[string]string{"traceGrpcExporterTarget": addr, "traceSampleRatio": "0"})
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	asProperty, asField := plain("orders", "01AA", "x"), plain("orders", "01BB", "y")
	asProperty.UserProperties = map[string]string{"traceparent": parent}
	asField.SystemProperties.TraceContext = new(parent)
	for _, m := range []*pb.Message{asProperty, asField} {
		p.send(m)
		code, ms := c.receive(receiving("orders", "g"))
		want(t, code, pb.Code_OK)
		want(t, c.ack("orders", "g", ms...).GetStatus(), pb.Code_OK)
		for _, name := range []string{"send orders", "receive orders", "ack orders"} {
			for len(got) == 0 {
				got = (<-requests).Data.ResourceSpans[0].ScopeSpans[0].Spans
			}
			s := got[0]
			got = got[1:]
			if s.Name != name || hex.EncodeToString(s.TraceId) != trace {
				t.Errorf("got %v, want %s", s, name)
			}
			if name == "send orders" && hex.EncodeToString(s.ParentSpanId) != span || name != "send orders" && (len(s.Links) != 1 || hex.EncodeToString(s.Links[0].SpanId) != span) {
				t.Errorf("%s does not belong to the producer's span: %v", name, s)
			}
		}
	}
}
