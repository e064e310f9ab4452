package quota_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/broker/quota"
)

// TestTenMegabytesASecond: senders that always have more keep to 10 MB/s within 5 % in every window of ten seconds, whatever the size of their messages.
// The largest, 4 MiB, are more than the bucket holds: the first one may pass on top of a full bucket, so with them the windows begin behind that.
func TestTenMegabytesASecond(t *testing.T) {
	const rate, window = 10_000_000, 10 * time.Second
	for _, largest := range []int64{4 << 10, 32 << 10, 1 << 20, 4 << 20} {
		rng := rand.New(rand.NewPCG(uint64(largest), 3))
		table, c := newTable()
		begin := c.now
		limits := quota.Limits{Bytes: rate}
		type pass struct {
			at  time.Duration
			sum int64 // of all up to this one
		}
		passed := []pass{{}}
		next := 1 + rng.Int64N(largest)
		for at := time.Duration(0); at < 60*time.Second; at += 1 + time.Duration(rng.Int64N(int64(4*time.Millisecond))) {
			c.now = begin.Add(at)
			for table.Admit("t", limits, 1, next) == nil {
				passed = append(passed, pass{at, passed[len(passed)-1].sum + next})
				next = largest/2 + 1 + rng.Int64N(largest/2)
			}
		}
		first := time.Duration(0)
		if largest > rate/40 {
			first = 2 * time.Second
		}
		to := 0
		for from := 1; from < len(passed) && passed[from].at+window < 60*time.Second; from++ {
			if passed[from].at < first {
				continue
			}
			for to+1 < len(passed) && passed[to+1].at < passed[from].at+window {
				to++
			}
			share := float64(passed[to].sum-passed[from-1].sum) / (rate * window.Seconds())
			if share < 0.95 || share > 1.05 {
				t.Fatalf("messages of up to %d bytes: the ten seconds from %v let pass %.2f %% of 10 MB/s", largest, passed[from].at, 100*share)
			}
		}
		if n := len(passed); n < 100 {
			t.Fatalf("messages of up to %d bytes: %d passed", largest, n)
		}
	}
}
