package client_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/client"
)

// BenchmarkSend sends 1 KiB from 64 goroutines to a broker in the same process; the numbers are of both.
func BenchmarkSend(b *testing.B) {
	_, c := startBroker(b, client.Config{})
	p := newProducer(b, c, client.ProducerConfig{})
	body := make([]byte, 1024)
	ctx := b.Context()
	if _, err := p.Send(ctx, &client.Message{Topic: "bench", Body: body}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range 64 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for left.Add(-1) >= 0 {
				if _, err := p.Send(ctx, &client.Message{Topic: "bench", Body: body}); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
}
