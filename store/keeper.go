package store

import (
	"context"
	"time"
)

// lockSweepInterval is how often expired queue locks leave the log.
const lockSweepInterval = time.Minute

// keeperLoop is the one goroutine that maintains the index, the cache and the segments: cuts when they are due, merges
// after them, retention once per interval. It ends with ctx.
func (s *Store) keeperLoop(ctx context.Context) {
	retention := time.NewTicker(s.opt.Retention.Interval)
	defer retention.Stop()
	sweep := time.NewTicker(lockSweepInterval)
	defer sweep.Stop()
	for {
		var what string
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.cutDue:
			what, err = "cut", s.cutAndMerge(ctx)
		case <-retention.C:
			what, err = "retention", s.retain(ctx)
		case <-s.retainDue:
			what, err = "retention", s.retain(ctx)
		case <-sweep.C:
			what, err = "lock sweep", s.sweepLocks(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.opt.Logger.Error("store maintenance failed; it is tried again", "what", what, "error", err)
		}
	}
}

func (s *Store) cutAndMerge(ctx context.Context) error {
	if err := s.makeCut(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if did, err := s.ix.Merge(); err != nil || !did {
			return err
		}
	}
	return nil
}
