package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

// ErrNotPending reports a handle of no message that waits for its time.
var ErrNotPending = errors.New("no message is pending under this handle")

// TimerCount tells of a topic's messages that wait for their time: how many, and when the first and the last one is due, in
// milliseconds since 1970. Topic is "" for those of which only their records know it.
type TimerCount struct {
	Topic       string
	Pending     int
	First, Last int64
}

// Timers returns the pending messages of a topic ("" for all) that are due first behind a place, at most limit. Messages come
// and go meanwhile.
func (s *Store) Timers(topic string, afterDue int64, after message.LogOffset, limit int) []timer.Entry {
	p := timer.Page{AfterDue: afterDue, After: after, Limit: limit}
	s.mu.RLock()
	id, known := s.names.ID(name.Topic, topic)
	s.mu.RUnlock()
	if topic != "" && !known {
		return nil
	}
	p.Topic = id
	s.EachTimer(p.Take)
	return p.Entries()
}

// TimerCounts counts the pending messages by their topics.
func (s *Store) TimerCounts() []TimerCount {
	byID := make(map[uint32]*TimerCount)
	s.EachTimer(func(e timer.Entry) {
		c := byID[e.Topic]
		if c == nil {
			c = &TimerCount{First: e.Due, Last: e.Due}
			byID[e.Topic] = c
		}
		c.Pending, c.First, c.Last = c.Pending+1, min(c.First, e.Due), max(c.Last, e.Due)
	})
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]TimerCount, 0, len(byID))
	for id, c := range byID {
		c.Topic, _ = s.names.Name(name.Topic, id)
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b TimerCount) int { return cmp.Compare(a.Topic, b.Topic) })
	return all
}

// EachTimer visits all pending messages; they come and go meanwhile.
func (s *Store) EachTimer(visit func(timer.Entry)) {
	for next, more := 0, true; more; more = next > 0 {
		s.mu.RLock()
		next = s.timers.Part(next, timerPart, func(e timer.Entry, _ bool) { visit(e) })
		s.mu.RUnlock()
	}
}

// CancelTimer ends a pending message, whatever it is, durably; it is not delivered. Errors: ErrNotPending, ErrTooLate, and those
// of a change.
func (s *Store) CancelTimer(ctx context.Context, created message.LogOffset) (timer.Entry, error) {
	mine, err := s.claim(ctx, func() []timer.Entry {
		if e, ok := s.timers.Get(created); ok {
			return []timer.Entry{e}
		}
		return nil
	})
	switch {
	case err != nil:
		return timer.Entry{}, err
	case len(mine) == 0:
		return timer.Entry{}, fmt.Errorf("%w: %d", ErrNotPending, created)
	}
	w := &withdrawal{newWaiter(), s, mine}
	if err = s.appendState(state.Append(nil, state.Timer, timer.AppendComplete(nil, created)), w); err != nil {
		s.unclaim(mine)
		s.wakeTimers()
		return mine[0], err
	}
	s.log.Kick()
	if _, err = w.wait(ctx); err != nil {
		return mine[0], err
	}
	if s.opt.Flush == commitlog.AsyncFlush {
		err = s.log.Sync(ctx)
	}
	s.opt.Logger.Info("a message that waited for its time is cancelled", "created at", int64(created), "due", mine[0].Due)
	return mine[0], err
}
