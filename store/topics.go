package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Topic returns a topic's configuration; each light queue has one. Its attributes must not be changed.
func (s *Store) Topic(name string) (topic.Config, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.topics.Get(name)
	if ok {
		return *c, true
	}
	if light.Is(name) {
		return lightTopic(name), true
	}
	return topic.Config{}, false
}

// TopicBytes is Topic for a name that lies in a buffer. It allocates nothing; the configuration must not be changed.
func (s *Store) TopicBytes(name []byte) (*topic.Config, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics.GetBytes(name)
}

// TopicChanges counts the changes of topics in this process. What TopicBytes has found since the count was read holds as long
// as the count stays: a sender that asks for the same topic again and again need not wait for a lock.
func (s *Store) TopicChanges() uint64 { return s.topicChanges.Load() }

// Topics returns all configurations, sorted by name.
func (s *Store) Topics() []topic.Config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics.All()
}

// TopicsSince returns what has changed since the table of topics had a version, and the version that it has now. ok is false if that
// was too long ago to be known. The configurations must not be changed.
func (s *Store) TopicsSince(v topic.Version) (changed []*topic.Config, gone []string, now topic.Version, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	changed, gone, ok = s.topics.Since(v)
	return changed, gone, s.topics.Version(), ok
}

// TopicVersion is the version of the table of topics.
func (s *Store) TopicVersion() topic.Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics.Version()
}

// PutTopic makes a topic or changes its configuration. It is durable when PutTopic returns nil.
func (s *Store) PutTopic(ctx context.Context, c topic.Config) error {
	if c.Name == "" || c.Name == message.TopicState || light.Is(c.Name) {
		return fmt.Errorf("topic %q cannot be made: the name is reserved", c.Name)
	}
	return s.change(ctx, func(ch *changes) error {
		ch.id(name.Topic, c.Name)
		ch.add(state.Topic, topic.AppendPut(nil, &c, s.topics.Version().Next(s.nowMillis())))
		return nil
	})
}

// DeleteTopic removes a topic, its queues and all offsets in it; ErrNoTopic if there is none. It is durable when
// DeleteTopic returns nil. A topic that is made again under the name begins at queue offset 0.
func (s *Store) DeleteTopic(ctx context.Context, topicName string) error {
	if topicName == message.TopicSchedule || topicName == message.TopicState {
		return fmt.Errorf("topic %s cannot be deleted: the store needs it", topicName)
	}
	var dying *topicState
	err := s.change(ctx, func(ch *changes) error {
		id, ok := s.names.ID(name.Topic, topicName)
		if _, made := s.topics.Get(topicName); made {
			ch.add(state.Topic, topic.AppendDelete(nil, topicName, s.topics.Version().Next(s.nowMillis())))
		} else if !ok || !light.Is(topicName) {
			return fmt.Errorf("%w: %s", ErrNoTopic, topicName)
		}
		if !ok {
			return nil
		}
		if dying = s.topicLocked([]byte(topicName)); dying != nil {
			dying.dying = true
		}
		s.pending.Drop(func(k offset.Key) bool { return k.Topic == id })
		ch.add(state.Forget, binary.AppendUvarint(nil, uint64(id)))
		return nil
	})
	if err != nil && !underWay(err) && dying != nil && !errors.Is(err, ErrNoTopic) {
		s.mu.Lock()
		dying.dying = false
		s.mu.Unlock()
	}
	return err
}

// forgetLocked applies the end of a topic id.
func (s *Store) forgetLocked(payload []byte, at message.LogOffset) error {
	v, err := state.DecodeNumber(state.Forget, payload)
	if err != nil {
		return err
	}
	id := uint32(v)
	if text, ok := s.names.Name(name.Topic, id); ok {
		if _, had := s.byName[text]; had && light.Is(text) {
			s.lights--
		}
		delete(s.byName, text)
		s.queues = slices.DeleteFunc(s.queues, func(q *queueState) bool { return q.topic.id == id })
	}
	s.touch(state.Name, state.Offset, state.Pop, state.Queue)
	s.pending.Drop(func(k offset.Key) bool { return k.Topic == id }) // what was committed while this was on its way
	if err := s.names.Apply(name.AppendRetire(nil, name.Topic, id), at); err != nil {
		return err
	}
	if err := s.pops.Apply(pop.AppendForget(nil, 0, id), at); err != nil {
		return err
	}
	return s.offsets.Apply(offset.AppendRemoveTopic(nil, id), at)
}
