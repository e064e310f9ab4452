package statistics

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

// times keeps how long puts took. What is told is about the last whole minute, as RocketMQ tells it.
type times struct {
	bounds  []int64 // the buckets' upper bounds in ms, ascending; the last one has no end
	now     []atomic.Int64
	longest atomic.Int64
	// longestGet is how long the longest read took, in ms.
	longestGet atomic.Int64

	mu    sync.Mutex // guards what follows
	last  []int64    // the last minute's buckets
	began int64      // when the buckets of now began, in ms
}

// span is one of the ranges that putMessageDistributeTime tells of, by its name and its upper bound in ms.
type span struct {
	name string
	most int64
}

func spans() []span {
	return []span{{"[<=0ms]", 0}, {"[0~10ms]", 9}, {"[10~50ms]", 49}, {"[50~100ms]", 99}, {"[100~200ms]", 199}, {"[200~500ms]", 499}, {"[500ms~1s]", 999},
		{"[1~2s]", 1999}, {"[2~3s]", 2999}, {"[3~4s]", 3999}, {"[4~5s]", 4999}, {"[5~10s]", 9999}, {"[10s~]", math.MaxInt64}}
}

// init makes buckets of which each lies in one of spans: 1 ms wide at first, a second at the end.
func (t *times) init() {
	for at, step := int64(0), int64(1); at < 10_000; at += step {
		t.bounds = append(t.bounds, at)
		switch at + 1 {
		case 20:
			step = 2
		case 50:
			step = 5
		case 100:
			step = 10
		case 200:
			step = 50
		case 500:
			step = 100
		case 1000:
			step = 1000
		}
	}
	t.bounds = append(t.bounds, math.MaxInt64)
	t.now, t.last = make([]atomic.Int64, len(t.bounds)), make([]int64, len(t.bounds))
}

func (t *times) add(took, n int64) {
	if n == 0 {
		return
	}
	i := int(took)
	if took >= 20 {
		i = sort.Search(len(t.bounds), func(i int) bool { return t.bounds[i] >= took })
	}
	t.now[i].Add(n)
	raise(&t.longest, took)
}

// raise makes a maximum at least v.
func raise(most *atomic.Int64, v int64) {
	for was := most.Load(); v > was && !most.CompareAndSwap(was, v); was = most.Load() {
	}
}

func (t *times) tick(now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began == 0 {
		t.began = now
	}
	if now-t.began < 60_000 {
		return
	}
	t.began = now
	for i := range t.now {
		t.last[i] = t.now[i].Swap(0)
	}
}

// PutTimes is how long puts took in the last whole minute, in milliseconds, and the longest put and read ever.
type PutTimes struct {
	P99, P999           float64
	Longest, LongestGet int64
	// Ranges is how many took how long, as RocketMQ writes it: "[<=0ms]:12 [0~10ms]:5 …".
	Ranges string
}

// PutTimes returns how long puts took.
func (t *Table) PutTimes() PutTimes {
	m := &t.times
	m.mu.Lock()
	defer m.mu.Unlock()
	return PutTimes{P99: m.quantile(0.99), P999: m.quantile(0.999), Longest: m.longest.Load(), LongestGet: m.longestGet.Load(), Ranges: m.ranges()}
}

// quantile is the time below which the share q of the puts lies.
func (t *times) quantile(q float64) float64 {
	all := int64(0)
	for _, n := range t.last {
		all += n
	}
	rest := int64(math.Ceil(q * float64(all)))
	for i, n := range t.last {
		if rest -= n; rest <= 0 && n > 0 {
			if i == len(t.bounds)-1 {
				return float64(t.longest.Load())
			}
			return float64(t.bounds[i])
		}
	}
	return 0
}

func (t *times) ranges() string {
	var out strings.Builder
	next := 0
	for _, r := range spans() {
		n := int64(0)
		for ; next < len(t.bounds) && t.bounds[next] <= r.most; next++ {
			n += t.last[next]
		}
		fmt.Fprintf(&out, "%s:%d ", r.name, n)
	}
	return out.String()
}
