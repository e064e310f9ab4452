package aerobee

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/aerobee-mq/aerobee/internal/otlptest"
)

// push is what a collector was sent at one time.
type push = otlptest.Request[*metricspb.MetricsData]

// tells reports whether a push holds a point of the metric that says all the words.
func tells(p *push, name string, words ...string) bool {
	for _, m := range p.Data.ResourceMetrics[0].ScopeMetrics[0].Metrics {
		for _, point := range append(m.GetSum().GetDataPoints(), m.GetGauge().GetDataPoints()...) {
			text, found := fmt.Sprint(point), m.Name == name
			for _, w := range words {
				found = found && strings.Contains(text, w)
			}
			if found {
				return true
			}
		}
	}
	return false
}

// pushing starts a node that pushes often, with more settings, and returns its first push.
func pushing(t *testing.T, settings ...string) push {
	t.Helper()
	addr, got := otlptest.Collect[metricspb.MetricsData](t, nil)
	start(t, append([]string{"metricsExporterType", "OTLP_GRPC", "metricsGrpcExporterTarget", addr, "metricGrpcExporterIntervalInMills", "100"}, settings...)...)
	return <-got
}

func metricsEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"metricsExporterType": func(t *testing.T) {
			addr, _ := otlptest.Collect[metricspb.MetricsData](t, nil)
			if start(t, "metricsGrpcExporterTarget", addr).push != nil {
				t.Error("a node pushes that was not told to")
			}
			if start(t, "metricsGrpcExporterTarget", addr, "metricsExporterType", "1").push == nil {
				t.Error("a node does not push that was told to")
			}
		},
		"metricsGrpcExporterTarget": func(t *testing.T) {
			addr, got := otlptest.Collect[metricspb.MetricsData](t, nil)
			s := start(t, "metricsExporterType", "OTLP_GRPC", "metricsGrpcExporterTarget", addr, "metricGrpcExporterIntervalInMills", "100")
			s.dial(t).mustSend("T", "x")
			for p := range got { // a push may have begun before the message
				if tells(&p, "rocketmq_messages_in_total", `"broker-t"`, `"DefaultCluster"`, `"T"`, `"normal"`, "as_int:1") {
					return
				}
			}
		},
		"metricsGrpcExporterHeader": func(t *testing.T) {
			if p := pushing(t, "metricsGrpcExporterHeader", "api-key:k7,tenant:t"); fmt.Sprint(p.Headers["api-key"], p.Headers["tenant"]) != "[k7] [t]" {
				t.Errorf("headers %v", p.Headers)
			}
		},
		"metricGrpcExporterTimeOutInMills": func(t *testing.T) {
			if p := pushing(t, "metricGrpcExporterTimeOutInMills", "600000"); p.Within < time.Minute {
				t.Errorf("a push has %v", p.Within)
			}
		},
		"metricGrpcExporterIntervalInMills": func(t *testing.T) {
			addr, got := otlptest.Collect[metricspb.MetricsData](t, nil)
			start(t, "metricsExporterType", "OTLP_GRPC", "metricsGrpcExporterTarget", addr, "metricGrpcExporterIntervalInMills", "100")
			for range 3 { // by default the third one would come after three minutes
				<-got
			}
		},
		"metricsLabel": func(t *testing.T) {
			if text := start(t, "metricsLabel", "zone:a").scrapeText(t); !strings.Contains(text, `node_id="broker-t",zone="a"`) {
				t.Errorf("the label is missing in %.500s", text)
			}
		},
		"metricsOtelCardinalityLimit": func(t *testing.T) {
			s := start(t, "metricsOtelCardinalityLimit", "1")
			p := s.dial(t)
			p.mustSend("T", "x")
			p.mustSend("U", "x")
			p.mustSend("V", "x")
			wantLines(t, s.scrapeText(t), `rocketmq_messages_in_total{cluster="DefaultCluster",node_type="broker",node_id="broker-t",otel_metric_overflow="true"} 2`)
		},
	}
}
