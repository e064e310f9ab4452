package client_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// startBroker starts a node in memory and returns a client of it.
func startBroker(t testing.TB, config client.Config) (*aerobee.Server, *client.Client) {
	t.Helper()
	s, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	config.NameServers = []string{s.Addr()}
	return s, newClient(t, config)
}

func newClient(t testing.TB, config client.Config) *client.Client {
	t.Helper()
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func newProducer(t testing.TB, c *client.Client, config client.ProducerConfig) *client.Producer {
	t.Helper()
	p, err := c.NewProducer(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSendToFreshTopic(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{})
	seen := map[string]bool{}
	for i := range 20 {
		r, err := p.Send(t.Context(), &client.Message{Topic: "fresh", Body: []byte("hello"), Keys: []string{"k1", "k2"}, Tag: "A"})
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != client.SendOK || len(r.ID) != 32 || len(r.OffsetID) != 32 || r.Queue.Topic != "fresh" || r.Queue.BrokerName == "" {
			t.Fatalf("result %d: %+v", i, r)
		}
		at := fmt.Sprintf("%v@%d", r.Queue, r.Offset)
		if seen[at] || seen[r.ID] {
			t.Fatalf("result %d: %+v came before", i, r)
		}
		seen[at], seen[r.ID] = true, true
	}
}

func TestSendAsyncCallsBackOnce(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{MaxPendingBytes: 64 << 10})
	const n = 5000
	var calls [n]atomic.Int32
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		err := p.SendAsync(t.Context(), &client.Message{Topic: "async", Body: make([]byte, 1000)}, func(r client.SendResult, err error) {
			calls[i].Add(1)
			if err != nil {
				failed.Store(&err)
			}
			wg.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	for i := range calls {
		if calls[i].Load() != 1 {
			t.Fatalf("callback %d ran %d times", i, calls[i].Load())
		}
	}
}

func TestSendBatchSplits(t *testing.T) {
	_, c := startBroker(t, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{MaxBatchSize: 10_000})
	ms := make([]*client.Message, 100)
	for i := range ms {
		ms[i] = &client.Message{Topic: "batch", Body: make([]byte, 1000), Tag: fmt.Sprint(i)}
	}
	rs, err := p.SendBatch(t.Context(), ms)
	if err != nil || len(rs) != len(ms) {
		t.Fatalf("%d results, %v", len(rs), err)
	}
	ids := map[string]bool{}
	for i, r := range rs {
		if len(r.ID) != 32 || len(r.OffsetID) != 32 || ids[r.ID] || ids[r.OffsetID] {
			t.Fatalf("result %d: %+v", i, r)
		}
		ids[r.ID], ids[r.OffsetID] = true, true
	}
}
