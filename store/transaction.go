package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

// PutHalf appends a half message, which nobody sees until [Store.EndHalf] puts it to its topic. The record's topic, queue id
// and properties change.
func (s *Store) PutHalf(r *message.Record, sink Sink, token uint64) error {
	if err := s.roomForDelayed(); err != nil {
		return err
	}
	transaction.Half(r)
	if err := mayGrow(r); err != nil {
		return err
	}
	return s.Put(r, sink, token)
}

// Half returns a half message by its handle, with its record, which aliases memory of its own.
func (s *Store) Half(handle message.LogOffset) (e transaction.Entry, r message.Record, err error) {
	for tries := 0; ; tries++ {
		s.mu.RLock()
		e, ok := s.halves.Get(handle)
		s.mu.RUnlock()
		if !ok {
			return e, r, fmt.Errorf("%w: %d", transaction.ErrGone, handle)
		}
		rec, err := s.View(nil, e.At)
		if err == nil {
			r, err = message.ParseRecord(rec)
		}
		if err == nil || tries > 0 {
			return e, r, err
		} // else it may just have been carried forward
	}
}

// Halves returns at most n half messages, in the order of their handles, from the handle on, and how many there are.
func (s *Store) Halves(from message.LogOffset, n int) (some []transaction.Entry, all int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.halves.List(from, n), s.halves.Len()
}

// HalvesDue returns at most n half messages about which their producers are to be asked now.
func (s *Store) HalvesDue(now int64, n int) []transaction.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halves.Due(now, n)
}

// HalvesAsked notes how often producers were asked, and when they are to be asked again, as the entries say. It waits for nothing:
// a note that a crash takes back costs one question.
func (s *Store) HalvesAsked(es []transaction.Entry) error {
	s.mu.Lock()
	var body []byte
	for _, e := range es {
		s.halves.Checked(e.Created, e.Checks, e.Due)
		body = state.Append(body, state.Transaction, transaction.AppendChecked(nil, e.Created, e.Checks, e.Due))
	}
	err := s.appendState(body, nobody{})
	s.mu.Unlock()
	s.log.Kick()
	return err
}

// ShiftHalves moves the times of all half messages: the clock was set by so much.
func (s *Store) ShiftHalves(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halves.Shift(by.Milliseconds())
	s.touch(state.Transaction)
}

// EndHalf ends a half message: r, which names it in field 14, takes its place, and may be one that waits, see [timer.Times]; it is
// rolled back if r is nil. The sink hears of the outcome. One end counts: for any other the error is transaction.ErrGone. Kick must follow.
//
// What is decided under the lock stands in the log in that order: the half message never behind its end, see carryHalf.
func (s *Store) EndHalf(handle message.LogOffset, r *message.Record, sink Sink, token uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.halves.Claim(handle) {
		return fmt.Errorf("%w: %d", transaction.ErrGone, handle)
	}
	err := s.appendEnd(r, handle, &halfEnd{s, handle, sink, token})
	if err != nil {
		s.halves.Unclaim(handle)
	}
	return err
}

func (s *Store) appendEnd(r *message.Record, handle message.LogOffset, end *halfEnd) error {
	if r == nil {
		return s.appendState(state.Append(nil, state.Transaction, transaction.AppendComplete(nil, handle)), end)
	}
	if names := s.lightNames(r); names != nil {
		return s.putLightLocked(r, names, end, 0, true)
	}
	q, err := s.queueLocked(r.Topic, r.QueueID)
	if err != nil {
		return err
	}
	return s.log.AppendInternal(q.log, r, end, 0)
}

// halfEnd is the sink of one end.
type halfEnd struct {
	s      *Store
	handle message.LogOffset
	sink   Sink
	token  uint64
}

// Committed gives the half message back when the log has refused its end. One that is written but not confirmed stays
// claimed: Apply settles it, or the log has failed.
func (p *halfEnd) Committed(_ uint64, recs []Appended, err error) {
	if err != nil && !errors.Is(err, commitlog.ErrFlushTimeout) {
		p.s.mu.Lock()
		p.s.halves.Unclaim(p.handle)
		p.s.mu.Unlock()
	}
	p.sink.Committed(p.token, recs, err)
}

// Flush lets the one behind it write.
func (p *halfEnd) Flush() { p.sink.Flush() }

// applyHalf makes a pending entry of a half message. A record that names an entry is that entry carried forward; if it is not
// there, the snapshot that a replay began with is newer, and its end follows.
func (s *Store) applyHalf(a *commitlog.Appended, r *message.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch(state.Transaction)
	created := max(a.LogOffset, 1)
	if r.PreparedOffset != 0 {
		if created = r.PreparedOffset; s.halves.Move(created, a.LogOffset) {
			return
		}
	}
	immune, _ := transaction.Immunity(r, s.opt.HalfImmunity.Milliseconds())
	stored := min(int64(a.StoreTime), s.nowMillis()) // the store's time does not go back with the clock
	s.halves.Add(transaction.Entry{Created: created, At: a.LogOffset, Queue: a.QueueOffset, Stored: stored, Due: stored + immune})
}

// carryHalves carries forward what carryForward does not: the half messages whose record lies before at.
func (s *Store) carryHalves(ctx context.Context, at message.LogOffset) error {
	s.mu.RLock()
	lie := s.halves.Before(at)
	s.mu.RUnlock()
	for waiting, i := 0, 0; i < len(lie); i++ {
		size, err := s.carryHalf(ctx, lie[i], at)
		if err != nil {
			return err
		}
		if waiting += size; waiting < rePutBytes && i+1 < len(lie) {
			continue
		}
		waiting = 0
		s.log.Kick()
		if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
			return err
		}
	}
	if err := s.log.Sync(ctx); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if left := len(s.halves.Before(at)); left > 0 {
		return fmt.Errorf("%d half messages still lie there", left)
	}
	return nil
}

// carryHalf appends a half message's record once more, as it is but for field 14, unless its end was appended meanwhile.
func (s *Store) carryHalf(ctx context.Context, e transaction.Entry, before message.LogOffset) (size int, err error) {
	rec, err := s.View(nil, e.At)
	if err != nil && !lost(err) {
		return 0, err
	}
	r, parseErr := message.ParseRecord(rec)
	if err = errors.Join(err, parseErr); err != nil {
		return 0, s.LoseHalf(ctx, e, err)
	}
	r.PreparedOffset = e.Created
	r.Properties = r.Properties.Without(message.PropCRC)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.halves.Stays(e.Created, before) {
		return 0, nil
	}
	q, err := s.queueLocked(r.Topic, r.QueueID)
	if err == nil {
		err = s.log.AppendInternal(q.log, &r, nobody{}, 0)
	}
	return len(rec), err
}

// LoseHalf ends a half message whose record is damaged, or names no place to go to.
func (s *Store) LoseHalf(ctx context.Context, e transaction.Entry, cause error) error {
	s.opt.Logger.Error("a half message is damaged and given up", "log offset", int64(e.At), "created at", int64(e.Created), "cause", cause)
	return s.change(ctx, func(ch *changes) error {
		ch.add(state.Transaction, transaction.AppendComplete(nil, e.Created))
		return nil
	})
}
