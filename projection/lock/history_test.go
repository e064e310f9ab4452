package lock

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

// world is a broker, its log, and clients that ask for queues. The log takes a change or refuses it, and brings it back
// whenever it likes; the broker may be killed at any moment.
type world struct {
	tab     Table
	now     int64
	written [][]byte // the whole log
	applied int      // how much of it the table has seen
	// told is when the broker last told a client that it holds a queue, as the client remembers it.
	told map[string]map[message.Queue]int64
	// seen is when anybody was last granted a queue, told or not; a restart counts as well.
	seen map[message.Queue]int64
}

// write puts the change into the log, unless the log refuses.
func (w *world) write(t *rapid.T, change []byte) bool {
	if len(change) == 0 {
		return true
	}
	if rapid.IntRange(0, 4).Draw(t, "refused") == 0 {
		return false
	}
	w.written = append(w.written, slices.Clone(change))
	return true
}

func (w *world) lock(t *rapid.T, client string, queues []message.Queue) {
	held, change := w.tab.Lock(nil, "g", client, queues, w.now)
	for _, q := range queues {
		if at, ok := w.seen[q]; (!ok || w.now-at > TTLMillis) && !slices.Contains(held, q) {
			t.Fatalf("at %d nobody was granted %v since %d, and %s does not get it", w.now, q, at, client)
		}
	}
	for _, q := range held {
		w.seen[q] = w.now
	}
	if !w.write(t, change) {
		return
	}
	for _, q := range held {
		for other, queues := range w.told {
			if at, ok := queues[q]; ok && other != client && w.now-at <= TTLMillis {
				t.Fatalf("at %d %s is told that it holds %v, which %s may trust to hold since %d", w.now, client, q, other, at)
			}
		}
		w.told[client][q] = w.now
	}
}

func (w *world) unlock(t *rapid.T, client string, queues []message.Queue) {
	for _, q := range queues { // a client stops consuming before it asks
		delete(w.told[client], q)
	}
	w.write(t, w.tab.Unlock(nil, "g", client, queues))
}

func (w *world) apply(t *rapid.T, n int) {
	for ; n > 0 && w.applied < len(w.written); n-- {
		if err := w.tab.Apply(w.written[w.applied], message.LogOffset(w.applied)); err != nil {
			t.Fatal(err)
		}
		w.applied++
	}
}

// restart loads the snapshot of what was applied, replays the rest of the log, and serves.
func (w *world) restart(t *rapid.T) {
	var again Table
	w.tab.Snapshot(func(change []byte) {
		for range 2 { // the second time does nothing
			if err := again.Apply(change, 0); err != nil {
				t.Fatal(err)
			}
		}
	})
	if diff := cmp.Diff(w.tab.logged, again.logged, cmpopts.EquateEmpty(), cmp.AllowUnexported(key{})); diff != "" {
		t.Fatalf("the snapshot rebuilds something else: %s", diff)
	}
	w.tab = again
	w.apply(t, len(w.written))
	w.tab.Restore(w.now)
	for q := range w.seen {
		w.seen[q] = w.now
	}
}

// TestHistories looks for two owners: no client may be told that it holds a queue while another one, told so before, may
// still trust it, whatever the log does and however often the broker dies. It also looks for queues that nobody gets.
func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		w := &world{told: map[string]map[message.Queue]int64{"A": {}, "B": {}, "C": {}}, seen: map[message.Queue]int64{}}
		client := func() string { return rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "client") }
		queues := func() (some []message.Queue) {
			for id, in := range rapid.SliceOfN(rapid.Bool(), 2, 2).Draw(t, "queues") {
				if in {
					some = append(some, message.Queue{Topic: "t", ID: message.QueueID(id)})
				}
			}
			return some
		}
		t.Repeat(map[string]func(*rapid.T){
			"lock":    func(*rapid.T) { w.lock(t, client(), queues()) },
			"relock":  func(*rapid.T) { w.lock(t, client(), queues()) },
			"unlock":  func(*rapid.T) { w.unlock(t, client(), queues()) },
			"time":    func(*rapid.T) { w.now += rapid.SampledFrom([]int64{1, 20_000, 30_000, 60_000, 60_001}).Draw(t, "ms") },
			"apply":   func(*rapid.T) { w.apply(t, rapid.IntRange(1, 3).Draw(t, "changes")) },
			"restart": func(*rapid.T) { w.restart(t) },
			"sweep": func(*rapid.T) {
				for _, change := range w.tab.Sweep(w.now) {
					w.write(t, change)
				}
			},
		})
	})
}

// TestSweepEmptiesTheLog shows that dead owners leave nothing behind.
func TestSweepEmptiesTheLog(t *testing.T) {
	var tab Table
	var changes [][]byte
	for i := range 10 {
		_, change := tab.Lock(nil, fmt.Sprint("g", i%3), fmt.Sprint("c", i), []message.Queue{{Topic: "t", ID: message.QueueID(i)}}, 0)
		changes = append(changes, change)
	}
	apply := func() {
		for _, c := range changes {
			if err := tab.Apply(c, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply()
	if got := tab.Sweep(TTLMillis); len(got) != 0 || len(tab.logged) != 10 {
		t.Errorf("a sweep before the time is over gives %d changes, %d locks", len(got), len(tab.logged))
	}
	changes = tab.Sweep(TTLMillis + 1)
	apply()
	if len(tab.logged) != 0 || len(tab.live) != 0 || len(snapshot(&tab)) != 0 {
		t.Errorf("%d logged locks and %d groups are left", len(tab.logged), len(tab.live))
	}
}
