package store

import (
	"encoding/binary"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Checkpoint begins a segment with all state that is not messages, so that the segments before it can go: ids, topics,
// groups, offsets, locks, pending delayed messages, and where each queue's numbers go on. The changes stand between
// begin and end; only a checkpoint with both may become the log's beginning, see retain.go.
//
// The first checkpoint of all begins the log. It starts with the format version, so that no message lies at log offset 0
// and no pending entry has the handle 0, which field 14 uses for none.
func (f follower) Checkpoint(at message.LogOffset, put func(*message.Record, *commitlog.Queue) error) error {
	s := f.s
	for _, body := range s.checkpointBodies(at) {
		r := s.stateRecord(body)
		if err := put(&r, s.state.log); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkpointBodies(at message.LogOffset) [][]byte {
	b := state.Bodies{Limit: s.maxBody()}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b.Add(state.Format, binary.AppendUvarint(nil, directory.FormatVersion))
	b.Add(state.Begin, binary.AppendUvarint(nil, uint64(at)))
	for _, k := range state.Kinds() {
		s.snapshotKind(k, func(change []byte) { b.Add(k, change) })
	}
	next := s.names.Next(name.Topic)
	for _, topic := range []string{message.TopicSchedule, message.TopicWheel} {
		if _, ok := s.names.ID(name.Topic, topic); !ok {
			b.Add(state.Name, name.AppendAssign(nil, name.Topic, next, topic))
			next++
		}
	}
	b.Add(state.End, binary.AppendUvarint(nil, uint64(at)))
	return b.Close()
}

// snapshotKind emits the changes that rebuild one part of the state. s.mu is held; the emitted slice is reused.
func (s *Store) snapshotKind(k state.Kind, emit func(change []byte)) {
	switch k {
	case state.Name:
		s.names.Snapshot(emit)
	case state.Topic:
		s.topics.Snapshot(emit)
	case state.Group:
		s.groups.Snapshot(emit)
	case state.Offset:
		s.offsets.Snapshot(emit)
	case state.Lock:
		s.locks.Snapshot(emit)
	case state.Timer:
		s.timers.Snapshot(emit)
	case state.Transaction:
		s.halves.Snapshot(emit)
	case state.Pop:
		s.pops.Snapshot(emit)
	case state.User:
		s.users.Snapshot(emit)
	case state.Queue:
		emitBounds(s.queueBounds(nil), emit)
	}
}

// queueBounds appends the bounds of all queues that ever held a message. s.mu is held.
func (s *Store) queueBounds(dst []state.Bounds) []state.Bounds {
	dst = slices.Grow(dst, len(s.queues))
	var last *topicState
	known := false
	for _, q := range s.queues {
		if q.topic != last {
			last, known = q.topic, s.byName[q.topic.name] == q.topic
		}
		if !known {
			continue // an import has retired the topic
		}
		// The least offset as it was last known: to ask the index for 100,000 queues takes seconds, for which commits
		// would wait, and replay finds the true one in any case.
		if next := message.QueueOffset(q.next.Load()); next > 0 {
			dst = append(dst, state.Bounds{Topic: q.topic.id, Queue: q.id, Min: min(message.QueueOffset(q.least.Load()), next), Next: next})
		}
	}
	return dst
}

func emitBounds(queues []state.Bounds, emit func(change []byte)) {
	var buf []byte
	for _, b := range queues {
		buf = state.AppendBounds(buf[:0], b)
		emit(buf)
	}
}
