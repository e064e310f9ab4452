package avoid

import (
	"testing"
	"time"
)

func TestPenalties(t *testing.T) {
	f := func(latency time.Duration, failed bool, want time.Duration) {
		t.Helper()
		if got := avoidFor(latency, failed); got != want {
			t.Errorf("%s, failed %v: avoided for %s, want %s", latency, failed, got, want)
		}
	}
	f(0, false, 0)
	f(549*time.Millisecond, false, 0)
	f(550*time.Millisecond, false, 2*time.Second)
	f(1799*time.Millisecond, false, 2*time.Second)
	f(1800*time.Millisecond, false, 5*time.Second)
	f(3*time.Second, false, 6*time.Second)
	f(5*time.Second, false, 10*time.Second)
	f(15*time.Second, false, 30*time.Second)
	f(time.Millisecond, true, 10*time.Second)
	f(20*time.Second, true, 30*time.Second)
}

func TestMachine(t *testing.T) {
	queues := []Queue{{BrokerName: "a"}, {BrokerName: "a", QueueID: 1}, {BrokerName: "b"}, {BrokerName: "c"}}
	start := time.Unix(1000, 0)
	var table machine
	f := func(at int, last string, after time.Duration, want int) {
		t.Helper()
		if got := table.choose(queues, at, last, start.Add(after)); got != want {
			t.Errorf("from %d, last %q, after %s: queue %d, want %d", at, last, after, got, want)
		}
	}
	f(0, "", 0, 0)
	f(0, "a", 0, 2) // not the one that has just failed
	table.observe("b", time.Millisecond, true, start)
	f(2, "", 0, 3)
	f(2, "", 9*time.Second, 3)
	f(2, "", 10*time.Second, 2)
	f(2, "c", 0, 0)
	table.observe("a", 600*time.Millisecond, false, start)
	table.observe("c", 600*time.Millisecond, false, start)
	f(1, "", 0, 1)  // all are avoided: the turn counts
	f(1, "a", 0, 2) // but the last one still is not
	f(0, "", 2*time.Second, 0)
	table.observe("b", time.Millisecond, false, start)
	f(0, "", 0, 2) // its quick answer has set b free
	if len(table.until) != 2 {
		t.Errorf("%d brokers in the table", len(table.until))
	}
}

// TestTableIsTheMachine: what the table leaves out for speed makes no difference.
func TestTableIsTheMachine(t *testing.T) {
	queues := []Queue{{BrokerName: "a"}, {BrokerName: "b"}}
	now := time.Unix(1000, 0)
	var table Table
	f := func(last string, want int) {
		t.Helper()
		if got := table.Choose(queues, 0, last, now); got != want {
			t.Errorf("last %q: queue %d, want %d", last, got, want)
		}
	}
	table.Observe("a", time.Millisecond, false, now)
	f("", 0)
	f("a", 1)
	table.Observe("a", time.Second, false, now)
	f("", 1)
	table.Observe("a", time.Millisecond, false, now)
	f("", 0)
}
