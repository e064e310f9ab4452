package latency

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/metrics"
)

func requestName(code int32) string {
	if code == 310 || code == 65846 {
		return "SEND_MESSAGE_V2"
	}
	return ""
}

// emitted is what a table tells, a line a sample.
func emitted(t *Table) (lines []string) {
	t.Emit(requestName, func(s metrics.Sample) {
		lines = append(lines, fmt.Sprint(s.Labels[2:], s.Counts, s.Sum))
	})
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestObserveAndBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := New()
		time.Sleep(time.Millisecond)
		since := table.Now()
		time.Sleep(4 * time.Millisecond)
		table.Observe(Call{Request: 310}, since)
		table.Observe(Call{Request: 310}, 0)       // nobody knows when it came
		table.Observe(Call{Request: 65846}, since) // the same request
		table.Observe(Call{Request: 11, Response: 19, Held: true}, since)
		table.Observe(Call{Request: 9, Response: 777, Oneway: true}, since)
		var b Batch
		b.Flush(table)
		for range 3 {
			b.Add(table, Call{Request: 310}, since)
		}
		b.Add(table, Call{Request: 310}, table.Now()+5) // came after the batch's time
		b.Add(table, Call{Request: 310, Response: 2}, since)
		b.Add(table, Call{Request: 310, Response: 2}, 0)
		b.Flush(table)
		b.Flush(table)
		same(t, emitted(table),
			"[request_code 11 response_code pull_not_found is_long_polling true result success] [0 0 1 0 0 0 0 0 0 0] 4",
			"[request_code 9 response_code 777 is_long_polling false result oneway] [0 0 1 0 0 0 0 0 0 0] 4",
			"[request_code send_message_v2 response_code success is_long_polling false result success] [1 0 5 0 0 0 0 0 0 0] 20",
			"[request_code send_message_v2 response_code system_busy is_long_polling false result success] [0 0 1 0 0 0 0 0 0 0] 4",
		)
	})
}

// TestStampsWrap: a request that is answered after the stamp has begun anew has its true time.
func TestStampsWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := New()
		time.Sleep((1<<32 - 1000) * time.Microsecond)
		since := table.Now()
		time.Sleep(2 * time.Millisecond)
		table.Observe(Call{Request: 310}, since)
		var b Batch
		b.Add(table, Call{Request: 310}, since)
		b.Flush(table)
		same(t, emitted(table), "[request_code send_message_v2 response_code success is_long_polling false result success] [0 2 0 0 0 0 0 0 0 0] 4")
	})
}

func TestTheTableIsBounded(t *testing.T) {
	table := New()
	for i := range int32(3 * maxCalls) {
		table.Observe(Call{Request: 100_000 + i}, 1)
	}
	lines := emitted(table)
	if len(lines) != maxCalls+1 {
		t.Fatalf("%d series", len(lines))
	}
	if n := (*table.calls.Load())[others].Count(); n != 2*maxCalls {
		t.Errorf("others counts %d", n)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	table := New()
	var b Batch
	since := table.Now()
	observe := func() {
		table.Observe(Call{Request: 310}, since)
		b.Add(table, Call{Request: 310}, since)
		b.Flush(table)
	}
	if n := testing.AllocsPerRun(100, observe); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var none *Table
	none.Observe(Call{}, none.Now())
	b.Add(none, Call{}, 1)
}

func TestObserveAtOnce(t *testing.T) {
	table := New()
	var wg sync.WaitGroup
	for i := range int32(8) {
		wg.Go(func() {
			for j := range int32(100) {
				table.Observe(Call{Request: (i + j) % 10}, table.Now())
			}
		})
	}
	wg.Wait()
	n := int64(0)
	for _, h := range *table.calls.Load() {
		n += h.Count()
	}
	if n != 800 {
		t.Errorf("%d calls counted", n)
	}
}
