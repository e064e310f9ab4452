package quota_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/broker/quota"
)

type clock struct{ now time.Time }

func newTable() (*quota.Table, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	return quota.NewTable(func() time.Time { return c.now }, quota.SendMessages, quota.SendBytes), c
}

func TestLimits(t *testing.T) {
	type m = map[string]string
	if got := quota.OfTopic(m{"send.quota.messages": "10", "send.quota.bytes": "x", "consume.quota.bytes": "3"}); got != (quota.Limits{Messages: 10}) {
		t.Errorf("topic: %+v", got)
	}
	if got := quota.OfGroup(m{"consume.quota.messages": "-1", "consume.quota.bytes": "3"}); got != (quota.Limits{Bytes: 3}) {
		t.Errorf("group: %+v", got)
	}
	if quota.OfTopic(nil).Any() || !(quota.Limits{Bytes: 1}).Any() {
		t.Error("Any is wrong")
	}
}

// admit asks a table whether so many may pass.
type admit func(table *quota.Table, limits quota.Limits, n int64) bool

func asIs(table *quota.Table, limits quota.Limits, n int64) bool {
	return table.Admit("t", limits, n, n) == nil
}

// tenSeconds asks at a random rate for forty seconds, in batches of random size, for half as much again as may pass, and returns what is wrong: ten
// seconds that let pass less than 95 or more than 105 % of the quota.
func tenSeconds(seed uint64, may admit) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	table, c := newTable()
	limits := quota.Limits{}
	rate := int64(1000 + rng.IntN(100_000))
	batch := 1 + rng.Int64N(rate/100)
	if seed%2 == 0 {
		limits.Messages = rate
	} else {
		limits.Bytes = rate
	}
	type pass struct {
		at time.Duration
		n  int64
	}
	var passed []pass
	step := time.Duration(float64(batch) / float64(rate) / 1.5 * float64(time.Second)) // half as much again as may pass
	for at := time.Duration(0); at < 40*time.Second; at += 1 + time.Duration(rng.Int64N(int64(2*step))) {
		c.now = time.Unix(1_700_000_000, 0).Add(at)
		n := 1 + rng.Int64N(2*batch)
		if may(table, limits, n) {
			passed = append(passed, pass{at, n})
		}
	}
	for from := time.Duration(0); from <= 30*time.Second; from += 370 * time.Millisecond {
		var sum int64
		for _, p := range passed {
			if p.at >= from && p.at < from+10*time.Second {
				sum += p.n
			}
		}
		if share := float64(sum) / float64(10*rate); share > 1.05 || share < 0.95 {
			return fmt.Errorf("seed %d: the ten seconds from %v let pass %.1f %% of %d a second in batches of about %d", seed, from, 100*share, rate, batch)
		}
	}
	return nil
}

const schedules = 200

// TestQuotaHoldsWithinFivePercent: whatever the rate at which is asked, in batches of whatever size, any ten seconds let pass between 95 and 105 % of the
// quota while more than that is asked for.
func TestQuotaHoldsWithinFivePercent(t *testing.T) {
	for seed := range uint64(schedules) {
		if err := tenSeconds(seed, asIs); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSchedulesFindPlantedBugs shows that they can fail.
func TestSchedulesFindPlantedBugs(t *testing.T) {
	f := func(bug string, may admit) {
		t.Helper()
		for seed := range uint64(schedules) {
			if err := tenSeconds(seed, may); err != nil {
				t.Logf("%s: found with %v", bug, err)
				return
			}
		}
		t.Errorf("%s: not found in %d schedules", bug, schedules)
	}
	asked := 0
	f("one of five that are refused passes", func(table *quota.Table, limits quota.Limits, n int64) bool {
		asked++
		return asIs(table, limits, n) || asked%5 == 0
	})
	f("a batch counts as the one before", func() admit {
		last := int64(1)
		return func(table *quota.Table, limits quota.Limits, n int64) bool {
			n, last = min(last, n), n
			return asIs(table, limits, n)
		}
	}())
	f("what is refused is paid for", func(table *quota.Table, limits quota.Limits, n int64) bool {
		if asIs(table, limits, n) {
			return true
		}
		table.Settle("t", n/5, n/5)
		return false
	})
	f("a new bucket for each limit that is read", func(table *quota.Table, limits quota.Limits, n int64) bool {
		asked++
		if asked%1000 == 0 {
			_ = table.Admit("t", quota.Limits{Messages: limits.Messages + 1, Bytes: limits.Bytes + 1}, 0, 0)
		}
		return asIs(table, limits, n)
	})
}

func TestRefusalNamesTheNumbers(t *testing.T) {
	table, c := newTable()
	limits := quota.Limits{Messages: 100, Bytes: 1 << 20}
	if err := table.Admit("Orders", limits, 35, 10); err != nil {
		t.Fatal(err)
	}
	err := table.Admit("Orders", limits, 1, 10)
	var exceeded *quota.ExceededError
	if !errors.As(err, &exceeded) || exceeded.Limit != 100 || exceeded.Wait.Round(time.Millisecond) != 100*time.Millisecond {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(err.Error(), "Orders may have 100 a second by its attribute send.quota.messages") {
		t.Error(err)
	}
	c.now = c.now.Add(exceeded.Wait + time.Millisecond)
	if err := table.Admit("Orders", limits, 1, 1<<20); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	err = table.Admit("Orders", limits, 1, 10)
	if err == nil || !strings.Contains(err.Error(), "1048576 a second by its attribute send.quota.bytes") {
		t.Error(err)
	}
	if err := table.Admit("Others", limits, 1, 10); err != nil {
		t.Errorf("another topic: %v", err)
	}
}

// TestChangeCountsAtOnce: a new limit begins with a full bucket.
func TestChangeCountsAtOnce(t *testing.T) {
	table, _ := newTable()
	if err := table.Admit("t", quota.Limits{Messages: 1}, 1000, 0); err != nil {
		t.Fatal(err)
	}
	if err := table.Admit("t", quota.Limits{Messages: 1}, 1, 0); err == nil {
		t.Error("the debt is forgotten")
	}
	if err := table.Admit("t", quota.Limits{Messages: 5000}, 1, 0); err != nil {
		t.Errorf("the new limit: %v", err)
	}
}

// TestReserve: who reads learns how much he may take, others find nothing meanwhile, and what he did not need is there again.
func TestReserve(t *testing.T) {
	table, c := newTable()
	limits := quota.Limits{Messages: 100}
	m, b, wait := table.Reserve("g", limits, 32, 4000)
	if m != 25 || b != 4000 || wait != 0 {
		t.Errorf("%d messages, %d bytes, wait %v", m, b, wait)
	}
	if _, _, wait = table.Reserve("g", limits, 32, 4000); wait <= 0 {
		t.Error("the same twice")
	}
	table.Settle("g", -20, -3000)
	if m, _, wait = table.Reserve("g", limits, 32, 4000); m != 20 || wait != 0 {
		t.Errorf("%d messages, wait %v", m, wait)
	}
	c.now = c.now.Add(2 * time.Minute)
	if m, _, _ = table.Reserve("other", limits, 1, 1); m != 1 {
		t.Errorf("%d messages", m)
	}
	if m, _, _ = table.Reserve("g", limits, 32, 1); m != 25 {
		t.Errorf("after two minutes %d messages", m)
	}
}
