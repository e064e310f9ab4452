package store

import (
	"context"
	"time"
)

// lockSweepInterval is how often expired queue locks leave the log.
const lockSweepInterval = time.Minute

// What the store does in the background, as log lines and metrics call it.
const (
	upkeepCut       = "cut"
	upkeepRetention = "retention"
	upkeepRepair    = "index repair"
	upkeepLocks     = "lock sweep"
	upkeepOffsets   = "offset flush"
	upkeepDue       = "delayed delivery"
	upkeepCache     = "cache read"
	upkeepPops      = "pop redelivery"
)

func upkeep() []string {
	return []string{upkeepCut, upkeepRetention, upkeepRepair, upkeepLocks, upkeepOffsets, upkeepDue, upkeepCache, upkeepPops}
}

// keeperLoop is the one goroutine that maintains the index, the cache and the segments: cuts when they are due, merges
// after them, retention once per interval, damaged blocks when a read has met one. It ends with ctx.
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
			what, err = upkeepCut, s.cutAndMerge(ctx)
		case done := <-s.cutAsked:
			done <- s.cutAndMerge(ctx)
		case <-retention.C:
			if s.unfinished != nil { // the log may not grow enough to ask for another cut
				s.askForCut()
			}
			what, err = upkeepRetention, s.retain(ctx)
		case <-s.retainDue:
			what, err = upkeepRetention, s.retain(ctx)
		case d := <-s.damaged:
			what, err = upkeepRepair, s.repairBlock(d)
		case <-sweep.C:
			what, err = upkeepLocks, s.sweepLocks(ctx)
		}
		if err != nil && ctx.Err() == nil && s.troubles.Upkeep(what) {
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

// Cut makes a cut now: a restart after it replays nothing that was visible before the call. Importers call it; the store
// itself cuts by its own rules.
func (s *Store) Cut(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case s.cutAsked <- done:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}
