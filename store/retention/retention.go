// Package retention decides which of a log's oldest segments go, and when a disk is too full for new messages. It is pure: what
// the log and the disk look like comes in, an answer goes out. The store asks it at every look. Everything here is safe to call at once.
package retention

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// Rules say when old segments of the log are deleted. Deleting is by whole segments, never the one being written.
type Rules struct {
	// Age is how long a segment is kept after its last record was stored: 72 h. Negative keeps it for ever.
	Age time.Duration
	// Size is the most bytes of log to keep, 0 for no limit on a disk and 256 MiB in memory.
	Size int64
	// DeleteWhen are the hours of the day (0 to 23, local to Now) at which segments past their age are deleted: 4.
	DeleteWhen []int
	// MaxUsedRatio, ForceRatio and WarnRatio are used shares of the disk: from MaxUsedRatio (0.75) on, segments past
	// their age go at any hour; from ForceRatio (0.85) on, the oldest go whatever their age; from WarnRatio (0.90) on,
	// sends are refused.
	MaxUsedRatio, ForceRatio, WarnRatio float64
	// MinFree is the free space in bytes below which sends are refused and the oldest segments go: 0 for none.
	MinFree int64
	// Interval is the time between two looks: 10 s.
	Interval time.Duration
}

// WithDefaults fills in what is zero.
func (r Rules) WithDefaults() Rules {
	r.Age = cmp.Or(r.Age, 72*time.Hour)
	r.MaxUsedRatio = cmp.Or(r.MaxUsedRatio, 0.75)
	r.ForceRatio = cmp.Or(r.ForceRatio, 0.85)
	r.WarnRatio = cmp.Or(r.WarnRatio, 0.90)
	r.Interval = cmp.Or(r.Interval, 10*time.Second)
	if r.DeleteWhen == nil {
		r.DeleteWhen = []int{4}
	}
	return r
}

// Validate names the first rule that cannot be.
func (r *Rules) Validate() error {
	for _, h := range r.DeleteWhen {
		if h < 0 || h > 23 {
			return fmt.Errorf("DeleteWhen has hour %d, hours are 0 to 23", h)
		}
	}
	if r.MaxUsedRatio > r.ForceRatio || r.ForceRatio > r.WarnRatio || r.WarnRatio > 1 {
		return fmt.Errorf("the disk ratios must rise: MaxUsedRatio %.2f, ForceRatio %.2f, WarnRatio %.2f, 1",
			r.MaxUsedRatio, r.ForceRatio, r.WarnRatio)
	}
	return nil
}

// maxForced is how many segments one look at a full disk deletes before it looks again. Source: deleteFileBatchMax of
// RocketMQ 5.
const maxForced = 10

// Look is what retention decides from.
type Look struct {
	Now      time.Time
	Segments []commitlog.Segment // in log order, the active one last
	Disk     vfs.DiskUsage       // from [DiskUsage], zero when the file system does not tell
	Asked    bool                // an operator asked to delete what is past its age now
	Unsure   bool                // the clock has jumped: nothing is old, unless asked
}

// DiskUsage asks how full the disk of a directory is. What the file system keeps for others (its reserve, a quota) counts neither as
// used nor as free, nor in the whole, as in `df` and RocketMQ.
func DiskUsage(fs vfs.FS, dir string) (vfs.DiskUsage, error) {
	disk, err := fs.GetDiskUsage(dir)
	if disk.UsedBytes > disk.TotalBytes { // network file systems may say that more is free than there is
		disk.UsedBytes = 0
	}
	disk.TotalBytes = disk.UsedBytes + disk.AvailBytes
	return disk, err
}

func usedRatio(disk vfs.DiskUsage) float64 {
	if disk.TotalBytes == 0 {
		return 0
	}
	return float64(disk.UsedBytes) / float64(disk.TotalBytes)
}

// Expired returns how many of the oldest segments are to go, by the first rule that says so for each; the active one
// never is.
func (r *Rules) Expired(l *Look) int {
	sealed := l.Segments[:max(0, len(l.Segments)-1)]
	total := int64(0)
	for _, s := range l.Segments {
		total += s.Size
	}
	ratio := usedRatio(l.Disk)
	anyHour := l.Asked || l.Disk.TotalBytes > 0 && ratio >= r.MaxUsedRatio || slices.Contains(r.DeleteWhen, l.Now.Hour())
	n, forced := 0, 0
	free := int64(l.Disk.AvailBytes)
	for _, s := range sealed {
		old := r.Age > 0 && (!l.Unsure || l.Asked) && !s.ModTime.IsZero() && l.Now.Sub(s.ModTime) > r.Age
		big := r.Size > 0 && total > r.Size
		short := l.Disk.TotalBytes > 0 && forced < maxForced &&
			(1-float64(free)/float64(l.Disk.TotalBytes) >= r.ForceRatio || free < r.MinFree)
		if !(old && anyHour) && !big && !short {
			break
		}
		if !(old && anyHour) && !big {
			forced++
		}
		n++
		total -= s.Size
		free += s.Size
	}
	return n
}

// Full returns why the disk is too full for new messages, nil if it is not.
func (r *Rules) Full(dir string, l *Look) *FullError {
	if l.Disk.TotalBytes == 0 {
		return nil
	}
	e := NewFullError(dir, l.Disk, "")
	switch {
	case e.Ratio >= r.WarnRatio:
		e.Rule = fmt.Sprintf("the limit is %.1f %% of %d bytes", 100*r.WarnRatio, l.Disk.TotalBytes)
	case r.MinFree > 0 && l.Disk.AvailBytes < uint64(r.MinFree):
		e.Rule = fmt.Sprintf("at least %d bytes must be free (minFreeDisk)", r.MinFree)
	default:
		return nil
	}
	return e
}

// FullError refuses a Put because the disk is too full. Reads go on; the store takes messages again once there is room.
type FullError struct {
	Dir string
	// Used and Free are bytes of the disk as it was last looked at; Ratio is the used share.
	Used, Free uint64
	Ratio      float64
	// Rule names the limit that was reached, with its number.
	Rule string
}

// NewFullError refuses because of a rule, with the numbers of [DiskUsage].
func NewFullError(dir string, disk vfs.DiskUsage, rule string) *FullError {
	return &FullError{Dir: dir, Used: disk.UsedBytes, Free: disk.AvailBytes, Ratio: usedRatio(disk), Rule: rule}
}

// Error names the directory, the rule and the numbers.
func (e *FullError) Error() string {
	return fmt.Sprintf("the disk of %s is too full for new messages: %d bytes used (%.1f %%), %d free; %s",
		e.Dir, e.Used, 100*e.Ratio, e.Free, e.Rule)
}
