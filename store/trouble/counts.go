package trouble

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// Report is what has gone wrong below a store since it was opened. All of it is 0 in a sound one.
type Report struct {
	// LogFailed tells that a sync has failed: nothing is written until a restart. CacheFailed tells the same of the cache:
	// cuts are not made until a restart.
	LogFailed, CacheFailed bool
	// RefusedGroups counts commit groups that could not be written, whose messages were all refused; Refusing says why the
	// last one was, nil if it was taken.
	RefusedGroups int64
	Refusing      error
	// DamagedRecords counts the records that reads have found damaged and passed over, DamagedReads how often.
	DamagedRecords, DamagedReads int64
	// UnreadableReads counts reads that the disk has refused, DamagedBlocks the index blocks that were made again.
	UnreadableReads, DamagedBlocks int64
	// MissingBytes is how much of the log's beginning was missing when the store was opened.
	MissingBytes int64
	// Upkeep counts the failures of each kind of work in the background: all are tried again.
	Upkeep map[string]int64
	// ClockForth and ClockBack count the jumps of the clock, see [Clock]. AgeWaits is for how long yet no segment is deleted
	// for its age because the clock has jumped.
	ClockForth, ClockBack int64
	AgeWaits              time.Duration
}

// maxKnown bounds the damaged records that are told apart. Beyond it they count in DamagedReads only.
const maxKnown = 4096

// Counts counts. The zero value has counted nothing.
type Counts struct {
	DamagedReads, UnreadableReads, DamagedBlocks atomic.Int64
	ClockForth, ClockBack, MissingBytes          atomic.Int64

	mu       sync.Mutex // guards what follows
	damaged  map[message.LogOffset]struct{}
	upkeep   map[string]int64
	ageWaits time.Duration
}

// Damaged counts a damaged record that a read has passed over, and reports whether it is seen for the first time.
func (c *Counts) Damaged(at message.LogOffset) (first bool) {
	c.DamagedReads.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.damaged[at]; known || len(c.damaged) >= maxKnown {
		return false
	}
	if c.damaged == nil {
		c.damaged = make(map[message.LogOffset]struct{})
	}
	c.damaged[at] = struct{}{}
	return true
}

// Upkeep counts a failure of work in the background, and reports whether it is worth a line in the log: the 1st of its
// kind, the 2nd, the 4th, the 8th and so on.
func (c *Counts) Upkeep(what string) (say bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.upkeep == nil {
		c.upkeep = make(map[string]int64)
	}
	c.upkeep[what]++
	n := c.upkeep[what]
	return n&(n-1) == 0
}

// SetAgeWaits notes for how long nothing is deleted for its age.
func (c *Counts) SetAgeWaits(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ageWaits = d
}

// Report tells what was counted, with a count, be it 0, for each of the kinds of upkeep.
func (c *Counts) Report(kinds []string) Report {
	r := Report{
		DamagedReads: c.DamagedReads.Load(), UnreadableReads: c.UnreadableReads.Load(), DamagedBlocks: c.DamagedBlocks.Load(),
		MissingBytes: c.MissingBytes.Load(), ClockForth: c.ClockForth.Load(), ClockBack: c.ClockBack.Load(), Upkeep: make(map[string]int64, len(kinds)),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.DamagedRecords, r.AgeWaits = int64(len(c.damaged)), c.ageWaits
	for _, what := range kinds {
		r.Upkeep[what] = c.upkeep[what]
	}
	return r
}
