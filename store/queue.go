package store

import (
	"fmt"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// topicState is what the store keeps of a topic id: a topic that is deleted and made again gets another one.
type topicState struct {
	id     uint32
	name   string
	delay  bool          // its records wait for their time, see timer.Times
	half   bool          // its records wait for their transaction's end, see message.TopicHalf
	dying  bool          // guarded by Store.mu: its deletion is on its way to the log, nothing may be put behind it
	queues []*queueState // guarded by Store.mu; by queue id, nil where nothing was put yet
}

// queueState is one queue. It is the owner of its commitlog.Queue.
type queueState struct {
	topic *topicState
	id    message.QueueID
	log   *commitlog.Queue
	// next is behind the last message that is indexed and so visible. It trails log.Next by the time that Apply takes.
	next atomic.Int64
	// least is the minimum offset when somebody last asked for it. It may be out of date, never too high.
	least atomic.Int64
}

func (q *queueState) key() index.Queue { return index.Queue{Topic: q.topic.id, ID: int32(q.id)} }

func newQueueState(t *topicState, id message.QueueID, next message.QueueOffset) *queueState {
	q := &queueState{topic: t, id: id}
	q.log = commitlog.NewQueue(q, next)
	q.next.Store(int64(next))
	return q
}

// topicLocked finds a topic by name, or makes its state when the name has an id. s.mu is held for writing.
func (s *Store) topicLocked(topic []byte) *topicState {
	if t, ok := s.byName[string(topic)]; ok {
		return t
	}
	id, ok := s.names.IDBytes(name.Topic, topic)
	if !ok {
		return nil
	}
	t := &topicState{id: id, name: string(topic), delay: waits(topic), half: string(topic) == message.TopicHalf}
	s.byName[t.name] = t
	if light.Is(t.name) {
		s.lights++
	}
	return t
}

// queueLocked finds or makes a queue. s.mu is held for writing.
func (s *Store) queueLocked(topic []byte, id message.QueueID) (*queueState, error) {
	t := s.topicLocked(topic)
	if t == nil || t.dying {
		return nil, fmt.Errorf("%w: %s", ErrNoTopic, topic)
	}
	if id < 0 || id >= state.MaxQueueID {
		return nil, fmt.Errorf("queue %d of topic %s: queue ids are 0 to %d", id, topic, state.MaxQueueID-1)
	}
	for int(id) >= len(t.queues) {
		t.queues = append(t.queues, nil)
	}
	if t.queues[id] == nil {
		t.queues[id] = newQueueState(t, id, 0)
		s.queues = append(s.queues, t.queues[id])
	}
	return t.queues[id], nil
}

// queueRLocked finds a queue that is there already. s.mu is held for reading.
func (s *Store) queueRLocked(topic []byte, id message.QueueID) *queueState {
	t, ok := s.byName[string(topic)]
	if !ok || t.dying || id < 0 || int(id) >= len(t.queues) {
		return nil
	}
	return t.queues[id]
}

// readable finds a queue for a reader; known says whether the topic exists, and the queue is nil when it never held
// anything.
func (s *Store) readable(q message.Queue) (qs *queueState, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, known := s.byName[q.Topic]
	if !known {
		_, known = s.names.ID(name.Topic, q.Topic)
		return nil, known
	}
	if q.ID < 0 || int(q.ID) >= len(t.queues) {
		return nil, true
	}
	return t.queues[q.ID], true
}

// endLocked is MaxOffset with s.mu held, for reading at least: nothing that the state says can be newer.
func (s *Store) endLocked(q message.Queue) message.QueueOffset {
	t := s.byName[q.Topic]
	if t == nil || q.ID < 0 || int(q.ID) >= len(t.queues) || t.queues[q.ID] == nil {
		return 0
	}
	return message.QueueOffset(t.queues[q.ID].next.Load())
}

// bounds returns the least offset that a queue still holds and the one behind its last message.
func (s *Store) bounds(qs *queueState) (least, next message.QueueOffset) {
	next = message.QueueOffset(qs.next.Load())
	least, indexed := s.ix.Bounds(qs.key())
	if indexed == 0 && least == 0 {
		least = next // nothing of it is left
	}
	least = min(least, next)
	qs.least.Store(int64(least))
	return least, next
}

// MinOffset is the offset of the queue's oldest message; it equals MaxOffset when there is none, and is 0 for a queue
// that never held one.
func (s *Store) MinOffset(q message.Queue) message.QueueOffset {
	qs, _ := s.readable(q)
	if qs == nil {
		return 0
	}
	least, _ := s.bounds(qs)
	return least
}

// MaxOffset is the offset behind the queue's newest visible message.
func (s *Store) MaxOffset(q message.Queue) message.QueueOffset {
	qs, _ := s.readable(q)
	if qs == nil {
		return 0
	}
	return message.QueueOffset(qs.next.Load())
}
