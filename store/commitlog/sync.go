package commitlog

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// syncPart makes a written part durable under SyncFlush. late tells that the watchdog has answered the part's items.
// A sync that fails stops the log: what the disk holds then is unknown, and a second sync that succeeds proves nothing.
func (l *Log) syncPart(g *group, first, end int) (late bool, err error) {
	if l.opts.Flush == AsyncFlush {
		return false, nil
	}
	l.syncing.g, l.syncing.first, l.syncing.end = g, first, end
	l.watch.begin()
	err = l.active.out.SyncData()
	late = l.watch.end()
	if late {
		l.opts.Logger.Warn("sync of the commit log was slow", "limit", l.opts.SyncTimeout, "segment", l.active.path)
	}
	if err != nil {
		err = l.fail("sync of segment "+segmentName(l.active.base), err)
	}
	return late, err
}

// answerLate runs on the watchdog's goroutine while the committing one waits for the disk.
func (l *Log) answerLate() {
	g, late := l.syncing.g, fmt.Errorf("%w of %v", ErrFlushTimeout, l.opts.SyncTimeout)
	for i := l.syncing.first; i < l.syncing.end; i++ {
		g.answer(&g.items[i], late)
	}
	g.flush()
}

// syncActive makes everything published durable. The committing goroutine calls it.
func (l *Log) syncActive() error {
	if l.Synced() >= l.at {
		return nil
	}
	if err := l.active.out.SyncData(); err != nil {
		return l.fail("sync of segment "+segmentName(l.active.base), err)
	}
	l.raiseSynced(l.at)
	return nil
}

// syncSide makes durable what is published under AsyncFlush while the commit path goes on.
func (l *Log) syncSide() {
	to := l.Published()
	if l.Synced() >= to || l.Err() != nil {
		return
	}
	s := l.segs.acquire(to - 1)
	if s == nil || s.side == nil {
		return // rolled and dropped meanwhile: synced by the roll
	}
	if err := s.side.SyncData(); err != nil {
		_ = l.fail("sync of segment "+segmentName(s.base), err)
	} else {
		l.raiseSynced(to)
	}
	if err := s.release(); err != nil {
		l.opts.Logger.Warn("close of a segment failed", "err", err)
	}
}

func (l *Log) raiseSynced(to message.LogOffset) {
	for {
		was := l.synced.Load()
		if was >= int64(to) || l.synced.CompareAndSwap(was, int64(to)) {
			return
		}
	}
}

// runBackground keeps a reserve segment ready, fills the window ahead of the writer and, under AsyncFlush, syncs. One
// goroutine does all three because they share each segment's side handle.
func (l *Log) runBackground() {
	interval := time.Second // a reserve that could not be made is tried again
	if l.opts.Flush == AsyncFlush {
		interval = l.opts.AsyncInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	l.keepReserve()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			if l.opts.Flush == AsyncFlush {
				l.syncSide()
			}
			l.keepReserve()
			l.cold.expire(time.Now())
			l.noFill = false
		case asked := <-l.sideAsked:
			l.syncSide()
			close(asked)
		case <-l.win.poke:
			if !l.noReserve {
				l.keepReserve()
			}
			pause.Reset(0)
		case <-pause.C:
			if wait, more := l.fillPiece(); more {
				pause.Reset(wait)
			}
		}
	}
}
