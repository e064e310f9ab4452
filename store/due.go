package store

import (
	"context"
	"errors"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

const (
	dueBatch = 256
	// rePutBytes bounds the re-puts that wait for the disk, which pass the limit on what clients may let wait.
	rePutBytes = 8 << 20
	// dueNap is how soon the loop looks again while something is pending: the wall clock may jump, and timers do not.
	dueNap      = time.Second
	dueLongNap  = time.Hour
	dueRetryNap = time.Second
	// unreadableNap is how long a message waits whose record could not be read for now.
	unreadableNap = 10 * time.Second
	// clockSlack is how many milliseconds the clock may go back without being said to have jumped.
	clockSlack = 1000
)

// wakeTimers lets the timer loop look again. It never blocks.
func (s *Store) wakeTimers() {
	select {
	case s.timerWake <- struct{}{}:
	default:
	}
}

// timerLoop puts due messages to their topics until ctx ends.
func (s *Store) timerLoop(ctx context.Context) {
	nap := time.NewTimer(0)
	defer nap.Stop()
	latest := s.lastTime.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.timerWake:
		case <-nap.C:
		}
		now := s.nowMillis()
		if now < latest-clockSlack {
			s.clockWentBack(ctx, latest, now)
			latest = now
		}
		latest = max(latest, now)
		wait, err := s.deliverDue(ctx)
		if err != nil && ctx.Err() == nil && s.troubles.Upkeep(upkeepDue) {
			s.opt.Logger.Error("due messages could not be delivered; they are tried again", "error", err)
		}
		if err != nil {
			wait = dueRetryNap
		}
		nap.Reset(wait)
	}
}

// deliverDue re-puts what is due and returns how long nothing more will be.
func (s *Store) deliverDue(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		now := s.nowMillis()
		s.mu.Lock()
		due := s.timers.Due(now, dueBatch)
		for _, e := range due {
			s.timers.Claim(e.Created)
		}
		next, ok := s.timers.Next()
		s.mu.Unlock()
		if len(due) == 0 {
			if !ok {
				return dueLongNap, nil
			}
			return min(time.Duration(next-now)*time.Millisecond, dueNap), nil
		}
		if err := s.rePutAll(ctx, due, s.deliver); err != nil {
			return 0, err
		}
	}
	return dueLongNap, nil
}

// rePutAll re-puts claimed entries and waits until the log has taken or refused them. rePut returns how many bytes it has
// appended. Entries that could not be appended, or were not come to, are unclaimed.
func (s *Store) rePutAll(ctx context.Context, entries []timer.Entry, rePut func(context.Context, timer.Entry) (int, error)) error {
	waiting := 0
	for i, e := range entries {
		size, err := rePut(ctx, e)
		if err != nil {
			s.unclaim(entries[i:])
			return err
		}
		if waiting += size; waiting < rePutBytes && i+1 < len(entries) {
			continue
		}
		waiting = 0
		s.log.Kick()
		if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
			s.unclaim(entries[i+1:])
			return err
		}
	}
	return nil
}

func (s *Store) unclaim(entries []timer.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		s.timers.Unclaim(e.Created)
	}
}

// deliver puts a due entry's message to its real topic. The re-put names the entry in field 14; the entry goes when
// Apply sees it, so that a crash at any point leaves exactly one copy in the log.
func (s *Store) deliver(ctx context.Context, e timer.Entry) (size int, err error) {
	rec, err := s.View(nil, e.At)
	if err != nil && !lost(err) {
		s.postpone(e, err)
		return 0, nil
	}
	if err != nil {
		return 0, s.giveUp(ctx, e, err)
	}
	r, err := message.ParseRecord(rec)
	if err != nil {
		return 0, s.giveUp(ctx, e, err)
	}
	if err := s.times.Deliver(&r, e.Created, s.nowMillis()); err != nil {
		return 0, s.giveUp(ctx, e, err)
	}
	if err = s.putAgain(&r, e.Created); errors.Is(err, ErrNoTopic) {
		if err = s.reviveTopic(ctx, &r); err == nil {
			err = s.putAgain(&r, e.Created)
		}
	}
	if errors.Is(err, message.ErrTooBig) {
		return 0, s.giveUp(ctx, e, err)
	}
	return len(rec), err
}

// putAgain appends a due message to its queue, and to its light queues.
func (s *Store) putAgain(r *message.Record, handle message.LogOffset) error {
	if names := s.lightNames(r); names != nil {
		return s.putLight(r, names, s.rePuts, uint64(handle), true)
	}
	return s.inQueue(r.Topic, r.QueueID, func(q *queueState) error {
		return s.log.AppendInternal(q.log, r, s.rePuts, uint64(handle))
	})
}

// lost reports whether err says that no record lies where an entry's should: it is damaged or gone. Any other failure of
// a read may pass.
func lost(err error) bool {
	return errors.Is(err, commitlog.ErrRange) || errors.Is(err, message.ErrShort) || errors.Is(err, message.ErrMagic) ||
		errors.Is(err, message.ErrSize) || errors.Is(err, message.ErrBodyCRC) || errors.Is(err, message.ErrPropCRC)
}

// postpone lets a due entry wait whose record cannot be read for now, so that those behind it need not.
func (s *Store) postpone(e timer.Entry, cause error) {
	s.opt.Logger.Error("a due message cannot be read; it is tried again", "log offset", int64(e.At), "due", e.Due, "after", unreadableNap, "error", cause)
	e.Due = s.nowMillis() + int64(unreadableNap/time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timers.Add(e)
	s.timers.Unclaim(e.Created)
}

// clockWentBack makes sure that no message waits longer than its level's delay from now on: it was stored, or another
// one before it was, while the clock was ahead. Apache delivers such messages at once, and so before their time.
func (s *Store) clockWentBack(ctx context.Context, from, to int64) {
	s.mu.Lock()
	later := s.timers.After(to)
	s.mu.Unlock()
	s.opt.Logger.Warn("the clock went back; delays count from now where they would last longer", "from", from, "to", to, "pending", len(later))
	for _, e := range later {
		if ctx.Err() != nil {
			return
		}
		rec, err := s.View(nil, e.At)
		r, parseErr := message.ParseRecord(rec)
		if err != nil || parseErr != nil {
			continue // its delivery will say so
		}
		if _, longest := s.times.Due(&r, false); to+longest < e.Due {
			s.mu.Lock()
			if now, ok := s.timers.Get(e.Created); ok {
				now.Due = to + longest
				s.timers.Add(now)
				s.touch(state.Timer)
			}
			s.mu.Unlock()
		}
	}
}

// giveUp ends an entry that can never be delivered: its record is damaged or names no place to go to. Apache drops such
// messages too; here it is said with the place where the bytes lie.
func (s *Store) giveUp(ctx context.Context, e timer.Entry, cause error) error {
	s.opt.Logger.Error("a delayed message cannot be delivered and is given up",
		"log offset", int64(e.At), "created at", int64(e.Created), "due", e.Due, "cause", cause)
	return s.change(ctx, func(ch *changes) error {
		ch.add(state.Timer, timer.AppendComplete(nil, e.Created))
		return nil
	})
}

// reviveTopic makes the topic of a due message again. Apache stores such a message under its topic's name, whether the
// topic is configured or not, and consumers find it once somebody makes the topic: so nothing is lost there either.
func (s *Store) reviveTopic(ctx context.Context, r *message.Record) error {
	queues := int32(r.QueueID) + 1
	s.opt.Logger.Warn("a delayed message is due for a topic that does not exist; the topic is made", "topic", string(r.Topic), "queues", queues)
	return s.PutTopic(ctx, topic.Config{
		Name: string(r.Topic), ReadQueues: queues, WriteQueues: queues, Perm: topic.PermRead | topic.PermWrite,
	})
}

// rePuts is the sink of re-puts; the token is the entry's handle.
type rePuts struct{ s *Store }

// Committed unclaims the entry when the log has refused its re-put. One that is written but not confirmed stays claimed:
// Apply settles it, or the log has failed.
func (p *rePuts) Committed(token uint64, _ []Appended, err error) {
	if err == nil || errors.Is(err, commitlog.ErrFlushTimeout) {
		return
	}
	p.s.mu.Lock()
	p.s.timers.Unclaim(message.LogOffset(token))
	p.s.pops.Unclaim(message.LogOffset(token))
	p.s.mu.Unlock()
	p.s.wakeTimers()
	p.s.wakePops()
}

// Flush does nothing: Committed has said it all.
func (p *rePuts) Flush() {}
