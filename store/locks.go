package store

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Lock takes or renews queue locks for a client of a group and returns those that it holds now. It waits until a new
// owner is in the log, for at most SyncTimeout; a renewal costs no record and waits for nothing.
func (s *Store) Lock(groupName, client string, qs []message.Queue) []message.Queue {
	var held []message.Queue
	w := newWaiter()
	appended, err := s.lockChange(w, func() (change []byte) {
		held, change = s.locks.Lock(nil, groupName, client, qs, s.steadyMillis())
		return change
	})
	if appended {
		// Kick alone would not do: while another group is on its way to the disk, this one has not even been written.
		ctx, cancel := context.WithTimeout(context.Background(), s.opt.SyncTimeout)
		defer cancel()
		if _, err = w.wait(ctx); errors.Is(err, commitlog.ErrFlushTimeout) {
			err = nil // it is written: only a power cut can take it back, and that costs a redelivery at most
		}
	}
	if err != nil {
		s.opt.Logger.Error("queue locks could not be written; none is granted", "group", groupName, "client", client, "error", err)
		return nil
	}
	return held
}

// Unlock frees those of the queues that the client holds. It waits for nothing: a lock that a crash brings back expires.
func (s *Store) Unlock(groupName, client string, qs []message.Queue) {
	_, err := s.lockChange(nobody{}, func() []byte { return s.locks.Unlock(nil, groupName, client, qs) })
	if err != nil {
		s.opt.Logger.Error("queue unlocks could not be written; after a restart the locks last until they expire",
			"group", groupName, "client", client, "error", err)
	}
}

// LocksHeld reports whether a group holds any lock that has not expired, and so consumes in order.
func (s *Store) LocksHeld(groupName string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locks.Held(groupName, s.steadyMillis())
}

// LockHolder is the client that holds a group's lock on a queue, and how many ms ago it renewed it; false if nobody does.
func (s *Store) LockHolder(groupName string, q message.Queue) (client string, ageMillis int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locks.Holder(groupName, q, s.steadyMillis())
}

// lockChange asks the lock machine and appends what has changed while s.mu is held, so that the changes stand in the log
// in the order in which the machine decided them. The sink hears of it if something was appended.
func (s *Store) lockChange(sink Sink, decide func() []byte) (appended bool, err error) {
	s.mu.Lock()
	change := decide()
	if len(change) > 0 {
		err = s.appendState(state.Append(nil, state.Lock, change), sink)
		appended = err == nil
	}
	s.mu.Unlock()
	if appended {
		s.log.Kick()
	}
	return appended, err
}

// sweepLocks writes what nobody holds any more, so that dead owners do not stay in every checkpoint.
func (s *Store) sweepLocks(ctx context.Context) error {
	return s.change(ctx, func(ch *changes) error {
		for _, change := range s.locks.Sweep(s.steadyMillis()) {
			ch.add(state.Lock, change)
		}
		return nil
	})
}
