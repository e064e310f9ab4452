package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// opened notes that the store is open, and what was imported into it: its records are synced.
func (a *adoption) opened(s *Store) error {
	if a.mark.ImportedAt != 0 && s.log.Start() > a.mark.ImportedAt {
		a.mark.ImportedAt, a.mark.Delayed = 0, nil // nothing of Apache's is left
	}
	a.mark.State, a.tables, a.ends = directory.MarkerOpen, nil, nil
	return a.mark.Write(s.fs, s.opt.Dir)
}

// closed leaves the directory so that Apache can open it, and notes how it was left.
func (a *adoption) closed(s *Store, tables *apache.Tables, end message.LogOffset) error {
	err := tables.Write(s.fs, s.opt.Dir)
	if err == nil {
		a.mark.Tables, err = apache.Hashes(s.fs, s.opt.Dir)
	}
	if err != nil {
		return fmt.Errorf("leave Apache's tables: %w", err)
	}
	a.mark.State, a.mark.End = directory.MarkerClosed, end
	return a.mark.Write(s.fs, s.opt.Dir)
}

// fits reports whether log and tables are as the marker of a clean stop says.
func (a *adoption) fits(fs vfs.FS, dir string) (bool, error) {
	longer, err := directory.LogGoesOn(fs, directory.LogPath(fs, dir), a.mark.End)
	if err != nil || longer {
		return false, err
	}
	sums, err := apache.Hashes(fs, dir)
	if err != nil {
		return false, err
	}
	for name, sum := range sums {
		if was, known := a.mark.Tables[name]; known && was != sum { // an older version did not leave all tables
			return false, nil
		}
	}
	return true, nil // a table that is gone says nothing: Apache never removes one
}
