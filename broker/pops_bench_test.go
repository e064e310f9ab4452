package broker

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// BenchmarkPop pops 32 messages and acknowledges them in one request, over and over; an op is a message. The store is in memory, so this is
// what the machine, the log and the connection cost. "behind" keeps 100,000 messages of another group in flight meanwhile.
func BenchmarkPop(b *testing.B) {
	for _, behind := range []int{0, 100_000} {
		b.Run(fmt.Sprint("behind=", behind), func(b *testing.B) { benchPop(b, behind) })
	}
}

func benchPop(b *testing.B, behind int) {
	n := newNode(b, func(_ *Options, so *store.Options) { so.SegmentSize = 64 << 20 })
	n.topic("T", 1)
	p := n.dial()
	fill := func(count int) {
		for i := 0; i < count; i += 32 {
			var batch []byte
			for range 32 {
				batch = append(batch, batchUnitOf(0, "payload", "")...)
			}
			p.want(protocol.ResSuccess, p.call(protocol.ReqSendBatchMessage, sendFields("T", 0, "").with(fields{"m": "true"}), batch))
		}
	}
	fill(max(behind, b.N) + 32)
	for range behind / 32 {
		p.want(protocol.ResSuccess, p.call(protocol.ReqPopMessage, popFields("other", "T", 0, fields{"invisibleTime": "3600000"}), nil))
	}
	b.ResetTimer()
	for i := 0; i < b.N; i += 32 {
		f := p.want(protocol.ResSuccess, p.call(protocol.ReqPopMessage, popFields("g", "T", 0, nil), nil))
		var h protocol.PopMessageResponseHeader
		if err := h.Decode(f.Fields); err != nil {
			b.Fatal(err)
		}
		starts, err := protocol.ParseStartOffsets(h.StartOffsetInfo)
		if err != nil {
			b.Fatal(err)
		}
		a := protocol.BatchAck{ConsumerGroup: "g", Topic: "T", Retry: "0", StartOffset: starts[protocol.PopQueueKey(protocol.PopNormal, 0)], ReviveQueue: h.ReviveQueue,
			PopTime: h.PopTime, InvisibleTime: h.InvisibleTime, Bits: protocol.BitSet{0xff, 0xff, 0xff, 0xff}}
		body, _ := json.Marshal(protocol.BatchAckRequest{Acks: []protocol.BatchAck{a}})
		p.want(protocol.ResSuccess, p.call(protocol.ReqBatchAckMessage, nil, body))
	}
	b.StopTimer()
}
