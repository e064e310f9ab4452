// Package latency counts how long requests take from their last byte read to their answer, by request and answer. Package remoting
// observes what its handlers answer; the broker's send path gathers its answers in a [Batch] first, so that a message costs it
// no atomic add. A [Table] is safe to call at once, a Batch is one goroutine's at a time. A nil Table counts nothing.
package latency

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/metrics"
)

// Stamp is a time by the table's own steady clock, in microseconds; it wraps after 71 minutes. 0 is no time at all.
type Stamp uint32

// Call is what a request was and what came of it. Codes are the protocol's.
type Call struct {
	Request, Response int32
	// Held says that the request has waited for a message, Oneway that nobody was told the answer.
	Held, Oneway bool
}

// others counts calls beyond the limit.
var others = Call{Request: -1, Response: -1} // never changed

// maxCalls bounds the kinds of calls that are told apart. Some 150 codes with a few answers each are far below it; a client that
// makes codes up is not.
const maxCalls = 1024

// buckets is one more than bounds has.
const buckets = 10

// bounds are RocketMQ's, in microseconds.
func bounds() []int64 {
	return []int64{1_000, 3_000, 5_000, 7_000, 10_000, 100_000, 1_000_000, 2_000_000, 3_000_000}
}

// Table holds the histograms.
type Table struct {
	start  time.Time
	bounds []int64
	mu     sync.Mutex // held by who adds a histogram
	calls  atomic.Pointer[map[Call]*metrics.Histogram]
}

// New returns an empty table.
func New() *Table {
	t := &Table{start: time.Now(), bounds: bounds()}
	t.calls.Store(&map[Call]*metrics.Histogram{})
	return t
}

// Now is the present time, 0 for a nil table.
func (t *Table) Now() Stamp {
	if t == nil {
		return 0
	}
	return t.At(time.Since(t.start))
}

// At is the stamp of a time that a clock with the same beginning has measured.
func (t *Table) At(d time.Duration) Stamp {
	if t == nil {
		return 0
	}
	return max(Stamp(d/time.Microsecond), 1)
}

// Observe counts a call that came at since and is answered now. One whose beginning is unknown does not count.
func (t *Table) Observe(c Call, since Stamp) {
	if t == nil || since == 0 {
		return
	}
	t.of(c).Observe(int64(t.Now() - since))
}

// of finds or makes a call's histogram.
func (t *Table) of(c Call) *metrics.Histogram {
	if h := (*t.calls.Load())[c]; h != nil {
		return h
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.calls.Load()
	if old[c] == nil && len(old) >= maxCalls {
		c = others
	}
	if h := old[c]; h != nil {
		return h
	}
	now := maps.Clone(old)
	now[c] = metrics.NewHistogram(t.bounds)
	t.calls.Store(&now)
	return now[c]
}

// Batch gathers calls that are answered at about the same time. The zero Batch is empty and ready.
type Batch struct {
	now    Stamp // of the first call
	call   Call
	counts [buckets]uint32
	sum    int64
	filled bool
}

// Add counts a call that came at since.
func (b *Batch) Add(t *Table, c Call, since Stamp) {
	if t == nil || since == 0 {
		return
	}
	if b.filled && b.call != c {
		b.Flush(t)
	}
	if !b.filled {
		b.filled, b.call, b.now = true, c, t.Now()
	}
	// One that came after the batch's first answer has taken no time that counts.
	took := max(int64(int32(b.now-since)), 0)
	b.counts[metrics.Bucket(t.bounds, took)]++
	b.sum += took
}

// Flush hands what was gathered to the table.
func (b *Batch) Flush(t *Table) {
	if !b.filled {
		return
	}
	h, sum := t.of(b.call), b.sum
	for i, n := range b.counts {
		if n > 0 {
			h.Add(i, int64(n), sum)
			sum = 0
		}
	}
	*b = Batch{}
}

// Emit tells of all calls; name gives requests their names, as RocketMQ spells its constants, and "" for one that it does not know.
func (t *Table) Emit(name func(request int32) string, emit func(metrics.Sample)) {
	calls := *t.calls.Load()
	s := metrics.Sample{Name: Name, Help: "How long requests took until they were answered.", Unit: "milliseconds", Kind: metrics.Distribution}
	for _, b := range t.bounds {
		s.Bounds = append(s.Bounds, float64(b)/1000)
	}
	// A code may be spelled in two ways, with 16 bits or with 32, and is one request all the same.
	byLabels := map[[4]string][]*metrics.Histogram{}
	for c, h := range calls {
		request, response := strings.ToLower(name(c.Request)), ResponseName(c.Response)
		switch {
		case c == others:
			request, response = "others", "others"
		case request == "":
			request = strconv.Itoa(int(c.Request))
		}
		k := [4]string{request, response, strconv.FormatBool(c.Held), result(c)}
		byLabels[k] = append(byLabels[k], h)
	}
	for _, k := range slices.SortedFunc(maps.Keys(byLabels), func(a, b [4]string) int { return slices.Compare(a[:], b[:]) }) {
		sum := int64(0)
		s.Counts = append(s.Counts[:0], make([]int64, buckets)...)
		for _, h := range byLabels[k] {
			counts, n := h.Load(nil)
			for i := range counts {
				s.Counts[i] += counts[i]
			}
			sum += n
		}
		s.Sum = float64(sum) / 1000
		s.Labels = append(s.Labels[:0], "protocol_type", "remoting", "request_code", k[0], "response_code", k[1], "is_long_polling", k[2], "result", k[3])
		emit(s)
	}
}

// Name is the name of what [Table.Emit] tells.
const Name = "rocketmq_rpc_latency_milliseconds"

func result(c Call) string {
	if c.Oneway {
		return "oneway"
	}
	return "success"
}
