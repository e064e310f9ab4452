package store

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/retention"
)

// Stats is what metrics and runtime information tell of a store.
type Stats struct {
	// LogStart and LogEnd bound the log; Synced is how far it is known to be durable, Cut how far a restart need not
	// replay.
	LogStart, LogEnd, Synced, Cut message.LogOffset
	Segments                      int
	SegmentSize                   int64 // bytes of each segment
	Topics, Groups, Queues        int
	Offsets, PendingTimers        int
	Halves                        int // half messages that wait for their transaction's end
	PopsInFlight                  int // popped messages that are in flight or about to come again
	// DiskUsed, DiskFree and DiskTotal are bytes of the disk that holds the store, 0 where the file system does not tell.
	DiskUsed, DiskFree, DiskTotal uint64
	// Full says why messages are refused, nil if they are not.
	Full *FullError
}

// Stats counts what the store holds.
func (s *Store) Stats() Stats {
	st := Stats{
		LogStart: s.log.Start(), LogEnd: s.log.Published(), Synced: s.log.Synced(), Cut: message.LogOffset(s.cutAt.Load()),
		Segments: len(s.log.Segments()), SegmentSize: s.opt.SegmentSize, Full: s.full.Load(),
	}
	disk, _ := retention.DiskUsage(s.fs, s.opt.Dir)
	st.DiskUsed, st.DiskFree, st.DiskTotal = disk.UsedBytes, disk.AvailBytes, disk.TotalBytes
	s.mu.RLock()
	defer s.mu.RUnlock()
	st.Topics, st.Groups = s.topics.Len(), s.groups.Len()
	st.Offsets, st.PendingTimers = s.offsets.Len(), s.timers.Len()
	st.Halves = s.halves.Len()
	st.PopsInFlight = s.pops.Len()
	for _, t := range s.byName {
		for _, q := range t.queues {
			if q != nil {
				st.Queues++
			}
		}
	}
	return st
}
