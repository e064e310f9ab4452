package aerobee

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/trace"
	"github.com/aerobee-mq/aerobee/tracing"
)

// startSpans makes ready to send spans of messages to a collector, if the node is told to. A nil recorder traces nothing.
func (s *Server) startSpans() (*trace.Recorder, error) {
	c := &s.cfg.Trace
	if c.Target == "" {
		return nil, nil
	}
	headers := map[string]string{}
	for _, h := range c.Headers {
		headers[h.Name] = h.Value
	}
	e, err := tracing.Start(tracing.Options{Target: c.Target, Headers: headers, Version: Version(), Logger: s.log, Resource: []tracing.Attribute{
		tracing.Text("service.name", "aerobee"), tracing.Text("service.namespace", s.cfg.ClusterName), tracing.Text("service.instance.id", s.cfg.BrokerName),
		tracing.Text("service.version", Version()),
	}})
	if err != nil {
		return nil, fmt.Errorf("traceGrpcExporterTarget: %w", err)
	}
	s.spans = e
	return trace.New(trace.Options{Record: e.Record, Ratio: c.Ratio, Server: s.addr.canonical, Latencies: s.latencies, Now: s.world.now}), nil
}
