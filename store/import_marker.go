package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/apache"
)

// markerFile tells whether Apache has had the directory since Aerobee had it. It is JSON, replaced whole.
const markerFile = "marker"

// marker is what the file says.
//
// The order of its writing against the file abort makes every crash readable: at Open abort comes first, then "open"; at
// Close come the tables, then "closed", then abort goes. So "open" without an abort of ours, and "closed" with what no
// longer fits, mean that Apache has had the directory; "importing" means that an import has begun and not ended.
type marker struct {
	State string `json:"state"` // "open", "closed", "importing"
	// End is where the log ended at the last clean stop, Tables what the tables hashed to.
	End    message.LogOffset `json:"end"`
	Tables map[string]string `json:"tables,omitempty"`
	// ImportedAt is where the last import's state records begin: all records of Apache's lie before. 0 if there was none.
	ImportedAt message.LogOffset `json:"importedAt,omitempty"`
	// Delayed tells, by level, up to which offset the last import took delayed messages as delivered.
	Delayed map[int]message.QueueOffset `json:"delayed,omitempty"`
	// Merge says that an import which has begun keeps what the tables do not mention.
	Merge bool `json:"merge,omitempty"`
}

const (
	markerOpen      = "open"
	markerClosed    = "closed"
	markerImporting = "importing"

	// abortSuffix follows the process id in the file abort of an Aerobee store. Apache writes the id alone.
	abortSuffix = " aerobee"
)

func readMarker(fs vfs.FS, dir string) (m marker, ok bool, err error) {
	path := fs.PathJoin(dir, markerFile)
	text, err := readText(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err == nil && m.State != markerOpen && m.State != markerClosed && m.State != markerImporting {
		err = fmt.Errorf("state %q is unknown", m.State)
	}
	if err != nil {
		return m, false, fmt.Errorf("%s: %w", path, err)
	}
	return m, true, nil
}

func (m marker) write(fs vfs.FS, dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return writeText(fs, dir, markerFile, string(b))
}

// opened notes that the store is open, and what was imported into it: its records are synced.
func (a *adoption) opened(s *Store) error {
	if a.mark.ImportedAt != 0 && s.log.Start() > a.mark.ImportedAt {
		a.mark.ImportedAt, a.mark.Delayed = 0, nil // nothing of Apache's is left
	}
	a.mark.State, a.tables, a.ends = markerOpen, nil, nil
	return a.mark.write(s.fs, s.opt.Dir)
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
	a.mark.State, a.mark.End = markerClosed, end
	return a.mark.write(s.fs, s.opt.Dir)
}

// fits reports whether log and tables are as the marker of a clean stop says.
func (m *marker) fits(fs vfs.FS, dir string) (bool, error) {
	longer, err := logGoesOn(fs, logPath(fs, dir), m.End)
	if err != nil || longer {
		return false, err
	}
	sums, err := apache.Hashes(fs, dir)
	if err != nil {
		return false, err
	}
	for name, sum := range sums {
		if m.Tables[name] != sum {
			return false, nil
		}
	}
	return true, nil // a table that is gone says nothing: Apache never removes one
}

// logGoesOn reports whether the log holds anything behind the offset at which it ended, or has lost that place.
func logGoesOn(fs vfs.FS, dir string, end message.LogOffset) (bool, error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if firstSegment(fs, dir) > end {
		return true, nil
	}
	for _, n := range names {
		base, err := strconv.ParseInt(n, 10, 64)
		if err != nil || len(n) != 20 {
			continue
		}
		if longer, err := recordFrom(fs, fs.PathJoin(dir, n), base, int64(end)); err != nil || longer {
			return longer, err
		}
	}
	return false, nil
}

// recordFrom reports whether a segment holds a record, or an end marker, at the offset; a segment behind it, whether it
// begins with a record.
func recordFrom(fs vfs.FS, path string, base, at int64) (there bool, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || base+info.Size() < at+message.BlankSize && base <= at || info.Size() < message.BlankSize {
		return false, err
	}
	var head [message.BlankSize]byte
	if _, err := f.ReadAt(head[:], max(0, at-base)); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	_, _, err = message.PeekSize(head[:])
	return err == nil, nil
}

// abortOf tells who left the file abort: nobody, Aerobee, or another broker.
func abortOf(fs vfs.FS, dir string) (there, ours bool, err error) {
	text, err := readText(fs, fs.PathJoin(dir, abortFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, false, nil
	}
	return err == nil, strings.HasSuffix(text, strings.TrimSpace(abortSuffix)), err
}
