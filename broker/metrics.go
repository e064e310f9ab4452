package broker

import "github.com/aerobee-mq/aerobee/metrics"

// Metrics tells what passed through the broker since it started, and who is connected. It is a [metrics.Source].
func (b *Broker) Metrics(emit func(metrics.Sample)) {
	count := func(name, help string, v int64) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Counter, Value: float64(v)})
	}
	count("rocketmq_messages_in_total", "Messages stored for producers.", b.stats.put.Load())
	count("rocketmq_throughput_in_total", "Bytes of messages stored for producers.", b.stats.putBytes.Load())
	count("rocketmq_messages_out_total", "Messages handed to consumers.", b.stats.gotCount.Load())
	count("rocketmq_throughput_out_total", "Bytes of messages handed to consumers.", b.stats.gotBytes.Load())
	count("rocketmq_send_to_dlq_messages_total", "Messages given up into a dead letter topic.", b.stats.dead.Load())
	for r := range refusedReasons {
		emit(metrics.Sample{Name: "aerobee_sends_refused_total", Help: "Sends that were refused, by the reason.", Kind: metrics.Counter,
			Value: float64(b.stats.refused[r].Load()), Labels: []string{"reason", r.String()}})
	}
	count("aerobee_messages_sent_back_total", "Messages that consumers sent back.", b.stats.returned.Load())
	b.clientMu.Lock()
	producers, consumers := b.clients.Count()
	b.clientMu.Unlock()
	gauge := func(name, help string, v int64) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Gauge, Value: float64(v)})
	}
	gauge("rocketmq_producer_connections", "Members of producer groups.", int64(producers))
	gauge("rocketmq_consumer_connections", "Members of consumer groups.", int64(consumers))
	gauge("aerobee_pulls_held", "Pulls that wait for a message.", b.held.Load())
}
