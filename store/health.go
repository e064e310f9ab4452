package store

import "errors"

// Err returns what keeps the store from taking messages: a failed sync, for which a new Open helps, or a full disk.
func (s *Store) Err() error {
	err := s.log.Err()
	if full := s.full.Load(); full != nil {
		err = errors.Join(err, full)
	}
	return err
}
