package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Trace says what becomes of spans of messages.
type Trace struct {
	// Target is the collector's address, "" for no spans at all, and Headers go with each request.
	Target  string
	Headers []NamedText
	// Ratio is the share of messages that are traced though their producer does not say whether they are, 0 to 1.
	Ratio float64
}

func defaultTrace() Trace { return Trace{Ratio: 0.01} }

func traceKeys() []Key {
	return []Key{
		own("traceGrpcExporterTarget", "collector to which the broker sends spans of messages: http://HOST:PORT, or inside TLS https://HOST:PORT; without it there are none", text(func(c *Config) *string { return &c.Trace.Target })),
		secret(own("traceGrpcExporterHeader", "headers that go with them: NAME:VALUE,NAME:VALUE", named(func(c *Config) *[]NamedText { return &c.Trace.Headers }, headerOK))),
		own("traceSampleRatio", "share of messages that are traced, 0 to 1; a message with a traceparent is traced if that says so", ratio(func(c *Config) *float64 { return &c.Trace.Ratio })),
	}
}

func ratio(at func(*Config) *float64) field {
	return field{
		unit: "0 to 1",
		set: func(c *Config, v string) error {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil || !(f >= 0 && f <= 1) {
				return fmt.Errorf("%q is not a number from 0 to 1", v)
			}
			*at(c) = f
			return nil
		},
		get: func(c *Config) string { return strconv.FormatFloat(*at(c), 'g', -1, 64) },
	}
}
