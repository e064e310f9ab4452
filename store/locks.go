package store

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
)

// Lock takes or renews queue locks for a client of a group and returns those that it holds now. A new owner is in the
// log before Lock returns; a renewal costs no record.
func (s *Store) Lock(groupName, client string, qs []message.Queue) []message.Queue {
	var held []message.Queue
	err := s.lockChange(func() (change []byte) {
		held, change = s.locks.Lock(nil, groupName, client, qs, s.nowMillis())
		return change
	})
	if err != nil {
		s.opt.Logger.Error("queue locks could not be written; none is granted", "group", groupName, "client", client, "error", err)
		return nil
	}
	return held
}

// Unlock frees those of the queues that the client holds.
func (s *Store) Unlock(groupName, client string, qs []message.Queue) {
	err := s.lockChange(func() []byte { return s.locks.Unlock(nil, groupName, client, qs) })
	if err != nil {
		s.opt.Logger.Error("queue unlocks could not be written; after a restart the locks last until they expire",
			"group", groupName, "client", client, "error", err)
	}
}

// LocksHeld reports whether a group holds any lock that has not expired, and so consumes in order.
func (s *Store) LocksHeld(groupName string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locks.Held(groupName, s.nowMillis())
}

// lockChange asks the lock machine and appends what has changed while s.mu is held, so that the changes stand in the log
// in the order in which the machine decided them. It does not wait for the sync: a lock that a power cut takes back costs
// a redelivery at most.
func (s *Store) lockChange(decide func() []byte) error {
	s.mu.Lock()
	change := decide()
	var err error
	if len(change) > 0 {
		err = s.appendState(appendChange(nil, kindLock, change), nobody{})
	}
	s.mu.Unlock()
	if len(change) > 0 && err == nil {
		s.log.Kick()
	}
	return err
}

// sweepLocks writes what nobody holds any more, so that dead owners do not stay in every checkpoint.
func (s *Store) sweepLocks(ctx context.Context) error {
	return s.change(ctx, func(ch *changes) error {
		for _, change := range s.locks.Sweep(s.nowMillis()) {
			ch.add(kindLock, change)
		}
		return nil
	})
}
