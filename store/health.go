package store

import (
	"encoding/binary"
	"errors"

	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
	"github.com/aerobee-mq/aerobee/store/trouble"
)

// Err returns what keeps the store from taking messages: a failed sync, for which a new Open helps, a disk that refuses
// writes, or a full one.
func (s *Store) Err() error {
	err := s.log.Err()
	if _, refusing := s.log.Refusing(); refusing != nil {
		err = errors.Join(err, refusing)
	}
	if full := s.full.Load(); full != nil {
		err = errors.Join(err, full)
	}
	return err
}

// probeLog writes a record that says nothing new, so that a log which the disk has refused learns that it can write again,
// and [Store.Err] with it, though nobody sends.
func (s *Store) probeLog() {
	body := state.Append(nil, state.Format, binary.AppendUvarint(nil, directory.FormatVersion))
	if s.appendState(body, nobody{}) == nil {
		s.log.Kick()
	}
}

// Troubles counts what went wrong below the store.
func (s *Store) Troubles() trouble.Report {
	r := s.troubles.Report(upkeep())
	r.LogFailed, r.CacheFailed = s.log.Err() != nil, s.cache.Err() != nil || s.homeless
	r.RefusedGroups, r.Refusing = s.log.Refusing()
	return r
}
