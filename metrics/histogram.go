package metrics

import "sync/atomic"

// Histogram counts values in buckets. Observing is two atomic adds.
type Histogram struct {
	bounds []int64
	counts []atomic.Int64 // one more than bounds
	sum    atomic.Int64
}

// NewHistogram makes an empty histogram with these upper bounds, in ascending order. It keeps the slice.
func NewHistogram(bounds []int64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Int64, len(bounds)+1)}
}

// Bucket is the place of the bucket that holds v among buckets with these upper bounds, len(bounds) for one beyond them all.
func Bucket(bounds []int64, v int64) int {
	for i, b := range bounds { // there are ten at most, and most values lie in the first ones
		if v <= b {
			return i
		}
	}
	return len(bounds)
}

// Observe counts one value.
func (h *Histogram) Observe(v int64) { h.Add(Bucket(h.bounds, v), 1, v) }

// Add counts n values of one bucket, which are sum together.
func (h *Histogram) Add(bucket int, n, sum int64) {
	h.counts[bucket].Add(n)
	if sum != 0 {
		h.sum.Add(sum)
	}
}

// Load appends the counts of the buckets to dst and returns the sum of all values besides.
func (h *Histogram) Load(dst []int64) (counts []int64, sum int64) {
	for i := range h.counts {
		dst = append(dst, h.counts[i].Load())
	}
	return dst, h.sum.Load()
}

// Count is how many values were observed.
func (h *Histogram) Count() (n int64) {
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}
