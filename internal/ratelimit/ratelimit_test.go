package ratelimit_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
)

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Duration { return time.Duration(c.at.Load()) }

func (c *clock) passes(d time.Duration) { c.at.Add(int64(d)) }

// TestRateHoldsWithinFivePercent: whenever and however unevenly is asked, any ten seconds let pass between 95 and 105 % of the rate, while more is asked for.
func TestRateHoldsWithinFivePercent(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 7))
		rate := 100 + rng.IntN(2000)
		var c clock
		table := ratelimit.New[string](rate, "maxRequests", c.now)
		b := table.Hold("a")
		var passed []time.Duration
		step := time.Second / time.Duration(rate) * 2 / 3
		for c.now() < 25*time.Second {
			c.passes(1 + time.Duration(rng.Int64N(int64(2*step))))
			if table.Take(b) == 0 {
				passed = append(passed, c.now())
			}
		}
		for from := time.Duration(0); from <= 15*time.Second; from += 170 * time.Millisecond {
			n := 0
			for _, at := range passed {
				if at >= from && at < from+10*time.Second {
					n++
				}
			}
			if share := float64(n) / float64(10*rate); share < 0.95 || share > 1.05 {
				t.Fatalf("seed %d: the ten seconds from %v let pass %.1f %% of %d a second", seed, from, 100*share, rate)
			}
		}
	}
}

// TestWait: after the time that a refusal names there is room, and not before.
func TestWait(t *testing.T) {
	for _, rate := range []int{1, 3, 100, 1_000_000} {
		var c clock
		table := ratelimit.New[string](rate, "maxRequests", c.now)
		b := table.Hold("a")
		wait := time.Duration(0)
		for n := 0; wait == 0; n++ {
			if wait = table.Take(b); n > rate {
				t.Fatalf("%d a second: %d pass at once", rate, n)
			}
		}
		c.passes(wait - 1)
		if table.Take(b) == 0 {
			t.Errorf("%d a second: there is room before %v have passed", rate, wait)
		}
		c.passes(1)
		if again := table.Take(b); again != 0 {
			t.Errorf("%d a second: there is no room after %v, but after %v more", rate, wait, again)
		}
	}
}

func TestRefusalNamesTheNumbers(t *testing.T) {
	var c clock
	table := ratelimit.New[netip.Prefix](2, "maxRequestsPerAddress", c.now)
	key := ratelimit.Network(netip.MustParseAddr("192.0.2.7"))
	if wait := table.TakeOf(key); wait != 0 {
		t.Fatalf("the first one waits %v", wait)
	}
	wait := table.TakeOf(key)
	const want = "too many requests of 192.0.2.7/32, the limit is 2 a second (maxRequestsPerAddress); there is room again in 501 ms"
	if got := table.Refusal(key, wait); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if wait := table.TakeOf(ratelimit.Network(netip.MustParseAddr("192.0.2.8"))); wait != 0 {
		t.Errorf("another address waits %v", wait)
	}
}

// TestBucketsAreForgotten: who goes and comes again finds what he left, until it is full; and those who are gone cost no memory.
func TestBucketsAreForgotten(t *testing.T) {
	var c clock
	table := ratelimit.New[int](4, "maxRequests", c.now)
	if table.TakeOf(1) != 0 || table.TakeOf(1) == 0 {
		t.Error("who comes again is another")
	}
	held := table.Hold(2)
	table.Take(held)
	for i := range 100_000 {
		table.TakeOf(100 + i)
	}
	if n := table.Len(); n > 5000 {
		t.Errorf("%d buckets are kept", n)
	}
	if again := table.Hold(2); again != held {
		t.Error("a bucket that is held was forgotten")
	}
	c.passes(time.Second)
	table.TakeOf(1)
	if n := table.Len(); n != 2 {
		t.Errorf("%d buckets are left after a second, want the one that is held and the one just used", n)
	}
	table.Release(2, held)
	table.Release(2, held)
	c.passes(time.Second)
	table.TakeOf(3)
	if n := table.Len(); n != 1 {
		t.Errorf("%d buckets are left at the end, want 1", n)
	}
}

// TestNobodyPassesTwice: many at once get no more than there is.
func TestNobodyPassesTwice(t *testing.T) {
	var c clock
	table := ratelimit.New[string](4000, "maxRequests", c.now)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b := table.Hold("a")
			defer table.Release("a", b)
			for range 1000 {
				if table.Take(b) == 0 {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 1000 {
		t.Errorf("%d passed, want a quarter of a second's 4000", n)
	}
}

func TestOff(t *testing.T) {
	table := ratelimit.New[string](0, "maxRequests", nil)
	if b := table.Hold("a"); table != nil || b != nil || table.Take(b) != 0 || table.TakeOf("a") != 0 || table.Len() != 0 {
		t.Error("a table that is off is not empty")
	}
	table.Release("a", nil)
}

func TestNetwork(t *testing.T) {
	f := func(addr, want string) {
		t.Helper()
		if got := ratelimit.Network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s stands for %s, want %s", addr, got, want)
		}
	}
	f("192.0.2.7", "192.0.2.7/32")
	f("::ffff:192.0.2.7", "192.0.2.7/32")
	f("2001:db8:1:2:3::4", "2001:db8:1:2::/64")
	f("fe80::1%eth0", "fe80::/64")
	if got := ratelimit.Network(netip.Addr{}); strings.Contains(got.String(), "/3") {
		t.Errorf("no address stands for %s", got)
	}
}

func BenchmarkTake(b *testing.B) {
	begin := time.Now()
	table := ratelimit.New[string](1<<30, "maxRequests", func() time.Duration { return time.Since(begin) })
	bucket := table.Hold("a")
	for b.Loop() {
		table.Take(bucket)
	}
}
