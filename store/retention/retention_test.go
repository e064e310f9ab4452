package retention

import (
	"math"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func TestWhichSegmentsExpire(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	four := time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)
	days := func(ages ...int) (out []commitlog.Segment) {
		for i, age := range ages {
			out = append(out, commitlog.Segment{Base: message.LogOffset(i * 100), Size: 100, ModTime: noon.Add(-time.Duration(age) * 24 * time.Hour)})
		}
		return out
	}
	used := func(percent uint64) vfs.DiskUsage {
		return vfs.DiskUsage{TotalBytes: 10_000, UsedBytes: percent * 100, AvailBytes: 10_000 - percent*100}
	}
	f := func(name string, r Rules, l Look, want int) {
		t.Run(name, func(t *testing.T) {
			r = r.WithDefaults()
			if got := r.Expired(&l); got != want {
				t.Errorf("%d segments expire, want %d", got, want)
			}
		})
	}
	old := days(9, 8, 7, 1, 0)
	f("not at this hour", Rules{}, Look{Now: noon, Segments: old, Disk: used(10)}, 0)
	f("at the hour", Rules{}, Look{Now: four, Segments: old, Disk: used(10)}, 3)
	f("asked for", Rules{}, Look{Now: noon, Segments: old, Asked: true}, 3)
	f("the disk is used up", Rules{}, Look{Now: noon, Segments: old, Disk: used(75)}, 3)
	f("never by age", Rules{Age: -1}, Look{Now: four, Segments: old, Disk: used(75)}, 0)
	f("forced, as many as it takes", Rules{}, Look{Now: noon, Segments: days(0, 0, 0, 0, 0), Disk: used(86)}, 2)
	f("forced, not the active one", Rules{}, Look{Now: noon, Segments: days(0, 0), Disk: used(99)}, 1)
	f("minimum of free bytes", Rules{MinFree: 5_150}, Look{Now: noon, Segments: days(0, 0, 0, 0), Disk: used(50)}, 2)
	f("too many bytes", Rules{Size: 250}, Look{Now: noon, Segments: days(0, 0, 0, 0)}, 2)
	f("alone", Rules{Size: 1}, Look{Now: four, Segments: days(99), Disk: used(99)}, 0)
}

// TestDiskUsage: what is kept for others is no use of ours. A tenth of a disk is reserved for root by default, and containers have quotas.
func TestDiskUsage(t *testing.T) {
	f := func(name string, says vfs.DiskUsage, want float64) {
		t.Helper()
		fs := vfs.NewMem()
		fs.TestingSetDiskUsage(says)
		disk, err := DiskUsage(fs, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := usedRatio(disk); got != want {
			t.Errorf("%s: %.2f of the disk is used, want %.2f", name, got, want)
		}
	}
	const gib = 1 << 30
	f("a quota", vfs.DiskUsage{TotalBytes: 250 * gib, UsedBytes: 30 * gib, AvailBytes: 30 * gib}, 0.5)
	f("more free than there is", vfs.DiskUsage{TotalBytes: 1000 * gib, UsedBytes: math.MaxUint64 - gib + 1, AvailBytes: 1001 * gib}, 0)
}
