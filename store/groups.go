package store

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Group returns a group's configuration. What it refers to must not be changed.
func (s *Store) Group(name string) (group.Config, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.groups.Get(name)
	if ok {
		return *c, true
	}
	if light.Is(name) {
		return lightGroup(name), true
	}
	return group.Config{}, false
}

// GroupBytes is Group for a name that lies in a buffer. It allocates nothing; the configuration must not be changed.
func (s *Store) GroupBytes(name []byte) (*group.Config, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups.GetBytes(name)
}

// Groups returns all configurations, sorted by name.
func (s *Store) Groups() []group.Config {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups.All()
}

// GroupVersion is the version of the table of groups.
func (s *Store) GroupVersion() group.Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups.Version()
}

// PutGroup makes a group or changes its configuration. It is durable when PutGroup returns nil.
func (s *Store) PutGroup(ctx context.Context, c group.Config) error {
	if c.Name == "" {
		return errors.New("a group needs a name")
	}
	return s.change(ctx, func(ch *changes) error {
		ch.id(name.Group, c.Name)
		put, err := group.AppendPut(nil, &c, s.groups.Version().Next(s.nowMillis()))
		if err != nil {
			return err
		}
		ch.add(state.Group, put)
		return nil
	})
}

// DeleteGroup removes a group, and with cleanOffsets its offsets too. A group that does not exist is no error. It is
// durable when DeleteGroup returns nil.
func (s *Store) DeleteGroup(ctx context.Context, groupName string, cleanOffsets bool) error {
	return s.change(ctx, func(ch *changes) error {
		if _, ok := s.groups.Get(groupName); ok {
			ch.add(state.Group, group.AppendDelete(nil, groupName, s.groups.Version().Next(s.nowMillis())))
		}
		if id, ok := s.names.ID(name.Group, groupName); ok && cleanOffsets {
			s.pending.Drop(func(k offset.Key) bool { return k.Group == id })
			ch.add(state.Offset, offset.AppendRemoveGroup(nil, id))
			ch.add(state.Pop, pop.AppendForget(nil, id, 0))
		}
		return nil
	})
}

// Forbidden returns the bits that keep a group from doing something with a topic, 0 if nothing does.
func (s *Store) Forbidden(groupName, topicName string) int32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups.Forbidden(groupName, topicName)
}

// AllForbidden returns all forbidden bits, by group and topic.
func (s *Store) AllForbidden() map[string]map[string]int32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups.AllForbidden()
}

// SetForbidden sets what a group may not do with a topic; 0 allows everything. It is durable when it returns nil.
func (s *Store) SetForbidden(ctx context.Context, groupName, topicName string, bits int32) error {
	return s.change(ctx, func(ch *changes) error {
		ch.add(state.Group, group.AppendForbid(nil, groupName, topicName, bits, s.groups.Version().Next(s.nowMillis())))
		return nil
	})
}
