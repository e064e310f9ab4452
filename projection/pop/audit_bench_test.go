package pop

import (
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// BenchmarkAudit is what looking through 100,000 messages costs, each handed out alone.
func BenchmarkAudit(b *testing.B) {
	const n = 100_000
	var tab Table
	for i := range message.QueueOffset(n) {
		k := Key{Group: 1, Topic: 1, Queue: message.QueueID(i % 16)}
		part := Taken{Lease: Lease{Key: k, From: i / 16}, Fresh: []message.QueueOffset{i / 16}, Next: i/16 + 1}
		if err := tab.Apply(AppendPop(nil, int64(i), 60_000, part), message.LogOffset(1000+200*i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := tab.Audit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
}
