package store

import "errors"

// Err returns what keeps the store from taking messages and needs its operator, nil if nothing does: a failed sync, after
// which only a new Open helps, or a full disk, which heals when there is room.
func (s *Store) Err() error {
	err := s.log.Err()
	if full := s.full.Load(); full != nil {
		err = errors.Join(err, full)
	}
	return err
}
