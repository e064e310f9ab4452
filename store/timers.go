package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// ErrTooLate refuses to take a message back that is on its way to its topic.
var ErrTooLate = errors.New("it is too late to take the message back: it is being delivered")

// waits reports whether a topic's records wait for their time.
func waits[T ~string | ~[]byte](topic T) bool {
	return string(topic) == message.TopicSchedule || string(topic) == message.TopicWheel
}

// Times says when the store's pending messages are due, and makes records that wait.
func (s *Store) Times() *timer.Times { return &s.times }

// PutTimed appends a message that is delivered to its topic and queue at a time, in milliseconds since 1970. The record's
// topic, queue id and properties change.
func (s *Store) PutTimed(r *message.Record, deliverMillis int64, sink Sink, token uint64) error {
	if err := s.roomForDelayed(); err != nil {
		return err
	}
	s.times.At(r, deliverMillis)
	if err := mayGrow(r); err != nil {
		return err
	}
	return s.Put(r, sink, token)
}

// claimNap is how long a withdrawal waits for entries that are being carried forward, before it looks again.
const claimNap = 5 * time.Millisecond

// Withdraw appends a record that takes pending timer messages back, which its property TIMER_DEL_UNIQKEY names, and which are
// due at the time; it need not find any. It returns when that is durable. No message that it has found is delivered then;
// with ErrTooLate all of them are, at their time. The record's topic, queue id and properties change.
func (s *Store) Withdraw(ctx context.Context, r *message.Record, deliverMillis int64) (Appended, error) {
	s.times.At(r, deliverMillis)
	keys := timer.WithdrawnBy(r)
	due, _ := s.times.Due(r, false)
	// What was put before is to be found, though nobody may have waited for its answer.
	if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
		return Appended{}, err
	}
	mine, err := s.claim(ctx, func() []timer.Entry { return s.keyedLocked(keys, due) })
	if err != nil {
		return Appended{}, err
	}
	w := &withdrawal{newWaiter(), s, mine}
	if err := s.Put(r, w, 0); err != nil {
		s.unclaim(mine)
		s.wakeTimers()
		return Appended{}, err
	}
	s.log.Kick()
	return w.wait(ctx)
}

// withdrawal is the sink of a record that takes messages back: they go on waiting if the log refuses it, whether or not its caller
// still waits.
type withdrawal struct {
	*waiter
	s    *Store
	mine []timer.Entry
}

// Committed tells who waits. What is written but not confirmed stays claimed: Apply settles it, or the log has failed.
func (w *withdrawal) Committed(token uint64, recs []Appended, err error) {
	if err != nil && !errors.Is(err, commitlog.ErrFlushTimeout) {
		w.s.unclaim(w.mine)
		w.s.wakeTimers()
	}
	w.waiter.Committed(token, recs, err)
}

// keyedLocked finds the entries with one of the keys that are due at the time, or a moment before or after. s.mu is held.
func (s *Store) keyedLocked(keys []uint64, due int64) []timer.Entry {
	var all []timer.Entry
	for _, key := range keys {
		all = append(all, s.timers.Keyed(key, due, s.times.Slack())...)
	}
	return all
}

// claim claims all entries that find returns, or none. It waits for those that are being carried forward.
func (s *Store) claim(ctx context.Context, find func() []timer.Entry) ([]timer.Entry, error) {
	for {
		mine, left, err := s.tryClaim(find)
		if left == 0 || err != nil {
			return mine, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(claimNap):
		}
	}
}

func (s *Store) tryClaim(find func() []timer.Entry) (mine []timer.Entry, left int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, now := find(), s.nowMillis()
	for _, e := range all {
		if s.timers.Claim(e.Created) {
			mine = append(mine, e)
		} else if e.Due <= now {
			err = fmt.Errorf("%w, due %d ms since 1970", ErrTooLate, e.Due)
		}
	}
	if left = len(all) - len(mine); left > 0 {
		for _, e := range mine {
			s.timers.Unclaim(e.Created)
		}
	}
	return mine, left, err
}

// nameWheel gives the topic of timer messages its id, in a log that an older version has begun.
func (s *Store) nameWheel() error {
	return s.change(context.Background(), func(c *changes) error {
		if _, ok := s.names.ID(name.Topic, message.TopicWheel); !ok {
			c.id(name.Topic, message.TopicWheel)
		}
		return nil
	})
}
