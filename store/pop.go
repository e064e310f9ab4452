package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

// PopBegin asks for the right to hand out messages of a queue to a group, which must be known: PopTake or PopAbandon ends
// it. A group that has not popped the queue goes on from its committed offset, and from r.Start without one. The error is a
// *pop.Refusal when another pop is under way, the queue is blocked, or too much is in flight. A request that only looks gets a lease that
// nobody has to end.
func (s *Store) PopBegin(groupName string, q message.Queue, r pop.Request) (pop.Lease, error) {
	l, err := s.popBegin(groupName, q, r)
	if err != nil || len(l.Again) == 0 || r.Look {
		return l, err
	}
	// A renewal that is on its way may have come in time: what comes again must wait for it.
	s.PopAbandon(l)
	if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
		return pop.Lease{}, err
	}
	return s.popBegin(groupName, q, r)
}

func (s *Store) popBegin(groupName string, q message.Queue, r pop.Request) (pop.Lease, error) {
	least := s.MinOffset(q)
	if limit := int(s.opt.SegmentSize / delayedRoom); r.Total <= 0 || r.Total > limit {
		r.Total = limit // the next segment's checkpoint names all that is in flight
		if r.PerGroup > 0 {
			r.PerGroup = min(r.PerGroup, (limit+1)/2)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.popKey(groupName, q)
	if err != nil {
		return pop.Lease{}, err
	}
	// The end counts as it is under the lock: by now others may have popped what has come since it was looked at outside.
	end := s.endLocked(q)
	_, known := s.pops.Base(k)
	if off, ok := s.committed(offset.Key(k)); ok && !known {
		r.Start = off
	}
	if !known {
		r.Start = min(max(r.Start, least), end)
	}
	l, err := s.pops.Begin(k, r)
	if err != nil || !known {
		return l, err
	}
	was := l.From
	l.From = max(min(l.From, end), least)
	switch {
	case r.Look: // nothing is handed out, nothing is written
	case was < least:
		err = s.appendPop(nobody{}, pop.AppendRetire(nil, k, least))
	case was > end: // the log has lost its end, or a commit of times when they were not held to the queue's end has passed it
		err = s.appendPop(nobody{}, pop.AppendReset(nil, k, end, s.nowMillis()))
	}
	if err != nil {
		s.pops.Abandon(l)
	}
	return l, err
}

// committed is the offset that a pulling consumer of the group has committed last. s.mu is held.
func (s *Store) committed(k offset.Key) (message.QueueOffset, bool) {
	if off, ok := s.pending.Get(k); ok {
		return off, true
	}
	return s.offsets.Get(k)
}

// popKey finds the ids of a group and a queue. A topic that is being deleted is gone: nothing of it may stand behind its
// deletion. s.mu is held.
func (s *Store) popKey(groupName string, q message.Queue) (pop.Key, error) {
	k, ok := s.offsetKey(groupName, q)
	if t := s.byName[q.Topic]; !ok || t != nil && t.dying {
		return pop.Key{}, fmt.Errorf("%w: %s, popped by group %s", ErrNoTopic, q.Topic, groupName)
	}
	return pop.Key(k), nil
}

// appendPop appends one change of the pops. s.mu is held, so that the changes stand in the log in the order in which they
// were decided.
func (s *Store) appendPop(sink Sink, change []byte) error {
	return s.appendState(state.Append(nil, state.Pop, change), sink)
}

// PopAbandon gives a lease back of which nothing came.
func (s *Store) PopAbandon(l pop.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pops.Abandon(l)
}

// PopTake hands out what came of the leases, all of one group and one order, and ends them whatever the outcome. It returns
// when the pop is written; an ordered one is on the disk then. popTime and invisible are in milliseconds.
func (s *Store) PopTake(ctx context.Context, popTime, invisible int64, ordered bool, taken ...pop.Taken) error {
	w := &taking{newWaiter(), s, taken}
	s.mu.Lock()
	err := s.poppable(taken)
	if err == nil {
		err = s.appendPop(w, pop.AppendPop(nil, popTime, invisible, taken...))
	}
	if err != nil {
		w.abandon()
		s.mu.Unlock()
		return err
	}
	s.mu.Unlock()
	s.log.Kick()
	_, err = w.wait(ctx)
	switch {
	case errors.Is(err, commitlog.ErrFlushTimeout):
		return nil // it is written: only a power cut can take it back, and that costs a redelivery
	case err == nil && ordered && s.opt.Flush == commitlog.AsyncFlush:
		return s.log.Sync(ctx)
	}
	return err
}

// taking is the sink of a pop. Its caller may have gone when the log refuses the record, and the leases must end all the same.
type taking struct {
	*waiter
	s     *Store
	taken []pop.Taken
}

// Committed ends the leases of a pop that the log has refused. Those of one that is written end when it is applied.
func (k *taking) Committed(token uint64, recs []Appended, err error) {
	if err != nil && !errors.Is(err, commitlog.ErrFlushTimeout) {
		k.s.mu.Lock()
		k.abandon()
		k.s.mu.Unlock()
	}
	k.waiter.Committed(token, recs, err)
}

// abandon is called with s.mu held.
func (k *taking) abandon() {
	for i := range k.taken {
		k.s.pops.Abandon(k.taken[i].Lease)
	}
}

// poppable reports whether all topics still exist. s.mu is held.
func (s *Store) poppable(taken []pop.Taken) error {
	for i := range taken {
		text, ok := s.names.Name(name.Topic, taken[i].Lease.Key.Topic)
		if t := s.byName[text]; !ok || t != nil && t.dying {
			return fmt.Errorf("%w: topic id %d", ErrNoTopic, taken[i].Lease.Key.Topic)
		}
	}
	return nil
}

// PopAck acknowledges messages by handles that show popTime; the offsets are sorted, at most pop.MaxMessages of them. If
// known is above 0 the sink hears when the acknowledgement is written. Else there is nothing left to do, but for the lost
// ones, which go to PopAckLost.
func (s *Store) PopAck(groupName string, q message.Queue, popTime int64, offs []message.QueueOffset, sink Sink) (known int, lost []message.QueueOffset, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.names.ID(name.Group, groupName); !ok {
		return 0, nil, nil // a group that nobody knows has popped nothing
	}
	k, err := s.popKey(groupName, q)
	if err != nil {
		return 0, nil, err
	}
	change, known, lost := s.pops.Ack(nil, k, popTime, offs)
	if known > 0 {
		err = s.appendPop(sink, change)
	}
	return known, lost, err
}

// PopAckLost acknowledges messages that were popped before a crash, which took the pop out of the log but not the message. It may
// read from the disk. If it reports true, the sink hears when the acknowledgement is written.
func (s *Store) PopAckLost(groupName string, q message.Queue, popTime int64, lost []message.QueueOffset, sink Sink) (bool, error) {
	var good []message.QueueOffset
	for _, off := range lost {
		if at, ok := s.StoreTimeAt(q, off); ok && int64(at) <= popTime {
			good = append(good, off)
		}
	}
	if len(good) == 0 {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.popKey(groupName, q)
	if err != nil {
		return false, err
	}
	err = s.appendPop(sink, s.pops.AckLost(nil, k, popTime, good))
	return err == nil, err
}

// PopRenew makes a popped message invisible for so many milliseconds from now, see pop.Table.Renew. If the message is known
// the sink hears when that is written.
func (s *Store) PopRenew(groupName string, q message.Queue, off message.QueueOffset, popTime, invisible int64, suspend bool, sink Sink) (newPopTime, newInvisible int64, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.names.ID(name.Group, groupName); !ok {
		return s.nowMillis(), invisible, false, nil
	}
	k, err := s.popKey(groupName, q)
	if err != nil {
		return 0, 0, false, err
	}
	change, newPopTime, newInvisible, known := s.pops.Renew(nil, k, off, popTime, invisible, suspend, s.nowMillis())
	if known {
		err = s.appendPop(sink, change)
	}
	return newPopTime, newInvisible, known, err
}

// PopExpire ends an entry whose message cannot be read any more.
func (s *Store) PopExpire(ctx context.Context, handle message.LogOffset) error {
	return s.changePops(ctx, pop.AppendExpire(nil, handle))
}

// PopReady reports whether a pop of the queue would find something to read now. refused says why the queue hands out nothing, nil if it
// would.
func (s *Store) PopReady(groupName string, q message.Queue, r pop.Request) (ready bool, refused *pop.Refusal) {
	r.Look = true
	l, err := s.popBegin(groupName, q, r)
	if err != nil {
		errors.As(err, &refused)
		return false, refused
	}
	return len(l.Again) > 0 || l.From < s.MaxOffset(q), nil
}

// PopState says what has become of a message as a group sees it; false if the group or the topic is unknown.
func (s *Store) PopState(groupName string, q message.Queue, off message.QueueOffset) (pop.State, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, err := s.popKey(groupName, q)
	if err != nil {
		return pop.Unpopped, false
	}
	return s.pops.State(k, off, s.nowMillis()), true
}

// PopCounts sums up what has become of a queue's messages; false if the group has not popped it.
func (s *Store) PopCounts(groupName string, q message.Queue) (pop.Counts, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, err := s.popKey(groupName, q)
	if err != nil {
		return pop.Counts{}, false
	}
	return s.pops.Counts(k, s.nowMillis())
}

// PopAudit checks the whole table of what is popped, and returns how many messages are in flight or deliverable. Commits wait
// for it: it is for tests and for who looks for damage.
func (s *Store) PopAudit() (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pops.Len(), s.pops.Audit()
}

// RequestMode returns how a group reads a topic when the broker shares the queues out; false if nobody has said.
func (s *Store) RequestMode(groupName, topicName string) (pop.Mode, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.offsetKey(groupName, message.Queue{Topic: topicName})
	if !ok {
		return pop.Mode{}, false
	}
	return s.pops.Mode(k.Group, k.Topic)
}

// SetRequestMode says how a group reads a topic. The topic must exist. It is durable when SetRequestMode returns nil.
func (s *Store) SetRequestMode(ctx context.Context, groupName, topicName string, m pop.Mode) error {
	return s.change(ctx, func(ch *changes) error {
		t, ok := s.names.ID(name.Topic, topicName)
		if !ok {
			return fmt.Errorf("%w: %s", ErrNoTopic, topicName)
		}
		ch.add(state.Pop, pop.AppendMode(nil, ch.id(name.Group, groupName), t, m))
		return nil
	})
}

// Pops reports whether a group pops a queue: [Store.ResetOffset] then moves where it goes on, and what is in flight there is
// nobody's any more.
func (s *Store) Pops(groupName string, q message.Queue) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, err := s.popKey(groupName, q)
	if err != nil {
		return false
	}
	_, popped := s.pops.Base(k)
	return popped
}

// advancePops lets a group that pops go on from the offset that one of its pulling consumers has committed. s.mu is held.
func (s *Store) advancePops(k pop.Key, base, off message.QueueOffset) error {
	if off <= base {
		return nil
	}
	return s.appendPop(nobody{}, pop.AppendAdvance(nil, k, off))
}

// retirePops counts as expired what the groups had not acknowledged of messages that retention has taken. A crash before that
// costs nothing but the order: each one is found to be gone when its time comes.
func (s *Store) retirePops() error {
	var keys []pop.Key
	s.mu.RLock()
	s.pops.Each(func(k pop.Key, _ message.QueueOffset) bool {
		keys = append(keys, k)
		return true
	})
	s.mu.RUnlock()
	for _, k := range keys {
		if err := s.retirePopsOf(k); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) retirePopsOf(k pop.Key) error {
	s.mu.RLock()
	text, ok := s.names.Name(name.Topic, k.Topic)
	s.mu.RUnlock()
	least := s.MinOffset(message.Queue{Topic: text, ID: k.Queue})
	s.mu.Lock()
	defer s.mu.Unlock()
	if base, popped := s.pops.Base(k); !ok || !popped || base >= least {
		return nil
	}
	return s.appendPop(nobody{}, pop.AppendRetire(nil, k, least))
}
