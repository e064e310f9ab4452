package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/redelivery"
	"github.com/aerobee-mq/aerobee/store/state"
)

// wakePops lets the loop of the pops look again. It never blocks.
func (s *Store) wakePops() {
	select {
	case s.popWake <- struct{}{}:
	default:
	}
}

// popLoop puts what was popped and not acknowledged in time to the retry topics, until ctx ends.
func (s *Store) popLoop(ctx context.Context) {
	nap := time.NewTimer(0)
	defer nap.Stop()
	latest := s.lastTime.Load()
	var later []postponed
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.popWake:
		case <-nap.C:
		}
		wait, err := s.popTurn(ctx, &latest, &later)
		if err != nil {
			wait = dueRetryNap
			if ctx.Err() == nil && s.troubles.Upkeep(upkeepPops) {
				s.opt.Logger.Error("popped messages could not be put to their retry topics; they are tried again", "error", err)
			}
		}
		nap.Reset(wait)
	}
}

// postponed is a due message that cannot be read for now; its claim keeps it from being looked at until then.
type postponed struct {
	pop.Message
	until int64 // ms
}

// popTurn re-puts what is due, but first sees to the clock, which went no further than latest before, and to what was postponed.
func (s *Store) popTurn(ctx context.Context, latest *int64, later *[]postponed) (time.Duration, error) {
	now := s.nowMillis()
	if now < *latest-clockSlack {
		if err := s.changePops(ctx, pop.AppendRewind(nil, now)); err != nil {
			return 0, err
		}
		*latest = now
	}
	*latest = max(*latest, now)
	*later = slices.DeleteFunc(*later, func(p postponed) bool {
		again := p.until <= now || p.until > now+int64(unreadableNap/time.Millisecond)
		if again {
			s.unclaimPops([]pop.Message{p.Message})
		}
		return again
	})
	wait, err := s.rePutPops(ctx, later)
	if len(*later) > 0 {
		wait = min(wait, dueRetryNap)
	}
	return wait, err
}

// changePops makes one change of the pops durable.
func (s *Store) changePops(ctx context.Context, change []byte) error {
	return s.change(ctx, func(ch *changes) error {
		ch.add(state.Pop, change)
		return nil
	})
}

// rePutPops re-puts what is due and returns how long nothing more will be.
func (s *Store) rePutPops(ctx context.Context, later *[]postponed) (time.Duration, error) {
	for ctx.Err() == nil {
		now := s.nowMillis()
		s.mu.RLock()
		next, ok := s.pops.Next()
		s.mu.RUnlock()
		switch {
		case !ok:
			return dueLongNap, nil
		case next > now:
			return min(time.Duration(next-now)*time.Millisecond, dueNap), nil
		}
		// An acknowledgement or a renewal that came before now counts, though it is still on its way.
		if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
			return 0, err
		}
		s.mu.Lock()
		due := s.pops.Due(now, dueBatch)
		s.mu.Unlock()
		if err := s.rePutPopped(ctx, due, later); err != nil {
			return 0, err
		}
	}
	return dueLongNap, nil
}

// rePutPopped re-puts claimed messages and waits until the log has taken or refused them. Those that could not be appended, or
// were not come to, are unclaimed.
func (s *Store) rePutPopped(ctx context.Context, due []pop.Message, later *[]postponed) error {
	waiting := 0
	for i := range due {
		size, err := s.rePutPop(ctx, due[i], later)
		if err != nil {
			s.unclaimPops(due[i:])
			return err
		}
		if waiting += size; waiting < rePutBytes && i+1 < len(due) {
			continue
		}
		waiting = 0
		s.log.Kick()
		if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
			s.unclaimPops(due[i+1:])
			return err
		}
	}
	return nil
}

func (s *Store) unclaimPops(due []pop.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range due {
		s.pops.Unclaim(due[i].Handle)
	}
}

// rePutPop puts one message's copy to the retry topic, or to the dead letters. The copy names the entry in field 14; the entry
// goes when Apply sees it, so that a crash at any point leaves exactly one copy in the log.
func (s *Store) rePutPop(ctx context.Context, m pop.Message, later *[]postponed) (size int, err error) {
	s.mu.RLock()
	topicName, okTopic := s.names.Name(name.Topic, m.Key.Topic)
	groupName, okGroup := s.names.Name(name.Group, m.Key.Group)
	g, _ := s.groups.Get(groupName)
	s.mu.RUnlock()
	if !okTopic || !okGroup {
		return 0, s.changePops(ctx, pop.AppendExpire(nil, m.Handle))
	}
	q := message.Queue{Topic: topicName, ID: m.Key.Queue}
	rec, res := s.Get(nil, q, m.Offset, 1, 1, nil)
	if res.Err != nil {
		s.opt.Logger.Error("a popped message cannot be read; it is tried again", "group", groupName, "topic", topicName, "queue", q.ID, "offset", m.Offset, "after", unreadableNap, "error", res.Err)
		*later = append(*later, postponed{m, s.nowMillis() + int64(unreadableNap/time.Millisecond)})
		return 0, nil
	}
	r, err := message.ParseRecord(rec)
	if res.Count == 0 || err != nil || res.Next != m.Offset+1 {
		s.opt.Logger.Warn("a popped message is gone before it was acknowledged", "group", groupName, "topic", topicName, "queue", q.ID, "offset", m.Offset)
		return 0, s.changePops(ctx, pop.AppendExpire(nil, m.Handle))
	}
	how := redelivery.Group{Name: groupName, RetryMaxTimes: -1, V2: s.opt.RetryTopicV2}
	if g != nil {
		how.RetryMaxTimes = g.RetryMaxTimes
	}
	at, _ := message.StampedOffsets(rec)
	if light.Is(topicName) {
		r.Topic = []byte(topicName) // it comes again to who reads the light queue, not the topic
	}
	to, dead := redelivery.Make(&r, at, m, how)
	if dead {
		s.opt.Logger.Info("popped message given up into the dead letter topic", "topic", to, "origin", topicName, "reconsumed", r.ReconsumeTimes-1)
	}
	if s.exporting && m.Due > s.nowMillis() {
		if err = s.haveTopic(ctx, to); err != nil {
			return 0, err
		}
		s.times.At(&r, m.Due)
	}
	put := func(q *queueState) error { return s.log.AppendInternal(q.log, &r, s.rePuts, uint64(m.Handle)) }
	err = s.inQueue(r.Topic, 0, put)
	if errors.Is(err, ErrNoTopic) {
		if err = s.PutTopic(ctx, redelivery.Config(to)); err == nil {
			err = s.inQueue(r.Topic, 0, put)
		}
	}
	if errors.Is(err, message.ErrTooBig) {
		redelivery.Bare(&r)
		err = s.inQueue(r.Topic, 0, put)
	}
	if errors.Is(err, message.ErrTooBig) {
		s.opt.Logger.Error("a popped message cannot come again and is given up: its copy is too big", "group", groupName, "topic", topicName, "queue", q.ID, "offset", m.Offset)
		return 0, s.changePops(ctx, pop.AppendExpire(nil, m.Handle))
	}
	return len(rec), err
}
