package store

import (
	"context"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/state"
)

// CommitOffset notes how far a group has come in a queue. It is visible at once and in the log within OffsetInterval, so
// a kill loses at most that. Going backwards is allowed. The topic and the group must be known. An offset behind the queue's end
// stays as it is, as with RocketMQ, unless the group pops the queue: then the end counts.
func (s *Store) CommitOffset(groupName string, q message.Queue, off message.QueueOffset) error {
	if err := s.log.Err(); err != nil {
		return err
	}
	if off < 0 {
		return fmt.Errorf("offset %d of group %s in topic %s, queue %d is negative", off, groupName, q.Topic, q.ID)
	}
	s.mu.Lock()
	k, ok := s.offsetKey(groupName, q)
	var err error
	if base, popped := s.pops.Base(pop.Key(k)); ok && popped {
		err = s.advancePops(pop.Key(k), base, min(off, s.endLocked(q)))
	} else if ok {
		s.pending.Set(k, off)
	}
	s.mu.Unlock()
	if ok {
		return err
	}
	return s.nameAndCommit(groupName, q, off)
}

// nameAndCommit is the slow path of a group that has no id yet: the commit itself carries it, durably.
func (s *Store) nameAndCommit(groupName string, q message.Queue, off message.QueueOffset) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opt.SyncTimeout)
	defer cancel()
	return s.change(ctx, func(ch *changes) error {
		topicID, ok := s.names.ID(name.Topic, q.Topic)
		if !ok {
			return fmt.Errorf("%w: %s", ErrNoTopic, q.Topic)
		}
		k := offset.Key{Group: ch.id(name.Group, groupName), Topic: topicID, Queue: q.ID}
		ch.add(state.Offset, offset.AppendCommit(nil, k, off))
		return nil
	})
}

// offsetKey is called with s.mu held.
func (s *Store) offsetKey(groupName string, q message.Queue) (offset.Key, bool) {
	g, okGroup := s.names.ID(name.Group, groupName)
	t, okTopic := s.names.ID(name.Topic, q.Topic)
	return offset.Key{Group: g, Topic: t, Queue: q.ID}, okGroup && okTopic
}

// Offset returns how far a group has come in a queue.
func (s *Store) Offset(groupName string, q message.Queue) (message.QueueOffset, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, ok := s.offsetKey(groupName, q)
	if !ok {
		return 0, false
	}
	if off, ok := s.pops.Base(pop.Key(k)); ok {
		return off, true
	}
	if off, ok := s.pending.Get(k); ok {
		return off, true
	}
	return s.offsets.Get(k)
}

// Offsets returns all offsets of a group.
func (s *Store) Offsets(groupName string) map[message.Queue]message.QueueOffset {
	all := make(map[message.Queue]message.QueueOffset)
	s.EachOffset(func(g string, q message.Queue, off message.QueueOffset) {
		if g == groupName {
			all[q] = off
		}
	})
	return all
}

// EachOffset visits the offsets of all groups, in no particular order. visit must not call the store.
func (s *Store) EachOffset(visit func(groupName string, q message.Queue, off message.QueueOffset)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	emit := func(k offset.Key, off message.QueueOffset) bool {
		if base, popped := s.pops.Base(pop.Key(k)); popped {
			off = base
		}
		g, okGroup := s.names.Name(name.Group, k.Group)
		t, okTopic := s.names.Name(name.Topic, k.Topic)
		if okGroup && okTopic {
			visit(g, message.Queue{Topic: t, ID: k.Queue}, off)
		}
		return true
	}
	s.pops.Each(func(k pop.Key, off message.QueueOffset) bool {
		_, pulled := s.offsets.Get(offset.Key(k))
		if _, newer := s.pending.Get(offset.Key(k)); !pulled && !newer {
			emit(offset.Key(k), off)
		}
		return true
	})
	s.offsets.All(func(k offset.Key, off message.QueueOffset) bool {
		if _, newer := s.pending.Get(k); newer {
			return true
		}
		return emit(k, off)
	})
	s.pending.All(emit)
}

// RemoveOffsets forgets a group's offsets in one topic, or in all topics when topicName is empty. It is durable when
// RemoveOffsets returns nil.
func (s *Store) RemoveOffsets(ctx context.Context, groupName, topicName string) error {
	return s.change(ctx, func(ch *changes) error {
		g, ok := s.names.ID(name.Group, groupName)
		if !ok {
			return nil
		}
		if topicName == "" {
			s.pending.Drop(func(k offset.Key) bool { return k.Group == g })
			ch.add(state.Offset, offset.AppendRemoveGroup(nil, g))
			ch.add(state.Pop, pop.AppendForget(nil, g, 0))
			return nil
		}
		t, ok := s.names.ID(name.Topic, topicName)
		if !ok {
			return nil
		}
		s.pending.Drop(func(k offset.Key) bool { return k.Group == g && k.Topic == t })
		ch.add(state.Offset, offset.AppendRemovePair(nil, g, t))
		ch.add(state.Pop, pop.AppendForget(nil, g, t))
		return nil
	})
}

// ResetOffset sets a group's offset at an operator's wish: unlike CommitOffset it is durable when it returns nil. A group that pops the
// queue goes on at its end at the latest.
func (s *Store) ResetOffset(ctx context.Context, groupName string, q message.Queue, off message.QueueOffset) error {
	return s.change(ctx, func(ch *changes) error {
		t, ok := s.names.ID(name.Topic, q.Topic)
		if !ok {
			return fmt.Errorf("%w: %s", ErrNoTopic, q.Topic)
		}
		k := offset.Key{Group: ch.id(name.Group, groupName), Topic: t, Queue: q.ID}
		s.pending.Drop(func(other offset.Key) bool { return other == k })
		ch.add(state.Offset, offset.AppendCommit(nil, k, off))
		if _, popped := s.pops.Base(pop.Key(k)); popped {
			ch.add(state.Pop, pop.AppendReset(nil, pop.Key(k), min(off, s.endLocked(q)), s.nowMillis()))
		}
		return nil
	})
}

// offsetLoop writes what was committed, once per interval, until ctx ends.
func (s *Store) offsetLoop(ctx context.Context) {
	tick := time.NewTicker(s.opt.offsetEvery())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flushOffsets()
		case <-ctx.Done():
			return
		}
	}
}

// flushOffsets writes the pending commits, as many records as it takes, and waits for them: one change at a time, in
// turn with deletions and resets, whose order against the commits then is the order of the log.
func (s *Store) flushOffsets() {
	ctx, cancel := context.WithTimeout(context.Background(), s.opt.SyncTimeout)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return
	}
	bodies := s.takeOffsets()
	if len(bodies) == 0 {
		return
	}
	err := s.appendBodies(ctx, bodies)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.pending.Failed()
		if s.troubles.Upkeep(upkeepOffsets) {
			s.opt.Logger.Error("consumer offsets could not be written; they are tried again", "error", err)
		}
		return
	}
	s.pending.Landed()
}

func (s *Store) takeOffsets() [][]byte {
	bodies := state.Bodies{Limit: s.maxBody()}
	var buf []byte
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending.Take(func(k offset.Key, off message.QueueOffset) {
		buf = offset.AppendCommit(buf[:0], k, off)
		bodies.Add(state.Offset, buf)
	})
	return bodies.Close()
}

// appendBodies appends state records and waits for the last one.
func (s *Store) appendBodies(ctx context.Context, bodies [][]byte) error {
	var last *waiter
	for _, body := range bodies {
		last = newWaiter()
		if err := s.appendState(body, last); err != nil {
			return err
		}
	}
	s.log.Kick()
	_, err := last.wait(ctx)
	return err
}
