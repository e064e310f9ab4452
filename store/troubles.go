package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// Troubles counts what disk and clock have done to a store since it was opened. All are 0 in a sound one.
type Troubles struct {
	// LogFailed tells that a sync has failed: nothing is written until a restart. CacheFailed tells the same of the cache:
	// cuts are not made until a restart.
	LogFailed, CacheFailed bool
	// RefusedGroups counts commit groups that could not be written; whose messages were all refused.
	RefusedGroups int64
	// DamagedRecords counts the records that reads have found damaged and passed over, DamagedReads how often.
	DamagedRecords, DamagedReads int64
	// UnreadableReads counts reads that the disk has refused, DamagedBlocks the index blocks that were made again.
	UnreadableReads, DamagedBlocks int64
	// Maintenance counts the failures of what the store does in the background, by its name: all are tried again.
	Maintenance map[string]int64
	// ClockForth and ClockBack count the jumps of the clock, see [Retention]. AgeWaits is for how long yet no segment is
	// deleted for its age because the clock has jumped.
	ClockForth, ClockBack int64
	AgeWaits              time.Duration
}

// troubles is what a store counts. Its counters are safe to use at once.
type troubles struct {
	damagedReads, unreadable, damagedBlocks atomic.Int64
	clockForth, clockBack                   atomic.Int64

	mu          sync.Mutex // guards what follows
	damaged     map[message.LogOffset]struct{}
	manyDamaged int64 // beyond maxDamagedKnown
	maintenance map[string]int64
	ageWaits    time.Duration
}

// damagedFirst reports whether a damaged record is seen for the first time.
func (t *troubles) damagedFirst(at message.LogOffset) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.damaged[at]; known {
		return false
	}
	if len(t.damaged) >= maxDamagedKnown {
		t.manyDamaged++
		return false
	}
	if t.damaged == nil {
		t.damaged = make(map[message.LogOffset]struct{})
	}
	t.damaged[at] = struct{}{}
	return true
}

// failed notes that maintenance of a kind has failed, and reports whether that is worth a line in the log: the first time
// and every so often.
func (t *troubles) failed(what string) (log bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.maintenance == nil {
		t.maintenance = make(map[string]int64)
	}
	t.maintenance[what]++
	n := t.maintenance[what]
	return n&(n-1) == 0 // the 1st, 2nd, 4th, 8th …
}

func (t *troubles) setAgeWaits(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ageWaits = d
}

// Troubles counts what went wrong below the store.
func (s *Store) Troubles() Troubles {
	t := &s.troubles
	out := Troubles{
		LogFailed: s.log.Err() != nil, CacheFailed: s.cache.Err() != nil, DamagedReads: t.damagedReads.Load(),
		UnreadableReads: t.unreadable.Load(), DamagedBlocks: t.damagedBlocks.Load(),
		ClockForth: t.clockForth.Load(), ClockBack: t.clockBack.Load(), Maintenance: make(map[string]int64),
	}
	out.RefusedGroups, _ = s.log.Refusing()
	t.mu.Lock()
	defer t.mu.Unlock()
	out.DamagedRecords, out.AgeWaits = int64(len(t.damaged))+t.manyDamaged, t.ageWaits
	for _, what := range upkeep() {
		out.Maintenance[what] = t.maintenance[what]
	}
	return out
}
