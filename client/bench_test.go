package client_test

import (
	"context"
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

// BenchmarkConsume has messages of 1 KiB handled that lie in a broker in the same process; the numbers are of both.
func BenchmarkConsume(b *testing.B) {
	_, c := startBroker(b, client.Config{})
	p := newProducer(b, c, client.ProducerConfig{})
	batch := make([]*client.Message, 100)
	for i := range batch {
		batch[i] = &client.Message{Topic: "bench", Body: make([]byte, 1024), Tag: "tag"}
	}
	total := 0
	for ; total < b.N; total += len(batch) {
		if _, err := p.SendBatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(total))
	done := make(chan struct{})
	config := client.PushConfig{Group: "g", Subscriptions: []client.Subscription{{Topic: "bench"}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			if left.Add(-int64(len(ds))) == 0 {
				close(done)
			}
			return nil
		}}
	if _, err := c.NewPushConsumer(b.Context(), config); err != nil {
		b.Fatal(err)
	}
	<-done
}
