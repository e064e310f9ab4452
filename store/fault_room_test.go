package store

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// fillingFS is a disk of 1 TiB that says how much of it is free.
type fillingFS struct {
	vfs.FS
	free *atomic.Uint64
}

// GetDiskUsage tells what is free.
func (f fillingFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	const total = 1 << 40
	free := f.free.Load()
	return vfs.DiskUsage{TotalBytes: total, UsedBytes: total - free, AvailBytes: free}, nil
}

// Retention makes room on a disk that has too little for a cut: as far as the last cut reaches, nothing else is needed.
func TestRetentionNeedsNoRoomForACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Uint64
		free.Store(1 << 39)
		o := smallRetention(fillingFS{vfs.NewMem(), &free})
		o.Retention = Retention{}
		s := openTest(t, o)
		defer closeTest(t, s)
		flood(t, s, 40)
		ask(t, s)
		cut := message.LogOffset(s.cutAt.Load())
		free.Store(1 << 20)
		flood(t, s, 40)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if s.log.Start() == 0 || s.log.Start() > cut {
			t.Errorf("the log begins at %d, the last cut is at %d", s.log.Start(), cut)
		}
		if n := s.Troubles().Upkeep[upkeepCut]; n == 0 {
			t.Error("cuts have not failed: the test shows nothing")
		}
		if s.Err() == nil {
			t.Error("a full disk is not named")
		}
		free.Store(1 << 39)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		flood(t, s, 1)
	})
}

// A damaged message does not hold up a query for others, nor the delivery of what waits.
func TestQueryPassesOverDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		s := openTest(t, restOptions(fs))
		mustTopic(t, s, "T", 1)
		var at message.LogOffset
		for i, body := range []string{"a", "b", "c"} {
			rec := mustPut(t, s, record("T", 0, body, message.PropKeys, "k"))
			if i == 1 {
				at = rec.LogOffset
			}
		}
		flood(t, s, 30) // out of memory
		poke(t, fs, "store/commitlog/00000000000000000000", int64(at)+60)
		b, n, _, _, err := s.Query(nil, "T", "k", false, 10, 0, 1<<60)
		if err != nil || n != 2 || len(b) == 0 {
			t.Errorf("a query beside a damaged message finds %d, %v", n, err)
		}
		if r := s.Troubles(); r.DamagedRecords != 1 || r.DamagedReads == 0 {
			t.Errorf("counted: %+v", r)
		}
		closeTest(t, s)
	})
}
