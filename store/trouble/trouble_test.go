package trouble

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

// The clock is looked at every hour; each word is how far it is ahead of the time that has passed, in hours.
func TestClock(t *testing.T) {
	f := func(name string, c Clock, ahead []int64, jumps, waits []time.Duration) {
		t.Helper()
		var gotJumps, gotWaits []time.Duration
		for i, h := range ahead {
			passed := time.Duration(i) * time.Hour
			jump, wait := c.Look(time.UnixMilli(1<<40).Add(passed+time.Duration(h)*time.Hour).UnixMilli(), passed)
			gotJumps, gotWaits = append(gotJumps, jump/time.Hour), append(gotWaits, wait/time.Hour)
		}
		if d := cmp.Diff(jumps, gotJumps); d != "" {
			t.Errorf("%s: jumps (-want +got):\n%s", name, d)
		}
		if d := cmp.Diff(waits, gotWaits); d != "" {
			t.Errorf("%s: waits (-want +got):\n%s", name, d)
		}
	}
	type d = []time.Duration
	const year = 24 * 365
	f("a clock that goes", Clock{}, []int64{0, 0, 1, 1}, d{0, 0, 0, 0}, d{0, 0, 0, 0})
	f("years forward", Clock{}, []int64{0, 3 * year, 3 * year}, d{0, 3 * year, 0}, d{0, 24, 23})
	f("forward and back", Clock{}, []int64{0, year, 0, 0}, d{0, year, -year, 0}, d{0, 24, 0, 0})
	f("back and forward", Clock{}, []int64{0, -5, 0, 0}, d{0, -5, 5, 0}, d{0, 0, 0, 0})
	f("forward twice", Clock{}, []int64{0, 5, 10}, d{0, 5, 5}, d{0, 24, 24})
	f("forward, and a little back", Clock{}, []int64{0, 10, 5}, d{0, 10, -5}, d{0, 24, 24})
	rested := Clock{}
	rested.Rested(year * time.Hour)
	f("at rest for a year", rested, []int64{0, 0}, d{0, 0}, d{24, 23})
	rested.Rested(year * time.Hour)
	f("set forward while at rest, and set right", rested, []int64{0, -year}, d{0, -year}, d{24, 0})
	long := make([]int64, 27)
	for i := 1; i < len(long); i++ {
		long[i] = 5
	}
	var c Clock
	for i, h := range long {
		passed := time.Duration(i) * time.Hour
		_, wait := c.Look((passed + time.Duration(h)*time.Hour).Milliseconds(), passed)
		if want := i >= 1 && i < 25; (wait > 0) != want {
			t.Errorf("after %v: waits %v", passed, wait)
		}
	}
}

func TestCounts(t *testing.T) {
	var c Counts
	for i, want := range []bool{true, false, true} {
		if got := c.Damaged(message.LogOffset([]int64{7, 7, 8}[i])); got != want {
			t.Errorf("record %d is seen for the first time: %v", i, got)
		}
	}
	for at := range message.LogOffset(maxKnown + 10) {
		c.Damaged(1000 + at)
	}
	said := ""
	for range 9 {
		if c.Upkeep("cut") {
			said += "!"
		} else {
			said += "."
		}
	}
	if said != "!!.!...!." {
		t.Errorf("nine failures are said as %s", said)
	}
	c.SetAgeWaits(time.Hour)
	c.ClockBack.Add(1)
	want := Report{DamagedRecords: maxKnown, DamagedReads: maxKnown + 13, Upkeep: map[string]int64{"cut": 9, "retention": 0}, AgeWaits: time.Hour, ClockBack: 1}
	if d := cmp.Diff(want, c.Report([]string{"cut", "retention"})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
