// Package rates tells how much passed through a broker in the last seconds, minutes and days, as RocketMQ's tools ask for it. It has no
// clock: times come in with the totals. A [Rates] may be used by several goroutines at once.
package rates

import (
	"sync"
	"time"
)

// Sample is a broker's totals at one time, in milliseconds since 1970: messages put and got, those of topics that are not RocketMQ's own,
// and reads that found messages or none.
type Sample struct{ Millis, Put, Got, PlainPut, PlainGot, Found, Missed int64 }

// Rates keeps samples of the last ten minutes, one every ten seconds, and the totals at the last two midnights.
type Rates struct {
	mu               sync.Mutex // guards what follows
	samples          [61]Sample
	count            int
	day              int
	today, yesterday Sample
}

// Traffic is what the samples say: rates per second over 10 s, 60 s and 600 s.
type Traffic struct {
	Put, Got         [3]float64
	Found, Missed    [3]float64
	Today, Yesterday Sample // the totals at the last two midnights
}

// Add takes a sample.
func (r *Rates) Add(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples[r.count%len(r.samples)] = s
	r.count++
	if day := time.UnixMilli(s.Millis).YearDay(); day != r.day {
		if r.day != 0 {
			r.yesterday, r.today = r.today, s
		}
		r.day = day
	}
}

// At works out the rates up to now. Where there are fewer samples than the span needs, the oldest one counts.
func (r *Rates) At(now int64, s Sample) Traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := Traffic{Today: r.today, Yesterday: r.yesterday}
	for i, span := range [3]int64{10_000, 60_000, 600_000} {
		old, ok := r.before(now - span)
		ms := s.Millis - old.Millis
		if !ok || ms <= 0 {
			continue
		}
		rate := func(now, before int64) float64 { return float64(now-before) * 1000 / float64(ms) }
		t.Put[i], t.Got[i] = rate(s.Put, old.Put), rate(s.Got, old.Got)
		t.Found[i], t.Missed[i] = rate(s.Found, old.Found), rate(s.Missed, old.Missed)
	}
	return t
}

// before is the newest sample not after ms, or the oldest one.
func (r *Rates) before(ms int64) (Sample, bool) {
	kept := min(r.count, len(r.samples))
	for i := 1; i <= kept; i++ {
		s := r.samples[(r.count-i)%len(r.samples)]
		if s.Millis <= ms || i == kept {
			return s, true
		}
	}
	return Sample{}, false
}
