package traffic

import (
	"fmt"
	"testing"
	"time"
)

func TestCounts(t *testing.T) {
	var c Counts
	topic := []byte("T")
	c.Began(topic, 60_999)
	if n := testing.AllocsPerRun(10, func() { c.Began(topic, 61_000); c.Ended(topic) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := fmt.Sprint(c.Load()); got != "[{T 12 11 [1 11 0 0 0 0 0] 731}]" {
		t.Errorf("got %s", got)
	}
}

func TestTopicsAreBounded(t *testing.T) {
	var c Counts
	for i := range limit + 5 {
		c.Began(fmt.Append(nil, i), 1<<60)
	}
	c.Ended([]byte("one more"))
	all := c.Load()
	if len(all) != limit+1 {
		t.Fatalf("%d topics", len(all))
	}
	for _, n := range all {
		if n.Topic == "" && (n.Waiting != 5 || n.Delivered != 1) {
			t.Errorf("the others count as %+v", n)
		}
	}
}

func TestSpread(t *testing.T) {
	s := Spread{Now: 100_000, Spans: []time.Duration{5 * time.Second, time.Minute}, Within: make([]int, 2)}
	for _, due := range []int64{101_000, 130_000, 90_000, 105_000, 105_001, 160_001, 1_000_000} {
		s.Add(due)
	}
	if got := fmt.Sprint(s.Within, s.Overdue, s.First); got != "[3 2] 1 90000" {
		t.Errorf("got %s", got)
	}
}
