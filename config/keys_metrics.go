package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ExportOTLP is the value of metricsExporterType that sends metrics to a collector.
const ExportOTLP = "OTLP_GRPC"

// Metrics says what becomes of metrics, beside their being served at /metrics.
type Metrics struct {
	// Exporter is DISABLE, OTLP_GRPC, PROM or LOG; but for OTLP_GRPC it changes nothing more than that PROM opens RocketMQ's port for metrics.
	Exporter string
	// Target is the collector's address, Headers go with each push, Timeout bounds one, and Interval is the time between two.
	Target            string
	Headers           []NamedText
	Timeout, Interval time.Duration
	// Labels stand on each of RocketMQ's metrics.
	Labels []NamedText
	// MaxSeries bounds the series of one metric.
	MaxSeries int
	// PortChosen says that metricsPromExporterPort was set.
	PortChosen bool
}

// NamedText is a header or a label.
type NamedText struct{ Name, Value string }

func defaultMetrics() Metrics {
	return Metrics{Exporter: "DISABLE", Timeout: 3 * time.Second, Interval: time.Minute, MaxSeries: 50_000}
}

// metricsPort is where RocketMQ serves metrics.
const metricsPort = 5557

func metricsKeys() []Key {
	return []Key{
		apache("metricsExporterType", "OTLP_GRPC pushes metrics to a collector, PROM listens on port 5557 too; they are served at /metrics always", exporter()),
		apache("metricsPromExporterPort", "one more port to listen on, for /metrics", port(metricsPort, func(c *Config, v string) error {
			c.Metrics.PortChosen = true
			return movePort(metricsPort)(c, v)
		})),
		apache("metricsGrpcExporterTarget", "collector to push metrics to: http://HOST:PORT, or inside TLS https://HOST:PORT", text(func(c *Config) *string { return &c.Metrics.Target })),
		secret(apache("metricsGrpcExporterHeader", "headers of each push: NAME:VALUE,NAME:VALUE", named(func(c *Config) *[]NamedText { return &c.Metrics.Headers }, headerOK))),
		apache("metricGrpcExporterTimeOutInMills", "ms for one push", span(func(c *Config) *time.Duration { return &c.Metrics.Timeout }, time.Millisecond)),
		apache("metricGrpcExporterIntervalInMills", "ms between two pushes", span(func(c *Config) *time.Duration { return &c.Metrics.Interval }, time.Millisecond)),
		apache("metricsLabel", "labels on each metric of RocketMQ's: NAME:VALUE,NAME:VALUE", named(func(c *Config) *[]NamedText { return &c.Metrics.Labels }, labelOK)),
		apache("metricsOtelCardinalityLimit", "most series of one metric by topic and group", number(func(c *Config) *int { return &c.Metrics.MaxSeries }, 1, math.MaxInt32)),
		without("metricsPromExporterHost", "metrics are served wherever the node listens"),
		without("metricsInDelta", "counters are pushed as they stand; a collector can make differences of them"),
		without("metricLoggingExporterIntervalInMills", "metrics are not written to the log"),
	}
}

// exporter reads the type by name or by number, as RocketMQ does.
func exporter() field {
	words := []string{"DISABLE", ExportOTLP, "PROM", "LOG"}
	f := oneOf(func(c *Config) *string { return &c.Metrics.Exporter }, words...)
	byName := f.set
	f.set = func(c *Config, v string) error {
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= 0 && n < len(words) {
			v = words[n]
		}
		err := byName(c, v)
		if err == nil && c.Metrics.Exporter == "PROM" && !c.Metrics.PortChosen {
			c.replacePort(metricsPort, metricsPort)
		}
		return err
	}
	return f
}

// maxNamed bounds a list of headers or labels.
const maxNamed = 32

func named(at func(*Config) *[]NamedText, ok func(name string) error) field {
	return field{
		unit: "list",
		set: func(c *Config, v string) error {
			var out []NamedText
			for item := range strings.SplitSeq(v, ",") {
				if item = strings.TrimSpace(item); item == "" {
					continue
				}
				name, value, found := strings.Cut(item, ":")
				if !found {
					return fmt.Errorf("%q is not NAME:VALUE", name)
				}
				if err := ok(name); err != nil {
					return err
				}
				out = append(out, NamedText{name, value})
			}
			if len(out) > maxNamed {
				return fmt.Errorf("%d of them, the most are %d", len(out), maxNamed)
			}
			*at(c) = out
			return nil
		},
		get: func(c *Config) string {
			var items []string
			for _, n := range *at(c) {
				items = append(items, n.Name+":"+n.Value)
			}
			return strings.Join(items, ",")
		},
	}
}

// headerOK refuses what cannot be the name of a header in gRPC.
func headerOK(name string) error {
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			continue
		}
		return fmt.Errorf("%q cannot be the name of a header: letters, digits, '-', '_' and '.' can", name)
	}
	if name == "" || strings.HasPrefix(strings.ToLower(name), "grpc-") {
		return fmt.Errorf("%q cannot be the name of a header", name)
	}
	return nil
}

// labelOK refuses what cannot be the name of a label, or is one that the metrics have.
func labelOK(name string) error {
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= '0' && c <= '9' && i > 0 {
			continue
		}
		return fmt.Errorf("%q cannot be the name of a label: letters, digits and '_' can, a digit not first", name)
	}
	const taken = " cluster node_type node_id aggregation topic consumer_group message_type is_system is_retry language version consume_mode protocol_type request_code " +
		"response_code is_long_polling result storage_type storage_medium timer_bound_s processor invocation_status otel_metric_overflow le quantile "
	if name == "" || strings.Contains(taken, " "+name+" ") {
		return fmt.Errorf("%q cannot be the name of a label: the metrics have it, or none", name)
	}
	return nil
}
