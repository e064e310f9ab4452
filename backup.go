package aerobee

import (
	"context"
	"io"
)

// backup writes a copy of the running store to w.
func (s *Server) backup(ctx context.Context, w io.Writer) error {
	if err := s.ready(); err != nil {
		return err
	}
	if s.store == nil {
		return errNoBroker
	}
	return s.store.Backup(ctx, w)
}
