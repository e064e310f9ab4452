package directory

import (
	"errors"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// WalkFrom hands every valid record of a log that nobody has open to visit, from the segment on that holds the offset,
// until the log's end: the first record that is none. visit's record is valid until it returns; its error ends the walk.
func WalkFrom(fs vfs.FS, dir string, from message.LogOffset, visit func(*message.Record) error) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	v := visitor{visit: visit}
	for _, n := range names {
		base, err := strconv.ParseInt(n, 10, 64)
		if err != nil || len(n) != 20 {
			continue
		}
		path := fs.PathJoin(dir, n)
		info, err := fs.Stat(path)
		if err != nil {
			return err
		}
		if base+info.Size() <= int64(from) {
			continue
		}
		if err := walkSegment(fs, path, n, &v); err != nil && !errors.Is(err, errLogEnds) {
			return err
		}
		if v.ended {
			return nil
		}
	}
	return nil
}

// errLogEnds ends the walk at what is no record.
var errLogEnds = errors.New("the log ends")

// visitor is the walker of WalkFrom.
type visitor struct {
	visit func(*message.Record) error
	ended bool
}

func (v *visitor) Segment(string, message.LogOffset, int64) {}

func (v *visitor) Record(_ string, at message.LogOffset, rec []byte) error {
	r, err := message.ParseChecked(rec)
	if err != nil || r.LogOffset != at {
		v.ended = true
		return errLogEnds
	}
	return v.visit(&r)
}

func (v *visitor) End(string, message.LogOffset, error) { v.ended = true }
