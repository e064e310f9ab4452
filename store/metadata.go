package store

import (
	"context"

	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Users calls read with the users and their lists. The table must not be kept; what it hands out may be, and must not be changed.
func (s *Store) Users(read func(t *user.Table)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	read(&s.users)
}

// ChangeUsers writes the changes that build makes of the table as it is, or none if build fails. They are durable when it returns nil.
func (s *Store) ChangeUsers(ctx context.Context, build func(t *user.Table) (made [][]byte, err error)) error {
	return s.change(ctx, func(ch *changes) error {
		made, err := build(&s.users)
		for _, one := range made {
			ch.add(state.User, one)
		}
		return err
	})
}

// EachRequestMode visits how groups read topics, where somebody has said.
func (s *Store) EachRequestMode(visit func(group, topic string, m pop.Mode)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.pops.EachMode(func(g, t uint32, m pop.Mode) {
		groupName, _ := s.names.Name(name.Group, g)
		if topicName, ok := s.names.Name(name.Topic, t); ok {
			visit(groupName, topicName, m)
		}
	})
}

// EachLight visits the light queues that there are.
func (s *Store) EachLight(visit func(queue string)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for text := range s.byName {
		if light.Is(text) {
			visit(text)
		}
	}
}
