package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMetricsKeys(t *testing.T) {
	c, _, err := Load(pairs("broker.conf", "metricsExporterType", "OTLP_GRPC", "metricsGrpcExporterTarget", "http://collector:4317",
		"metricsGrpcExporterHeader", "api-key:a:b, x:y", "metricGrpcExporterTimeOutInMills", "2000", "metricGrpcExporterIntervalInMills", "15000",
		"metricsLabel", "zone:a", "metricsOtelCardinalityLimit", "7"))
	if err != nil {
		t.Fatal(err)
	}
	want := Metrics{Exporter: ExportOTLP, Target: "http://collector:4317", Headers: []NamedText{{"api-key", "a:b"}, {"x", "y"}}, Timeout: 2 * time.Second,
		Interval: 15 * time.Second, Labels: []NamedText{{"zone", "a"}}, MaxSeries: 7}
	if diff := cmp.Diff(want, c.Metrics); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The settings as text must read as what they were.
	written, err := ParseProperties(c.Properties())
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Load(Source{Name: "again", Pairs: written})
	if diff := cmp.Diff(want, again.Metrics); err != nil || diff != "" {
		t.Errorf("%v, read again (-want +got):\n%s", err, diff)
	}
}

func TestMetricsPort(t *testing.T) {
	f := func(want string, keys ...string) {
		t.Helper()
		c, _, err := Load(pairs("broker.conf", keys...))
		if got := fmt.Sprint(c.Listen); err != nil || !strings.Contains(got, want) || strings.Count(got, ":") != strings.Count(want, ":")+4 {
			t.Errorf("%q: listens on %s, %v", keys, got, err)
		}
	}
	f("", "metricsExporterType", "OTLP_GRPC")
	f(" :5557", "metricsExporterType", "PROM")
	f(" :5557", "metricsExporterType", "2")
	f(" :6000", "metricsExporterType", "PROM", "metricsPromExporterPort", "6000")
	f(" :6000", "metricsPromExporterPort", "6000", "metricsExporterType", "prom")
}

func TestBadMetricsKeys(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		if _, _, err := Load(pairs("broker.conf", key, value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s=%s: got %v, want %q in it", key, value, err, want)
		}
	}
	f("metricsExporterType", "4", `"4" is not one of DISABLE, OTLP_GRPC, PROM, LOG`)
	f("metricsGrpcExporterHeader", "novalue", `"novalue" is not NAME:VALUE`)
	f("metricsGrpcExporterHeader", "a b:c", `"a b" cannot be the name of a header`)
	f("metricsGrpcExporterHeader", "grpc-timeout:1", "cannot be the name of a header")
	f("metricsGrpcExporterHeader", strings.Repeat("a:b,", 33), "33 of them, the most are 32")
	f("metricsLabel", "1a:b", `"1a" cannot be the name of a label`)
	f("metricsLabel", "topic:b", "the metrics have it")
	f("metricsOtelCardinalityLimit", "0", "0 is out of range")
}
