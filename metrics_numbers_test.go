//go:build numbers

package aerobee

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
	"github.com/aerobee-mq/aerobee/metrics"
)

// What a scrape of 10,000 topics of 8 queues may take.
const (
	scrapedTopics   = 10_000
	maxScrape       = 200 * time.Millisecond
	maxScrapeMemory = 20_000_000 // bytes allocated
)

// TestScrapeTime scrapes a node with 10,000 topics of 8 queues, plain and compressed. `make bench-operate` runs it.
func TestScrapeTime(t *testing.T) {
	t.Log(machine.Stamp())
	s := start(t)
	crowd(t, s, scrapedTopics)
	h := metrics.Handler(s.metricLabels(), s.metrics)
	for _, encoding := range []string{"plain", "gzip"} {
		const rounds = 21
		var times []time.Duration
		var sizes []uint64
		out := &sink{head: http.Header{}}
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept-Encoding", encoding)
		for range rounds {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out.n = 0
			began := time.Now()
			h.ServeHTTP(out, r)
			times = append(times, time.Since(began))
			runtime.ReadMemStats(&after)
			sizes = append(sizes, after.TotalAlloc-before.TotalAlloc)
		}
		slices.Sort(times)
		slices.Sort(sizes)
		middle, size := times[rounds/2], sizes[rounds/2]
		t.Logf("a scrape of %d topics of 8 queues, %s: median %v (%v to %v), must %v; %d bytes; %.1f MB allocated (%.1f to %.1f), must %.0f", scrapedTopics, encoding,
			middle, times[0], times[rounds-1], maxScrape, out.n, megabytes(size), megabytes(sizes[0]), megabytes(sizes[rounds-1]), megabytes(maxScrapeMemory))
		if middle >= maxScrape {
			t.Errorf("a scrape, %s, takes %v, it must be less than %v", encoding, middle, maxScrape)
		}
		if size >= maxScrapeMemory {
			t.Errorf("a scrape, %s, allocates %d bytes, it must be less than %d", encoding, size, maxScrapeMemory)
		}
	}
}

func megabytes(n uint64) float64 { return float64(n) / 1e6 }
