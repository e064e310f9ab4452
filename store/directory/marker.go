package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// MarkerFile tells whether Apache has had the directory since Aerobee had it. It is JSON, replaced whole.
const MarkerFile = "marker"

// Marker is what the file says.
//
// The order of its writing against the file abort makes every crash readable: at Open abort comes first, then "open"; at
// Close come the tables, then "closed", then abort goes. So "open" without an abort of ours, and "closed" with what no
// longer fits, mean that Apache has had the directory; "importing" means that an import has begun and not ended.
type Marker struct {
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

// The states of a Marker.
const (
	MarkerOpen      = "open"
	MarkerClosed    = "closed"
	MarkerImporting = "importing"

	// abortSuffix follows the process id in the file abort of an Aerobee store. Apache writes the id alone.
	abortSuffix = " aerobee"
)

// ReadMarker reads the file; ok is false if there is none.
func ReadMarker(fs vfs.FS, dir string) (m Marker, ok bool, err error) {
	path := fs.PathJoin(dir, MarkerFile)
	text, err := ReadText(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err == nil && m.State != MarkerOpen && m.State != MarkerClosed && m.State != MarkerImporting {
		err = fmt.Errorf("state %q is unknown", m.State)
	}
	if err != nil {
		return m, false, fmt.Errorf("%s: %w", path, err)
	}
	return m, true, nil
}

// Write replaces the file.
func (m Marker) Write(fs vfs.FS, dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	err = WriteText(fs, dir, MarkerFile, string(b))
	if errors.Is(err, syscall.ENOSPC) {
		if old, readErr := ReadText(fs, fs.PathJoin(dir, MarkerFile)); readErr == nil && old == string(b) {
			return nil // a full disk, and what it holds says so already
		}
	}
	return err
}

// LogGoesOn reports whether the log holds anything behind the offset at which it ended, or has lost that place.
func LogGoesOn(fs vfs.FS, dir string, end message.LogOffset) (bool, error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if FirstSegment(fs, dir) > end {
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

// recordFrom reports whether a segment holds a record, or an end Marker, at the offset; a segment behind it, whether it
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

// AbortOf tells who left the file abort: nobody, Aerobee, or another broker.
func AbortOf(fs vfs.FS, dir string) (there, ours bool, err error) {
	text, err := ReadText(fs, fs.PathJoin(dir, AbortFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, false, nil
	}
	return err == nil, strings.HasSuffix(text, strings.TrimSpace(abortSuffix)), err
}
