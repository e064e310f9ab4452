package meter

import (
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/metrics"
)

// Client is what clients have in common that are counted together. Group and Mode, which is how it consumes ("push", "pull", "pop"), are a
// consumer's only.
type Client struct {
	Producer                       bool
	Group, Mode, Language, Version string
}

// Connections counts the members of groups anew for each scrape. One goroutine at a time may use it.
type Connections struct{ counts map[Client]int }

// Add counts one.
func (c *Connections) Add(one Client) {
	if c.counts == nil {
		c.counts = map[Client]int{}
	}
	c.counts[one]++
}

// Emit tells of all, and forgets them.
func (c *Connections) Emit(emit func(metrics.Sample)) {
	var labels []string
	for _, producer := range [...]bool{true, false} {
		s := metrics.Sample{Name: "rocketmq_consumer_connections", Help: "Members of consumer groups.", Kind: metrics.Gauge}
		if producer {
			s.Name, s.Help = "rocketmq_producer_connections", "Members of producer groups."
		}
		for one, n := range c.counts {
			if one.Producer != producer {
				continue
			}
			labels = append(labels[:0], "language", strings.ToLower(one.Language), "version", strings.ToLower(one.Version), "protocol_type", "remoting")
			if !producer {
				labels = append(labels, "consumer_group", one.Group, "consume_mode", one.Mode, "is_system", strconv.FormatBool(SystemGroup(one.Group)))
			}
			s.Labels, s.Value = labels, float64(n)
			emit(s)
		}
	}
	clear(c.counts)
}

// Mode is how a group consumes whose heartbeats say this of it.
func Mode(consumeType string) string {
	switch consumeType {
	case "CONSUME_PASSIVELY":
		return "push"
	case "CONSUME_POP":
		return "pop"
	}
	return "pull"
}

// Watermarks tells what waits for each of RocketMQ's thread pools. There are none here: sends wait for topics that are being made, and pulls for
// their turn at the disk.
func Watermarks(sends, pulls int, emit func(metrics.Sample)) {
	for _, name := range [...]string{"send", "async_put", "pull", "ack", "query_message", "client_manager", "heartbeat", "lite_pull", "transaction", "consumer_manager", "admin", "reply"} {
		waiting := 0
		switch name {
		case "send":
			waiting = sends
		case "pull":
			waiting = pulls
		}
		emit(metrics.Sample{Name: "rocketmq_processor_watermark", Help: "Requests that wait.", Kind: metrics.Gauge, Value: float64(waiting), Labels: []string{"processor", name}})
	}
}
