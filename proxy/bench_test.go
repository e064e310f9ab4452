package proxy_test

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// BenchmarkSend is one message of 1 KiB, client and server together, 64 senders at once.
func BenchmarkSend(b *testing.B) {
	n := startBench(b)
	p := n.client("p")
	body := string(make([]byte, 1024))
	var i atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pbb *testing.PB) {
		for pbb.Next() {
			p.send(plain("orders", fmt.Sprintf("01%032d", i.Add(1)), body))
		}
	})
}

// BenchmarkReceive is one message received and acknowledged, client and server together.
func BenchmarkReceive(b *testing.B) {
	n := startBench(b)
	p, c := n.client("p"), n.client("c")
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "orders"))
	n.begin(c, "orders", "g")
	body := string(make([]byte, 1024))
	var all []*pb.Message
	for i := range b.N {
		if all = append(all, plain("orders", fmt.Sprintf("01%032d", i), body)); len(all) == 512 || i == b.N-1 {
			p.send(all...)
			all = nil
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for got := 0; got < b.N; {
		st, err := c.ReceiveMessage(c.ctx(), receiving("orders", "g"))
		if err != nil {
			b.Fatal(err)
		}
		var ms []*pb.Message
		for {
			in, err := st.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if m := in.GetMessage(); m != nil {
				ms = append(ms, m)
			}
		}
		for _, m := range ms {
			c.ack("orders", "g", m)
		}
		got += len(ms)
	}
}

func startBench(b *testing.B) *node {
	b.Helper()
	n := start(b, nil)
	n.topic("orders", "NORMAL")
	return n
}
