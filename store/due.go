package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

const (
	dueBatch    = 256
	dueLongNap  = time.Hour
	dueRetryNap = time.Second
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
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.timerWake:
		case <-nap.C:
		}
		wait, err := s.deliverDue(ctx)
		if err != nil && ctx.Err() == nil {
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
			return min(time.Duration(next-now)*time.Millisecond, dueLongNap), nil
		}
		if err := s.rePutAll(ctx, due, s.deliver); err != nil {
			return 0, err
		}
	}
	return dueLongNap, nil
}

// rePutAll re-puts claimed entries and waits until the log has taken or refused them. Entries whose re-put could not even
// be appended are unclaimed.
func (s *Store) rePutAll(ctx context.Context, entries []timer.Entry, rePut func(context.Context, timer.Entry) error) error {
	for i, e := range entries {
		if err := rePut(ctx, e); err != nil {
			s.mu.Lock()
			for _, e := range entries[i:] {
				s.timers.Unclaim(e.Created)
			}
			s.mu.Unlock()
			return err
		}
	}
	s.log.Kick()
	return s.log.Barrier(func(message.LogOffset) {})
}

// deliver puts a due entry's message to its real topic. The re-put names the entry in field 14; the entry goes when
// Apply sees it, so that a crash at any point leaves exactly one copy in the log.
func (s *Store) deliver(ctx context.Context, e timer.Entry) error {
	rec, err := s.View(nil, e.At)
	if err != nil {
		return s.giveUp(ctx, e, err)
	}
	r, err := message.ParseRecord(rec)
	if err != nil {
		return s.giveUp(ctx, e, err)
	}
	if err := dueRecord(&r, e.Created); err != nil {
		return s.giveUp(ctx, e, err)
	}
	put := func(q *queueState) error { return s.log.AppendInternal(q.log, &r, s.rePuts, uint64(e.Created)) }
	err = s.inQueue(r.Topic, r.QueueID, put)
	if errors.Is(err, ErrNoTopic) {
		if err = s.reviveTopic(ctx, &r); err == nil {
			err = s.inQueue(r.Topic, r.QueueID, put)
		}
	}
	if errors.Is(err, message.ErrTooBig) {
		return s.giveUp(ctx, e, err)
	}
	return err
}

// dueRecord turns a delayed record into the one that consumers see. Source: the delivery of SCHEDULE_TOPIC_XXXX in
// RocketMQ 5; REAL_TOPIC and REAL_QID stay.
func dueRecord(r *message.Record, handle message.LogOffset) error {
	real, _ := r.Properties.Get(message.PropRealTopic)
	if len(real) == 0 {
		return errors.New("it has no REAL_TOPIC")
	}
	if string(real) == message.TopicHalf {
		return fmt.Errorf("its real topic is %s", real)
	}
	id, err := strconv.ParseInt(r.Properties.GetString(message.PropRealQueueID), 10, 32)
	if err != nil || id < 0 || id >= maxQueueID {
		return fmt.Errorf("its REAL_QID is %q", r.Properties.GetString(message.PropRealQueueID))
	}
	r.Topic, r.QueueID = real, message.QueueID(id)
	r.Properties = r.Properties.Without(message.PropDelay, message.PropTimerDeliverMS, message.PropTimerDelaySec, message.PropCRC)
	r.PreparedOffset = handle
	return nil
}

// giveUp ends an entry that can never be delivered: its record is damaged or names no place to go to. Apache drops such
// messages too; here it is said with the place where the bytes lie.
func (s *Store) giveUp(ctx context.Context, e timer.Entry, cause error) error {
	s.opt.Logger.Error("a delayed message cannot be delivered and is given up",
		"log offset", int64(e.At), "created at", int64(e.Created), "due", e.Due, "cause", cause)
	return s.change(ctx, func(ch *changes) error {
		ch.add(kindTimer, timer.AppendComplete(nil, e.Created))
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
	p.s.mu.Unlock()
	p.s.wakeTimers()
}

// Flush does nothing: Committed has said it all.
func (p *rePuts) Flush() {}
