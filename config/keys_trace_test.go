package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTraceKeys(t *testing.T) {
	c, _, err := Load(pairs("broker.conf", "traceGrpcExporterTarget", "http://collector:4317", "traceGrpcExporterHeader", "api-key:a:b", "traceSampleRatio", "2.5e-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := Trace{Target: "http://collector:4317", Headers: []NamedText{{"api-key", "a:b"}}, Ratio: 0.25}
	if diff := cmp.Diff(want, c.Trace); diff != "" {
		t.Error(diff)
	}
	if text := c.Told(); strings.Contains(text, "a:b") || !strings.Contains(text, "traceSampleRatio=0.25\n") {
		t.Errorf("told:\n%s", text)
	}
	for _, v := range []string{"", "x", "-0.1", "1.1", "NaN", "Inf", "10%"} {
		if _, _, err := Load(pairs("broker.conf", "traceSampleRatio", v)); err == nil || !strings.Contains(err.Error(), "is not a number from 0 to 1") {
			t.Errorf("%q: got %v", v, err)
		}
	}
}
