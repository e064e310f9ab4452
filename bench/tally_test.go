package bench

import (
	"sync"
	"testing"

	"github.com/aerobee-mq/aerobee/client"
)

func TestTallyFindsWhatIsMissing(t *testing.T) {
	acked, received := newTally(), newTally()
	a0, a1, b0 := client.Queue{BrokerName: "a"}, client.Queue{BrokerName: "a", QueueID: 1}, client.Queue{BrokerName: "b"}
	for _, both := range []*tally{acked, received} {
		both.begin(a0, 1_000_000_000)
	}
	acked.add(&a0, 1_000_000_000, 100)
	acked.add(&a1, 7, 2)
	acked.add(&b0, 0, 1)
	f := func(what string, want int64) {
		t.Helper()
		if got := acked.missing(received); got != want {
			t.Errorf("%s: %d are missing, want %d", what, got, want)
		}
	}
	f("nothing received", 103)
	if fresh := received.add(&a0, 1_000_000_000, 64); fresh != 64 {
		t.Errorf("%d of 64 are fresh", fresh)
	}
	f("64 of the first queue", 39)
	received.add(&a1, 7, 1)
	received.add(&b0, 0, 1)
	received.add(&b0, 1, 5) // of others
	f("one of the second, the one of the other broker", 37)
	if fresh := received.add(&a0, 1_000_000_000+60, 40); fresh != 36 {
		t.Errorf("%d are fresh, want 36", fresh)
	}
	received.add(&a0, 3, 1) // older than the run
	f("the rest of the first", 1)
	if different, again := received.counts(); different != 107 || again != 4 {
		t.Errorf("%d different, %d again", different, again)
	}
	received.add(&a1, 8, 1)
	f("everything", 0)
}

// TestTallyAtOnce adds from several goroutines.
func TestTallyAtOnce(t *testing.T) {
	seen := newTally()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range int64(1000) {
				seen.add(&client.Queue{BrokerName: "a", QueueID: int32(i % 3)}, i/3+int64(worker)*10_000, 1)
			}
		})
	}
	wg.Wait()
	if different, again := seen.counts(); different != 4000 || again != 0 {
		t.Errorf("%d different, %d again", different, again)
	}
}
