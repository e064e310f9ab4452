package aerobee

import (
	"fmt"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/metrics/otlp"
)

// metricLabels are the labels that RocketMQ's metrics have in common: which node of which cluster it is, and what its operator says of it.
func (s *Server) metricLabels() metrics.Common {
	kind := "namesrv"
	for _, role := range [...]string{"proxy", "broker"} {
		if s.cfg.HasRole(role) {
			kind = role
		}
	}
	labels := metrics.Common{"cluster", s.cfg.ClusterName, "node_type", kind, "node_id", s.cfg.BrokerName}
	for _, l := range s.cfg.Metrics.Labels {
		labels = append(labels, l.Name, l.Value)
	}
	return labels
}

// requestName is the name of a request in RocketMQ's metrics.
func (s *Server) requestName(code int32) string { return strings.ToLower(s.requests.Name(code)) }

// startPush begins to send metrics to a collector, if the node is told to.
func (s *Server) startPush() error {
	m := &s.cfg.Metrics
	if m.Exporter != config.ExportOTLP || m.Target == "" {
		return nil
	}
	headers := map[string]string{}
	for _, h := range m.Headers {
		headers[h.Name] = h.Value
	}
	p, err := otlp.Start(otlp.Options{
		Target: m.Target, Headers: headers, Timeout: m.Timeout, Interval: m.Interval, Common: s.metricLabels(), Version: Version(), Began: s.started,
		Sources: []metrics.Source{s.metrics, metrics.Runtime()}, Logger: s.log, Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("metricsGrpcExporterTarget: %w", err)
	}
	s.push = p
	return nil
}
