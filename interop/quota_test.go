//go:build long

package interop

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// TestQuotaOverTime has producers send to a topic as fast as they can, which may have 10 MB a second, and wants each ten seconds to let pass that much, 5 % more or less.
// It takes half a minute, and runs in make test-long.
func TestQuotaOverTime(t *testing.T) {
	const rate, size, senders, window, last = 10_000_000, 32 << 10, 4, 10 * time.Second, 24 * time.Second
	s := startServer(t, "aerobee")
	if err := createTopicWith(s.broker, "Bounded", 4, "+send.quota.bytes=10000000"); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer c.Close(ctx) //nolint:errcheck // what was sent is acknowledged
	p, err := c.NewProducer(client.ProducerConfig{Retries: -1, CompressOver: -1})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var passed []time.Duration // when each message was acknowledged
	refused := 0
	begin := time.Now()
	var all sync.WaitGroup
	body := []byte(strings.Repeat("x", size))
	for range senders {
		all.Go(func() {
			again := time.NewTicker(3 * time.Millisecond)
			defer again.Stop()
			for time.Since(begin) < last {
				_, err := p.Send(ctx, &client.Message{Topic: "Bounded", Body: body})
				mu.Lock()
				if err == nil {
					passed = append(passed, time.Since(begin))
				} else if refused++; !strings.Contains(err.Error(), "10000000 a second by its attribute send.quota.bytes") {
					t.Errorf("refused with %v", err)
				}
				mu.Unlock()
				if err != nil {
					<-again.C
				}
			}
		})
	}
	all.Wait()
	if refused == 0 {
		t.Error("nothing was refused: the producers were too slow to meet the quota")
	}
	slices.Sort(passed)
	least, most := 1000.0, 0.0
	for from := time.Second; from+window <= last; from += 50 * time.Millisecond {
		first, _ := slices.BinarySearch(passed, from)
		end, _ := slices.BinarySearch(passed, from+window)
		share := 100 * float64((end-first)*size) / (rate * window.Seconds())
		least, most = min(least, share), max(most, share)
	}
	t.Logf("ten seconds let pass %.1f to %.1f %% of the quota; %d messages were taken, %d refused", least, most, len(passed), refused)
	if least < 95 || most > 105 {
		t.Errorf("ten seconds let pass %.1f to %.1f %% of the quota, want 95 to 105", least, most)
	}
}
