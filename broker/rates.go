package broker

import (
	"sync"
	"time"
)

// sample is the broker's totals at one time.
type sample struct{ ms, put, got int64 }

// rates keeps samples of the last ten minutes, one every sampleInterval, and the totals at the last two midnights.
type rates struct {
	mu               sync.Mutex // guards what follows
	samples          [61]sample
	count            int
	day              int
	today, yesterday sample
}

// traffic is what the samples say: rates per second over 10 s, 60 s and 600 s.
type traffic struct {
	put, got         [3]float64
	today, yesterday sample
}

// add takes a sample.
func (r *rates) add(s sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples[r.count%len(r.samples)] = s
	r.count++
	if day := time.UnixMilli(s.ms).YearDay(); day != r.day {
		if r.day != 0 {
			r.yesterday, r.today = r.today, s
		}
		r.day = day
	}
}

// at works out the rates up to now. Where there are fewer samples than the span needs, the oldest one counts.
func (r *rates) at(now int64, s sample) traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := traffic{today: r.today, yesterday: r.yesterday}
	for i, span := range [3]int64{10_000, 60_000, 600_000} {
		old, ok := r.before(now - span)
		if ms := s.ms - old.ms; ok && ms > 0 {
			t.put[i] = float64(s.put-old.put) * 1000 / float64(ms)
			t.got[i] = float64(s.got-old.got) * 1000 / float64(ms)
		}
	}
	return t
}

// before is the newest sample not after ms, or the oldest one.
func (r *rates) before(ms int64) (sample, bool) {
	kept := min(r.count, len(r.samples))
	for i := 1; i <= kept; i++ {
		s := r.samples[(r.count-i)%len(r.samples)]
		if s.ms <= ms || i == kept {
			return s, true
		}
	}
	return sample{}, false
}
