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

// bug is a mistake that is planted to see whether the histories show it.
type bug string

const (
	noBug      bug = "none"
	wallClock  bug = "locks expire by a clock that jumps"
	anyRenews  bug = "a request of another client than the owner's counts as the owner's"
	anyUnlocks bug = "a client frees another one's queue"
	keepsAlive bug = "a request that is refused renews the owner's lock"
	unwritten  bug = "a client is told of a lock that the log has refused"
	oldMark    bug = "an older lock's change counts as the newer one's"
	lateStart  bug = "a restart counts locks from their beginning"
	oldOwner   bug = "a restart brings the owner before back"
	lostTail   bug = "a restart misses the end of the log"
)

// world is a broker, its log, and clients that ask for queues. The log takes a change or refuses it, and brings it back
// whenever it likes; the broker may be killed at any moment.
type world struct {
	bug     bug
	tab     Table
	now     int64
	jumped  int64    // how far the wall clock is ahead of now
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
	held, change := w.ask(client, queues)
	for _, q := range queues {
		if at, ok := w.seen[q]; (!ok || w.now-at > TTLMillis) && !slices.Contains(held, q) {
			t.Fatalf("at %d nobody was granted %v since %d, and %s does not get it", w.now, q, at, client)
		}
	}
	for _, q := range held {
		w.seen[q] = w.now
	}
	if !w.write(t, change) && w.bug != unwritten {
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

// ask is what the broker makes of a client's request for queues.
func (w *world) ask(client string, queues []message.Queue) (held []message.Queue, change []byte) {
	now := w.now
	if w.bug == wallClock {
		now += w.jumped
	}
	for _, q := range queues {
		h, taken := w.tab.live["g"][q]
		if !taken || h.client == client {
			continue
		}
		switch w.bug {
		case anyRenews:
			h.client = client
		case keepsAlive:
			h.renewed = now
		}
		w.tab.hold("g", q, h)
	}
	return w.tab.Lock(nil, "g", client, queues, now)
}

func (w *world) unlock(t *rapid.T, client string, queues []message.Queue) {
	owners := []string{client}
	if w.bug == anyUnlocks {
		owners = []string{"A", "B", "C"}
	}
	for _, q := range queues { // a client stops consuming before it asks
		delete(w.told[client], q)
	}
	for _, owner := range owners {
		w.write(t, w.tab.Unlock(nil, "g", owner, queues))
	}
}

func (w *world) apply(t *rapid.T, n int) {
	for ; n > 0 && w.applied < len(w.written); n-- {
		w.applyOne(t, w.written[w.applied], message.LogOffset(w.applied))
		w.applied++
	}
}

func (w *world) applyOne(t *rapid.T, change []byte, at message.LogOffset) {
	if err := w.tab.Apply(change, at); err != nil {
		t.Fatal(err)
	}
	if w.bug != oldMark {
		return
	}
	for q, h := range w.tab.live["g"] {
		if h.known = h.known || w.tab.logged[key{"g", q}] == h.client; h.known {
			w.tab.hold("g", q, h)
		}
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
	w.replay(t)
	if w.bug == lateStart {
		w.tab.Restore(0)
	} else {
		w.tab.Restore(w.now)
	}
	for q := range w.seen {
		w.seen[q] = w.now
	}
}

// replay applies what the table has not seen of the log.
func (w *world) replay(t *rapid.T) {
	switch w.bug {
	case lostTail:
		w.written = w.written[:w.applied]
	case oldOwner:
		w.tab = Table{}
		for i, change := range slices.Backward(w.written) {
			if change[0] == kindLock { // the oldest last
				w.applyOne(t, change, message.LogOffset(i))
			}
		}
		w.applied = len(w.written)
	default:
		w.apply(t, len(w.written))
	}
}

// play draws a history.
func play(t *rapid.T, b bug) {
	w := &world{bug: b, told: map[string]map[message.Queue]int64{"A": {}, "B": {}, "C": {}}, seen: map[message.Queue]int64{}}
	// Few clients and queues meet often.
	clients := []string{"A", "B", "C"}[:rapid.IntRange(2, 3).Draw(t, "clients")]
	all := []message.Queue{{Topic: "t"}, {Topic: "t", ID: 1}}[:rapid.IntRange(1, 2).Draw(t, "queues")]
	client := func() string { return rapid.SampledFrom(clients).Draw(t, "client") }
	queues := func() []message.Queue {
		if rapid.Bool().Draw(t, "all") {
			return all
		}
		return []message.Queue{rapid.SampledFrom(all).Draw(t, "queue")}
	}
	actions := map[string]func(*rapid.T){
		"lock":   func(*rapid.T) { w.lock(t, client(), queues()) },
		"relock": func(*rapid.T) { w.lock(t, client(), queues()) },
		"unlock": func(*rapid.T) { w.unlock(t, client(), queues()) },
		"give back": func(*rapid.T) {
			c, some := client(), queues()
			w.lock(t, c, some)
			w.unlock(t, c, some)
			w.lock(t, c, some)
		},
		"time":    func(*rapid.T) { w.now += rapid.SampledFrom([]int64{1, 20_000, 30_000, 60_000, 60_001}).Draw(t, "ms") },
		"jump":    func(*rapid.T) { w.jumped += rapid.SampledFrom([]int64{1000, 40_000, 60_001}).Draw(t, "ms") },
		"apply":   func(*rapid.T) { w.apply(t, rapid.IntRange(1, 3).Draw(t, "changes")) },
		"restart": func(*rapid.T) { w.restart(t) },
		"sweep": func(*rapid.T) {
			for _, change := range w.tab.Sweep(w.now) {
				w.write(t, change)
			}
		},
	}
	for range 8 { // an older lock's change that counts as the newer one's takes many steps to do harm
		t.Repeat(actions)
	}
}

// TestHistories looks for two owners: no client may be told that it holds a queue while another one, told so before, may
// still trust it, whatever the log does and however often the broker dies. It also looks for queues that nobody gets.
func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) { play(t, noBug) })
}

// TestHistoriesFindPlantedBugs shows that they can fail.
func TestHistoriesFindPlantedBugs(t *testing.T) {
	for _, b := range []bug{wallClock, anyRenews, anyUnlocks, keepsAlive, unwritten, oldMark, lateStart, oldOwner, lostTail} {
		property.Finds(t, string(b), func(t *rapid.T) { play(t, b) })
	}
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
