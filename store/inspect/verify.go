package inspect

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Problem is one thing that is wrong in a store's directory.
type Problem struct {
	File string            `json:"file"`
	At   message.LogOffset `json:"at"` // log offset
	What string            `json:"what"`
}

// String is the problem as one line.
func (p Problem) String() string { return fmt.Sprintf("%s at log offset %d: %s", p.File, p.At, p.What) }

// VerifyReport counts what a store's directory holds.
type VerifyReport struct {
	Segments int   `json:"segments"`
	Records  int   `json:"records"` // messages and state records
	States   int   `json:"stateRecords"`
	Bytes    int64 `json:"bytes"`
	Blocks   int   `json:"blocks"`
	Problems int   `json:"problems"`
}

// Verify checks a store directory that nobody has open, without changing it: every record's frame and CRCs, that log
// offsets and queue offsets follow one another, that every segment begins with a whole checkpoint which agrees with the
// records before it, and the checksums of all index blocks. Each problem goes to found, with the file, the offset and the
// numbers. The error is not about problems: it says why the check could not be done.
func Verify(fs vfs.FS, dir string, found func(Problem)) (VerifyReport, error) {
	log := directory.LogPath(fs, dir)
	if _, err := fs.Stat(log); err != nil {
		return VerifyReport{}, fmt.Errorf("verify %s: it holds no commit log: %w", dir, err)
	}
	unlock, err := directory.Lock(fs, dir)
	if err != nil {
		return VerifyReport{}, err
	}
	v := &verifier{found: found, next: make(map[message.Queue]message.QueueOffset)}
	if _, err := directory.CheckFormat(fs, dir); err != nil {
		return VerifyReport{}, errors.Join(err, unlock.Close())
	}
	m, _, err := directory.ReadMarker(fs, dir)
	if err != nil {
		return VerifyReport{}, errors.Join(err, unlock.Close())
	}
	v.foreign = m.ImportedAt
	walked := directory.Walk(fs, log, v)
	if walked == nil {
		v.blocks(fs, fs.PathJoin(dir, directory.BlockDir), directory.FirstSegment(fs, log))
	}
	if err := errors.Join(walked, unlock.Close()); err != nil {
		return v.VerifyReport, fmt.Errorf("verify %s: %w", dir, err)
	}
	return v.VerifyReport, nil
}

type verifier struct {
	VerifyReport
	found   func(Problem)
	names   name.Table
	next    map[message.Queue]message.QueueOffset
	foreign message.LogOffset // what lies before was (also) written by Apache: segments begin as they like, queues have gaps
	whole   bool              // the segment's checkpoint has ended
	ended   string            // where the log ended, "" before
}

func (v *verifier) problem(file string, at message.LogOffset, format string, args ...any) {
	v.Problems++
	v.found(Problem{file, at, fmt.Sprintf(format, args...)})
}

func (v *verifier) Segment(string, message.LogOffset, int64) { v.Segments++; v.whole = false }

// end notes the log's end. Behind it lies at most a prepared segment, all zeros.
func (v *verifier) End(file string, at message.LogOffset, err error) {
	if v.ended == "" {
		v.ended = fmt.Sprintf("%s at %d", file, at)
	}
	if err != nil {
		v.problem(file, at, "the log ends here, but not in zeros: %v", err)
	}
}

func (v *verifier) Record(file string, at message.LogOffset, rec []byte) error {
	if v.ended != "" {
		v.problem(file, at, "a record lies behind the log's end in %s", v.ended)
		v.ended = ""
	}
	v.Records++
	v.Bytes += int64(len(rec))
	r, err := message.ParseRecord(rec)
	if err == nil {
		err = message.Check(rec)
	}
	if err != nil {
		v.problem(file, at, "%v", err)
		return nil
	}
	if r.LogOffset != at {
		v.problem(file, at, "the record says that it lies at %d", r.LogOffset)
	}
	if state.IsRecord(&r) {
		v.States++
		if err := state.Each(r.Body, func(k state.Kind, p []byte) error { return v.change(file, at, k, p) }); err != nil {
			v.problem(file, at, "state record: %v", err)
		}
		return nil
	}
	if !v.whole && at < v.foreign {
		v.whole = true
	}
	if !v.whole {
		v.problem(file, at, "a message stands before the end of the segment's checkpoint")
		v.whole = true
	}
	q := message.Queue{Topic: string(r.Topic), ID: r.QueueID}
	if want := v.next[q]; r.QueueOffset != want && at >= v.foreign {
		v.problem(file, at, "topic %s, queue %d: queue offset %d, expected %d", q.Topic, q.ID, r.QueueOffset, want)
	}
	v.next[q] = r.QueueOffset + 1
	for _, p := range light.Places(&r) {
		q = message.Queue{Topic: string(p.Name)}
		v.next[q] = max(v.next[q], p.Offset+1)
	}
	return nil
}

// change follows the names, because a deleted topic's queues begin anew, and compares a checkpoint's queues with what
// the records before it have said.
func (v *verifier) change(file string, at message.LogOffset, k state.Kind, p []byte) error {
	switch k {
	case state.Forget:
		id, err := state.DecodeNumber(k, p)
		if err != nil {
			return err
		}
		text, _ := v.names.Name(name.Topic, uint32(id))
		for q := range v.next {
			if q.Topic == text {
				delete(v.next, q)
			}
		}
		return v.names.Apply(name.AppendRetire(nil, name.Topic, uint32(id)), at)
	case state.Queue:
		b, err := state.DecodeBounds(p)
		if err != nil {
			return err
		}
		text, ok := v.names.Name(name.Topic, b.Topic)
		if !ok {
			return fmt.Errorf("queue %d belongs to topic id %d, which has no name", b.Queue, b.Topic)
		}
		q := message.Queue{Topic: text, ID: b.Queue}
		if have, ok := v.next[q]; ok && have != b.Next {
			v.problem(file, at, "the checkpoint says that topic %s, queue %d goes on at %d, the records say %d", text, b.Queue, b.Next, have)
		}
		v.next[q] = b.Next
	case state.End:
		v.whole = true
	case state.Name:
		return v.names.Apply(p, at)
	}
	return nil
}

// blocks opens the index over a view of its directory that cannot be written, with its own directory in memory.
func (v *verifier) blocks(fs vfs.FS, dir string, logStart message.LogOffset) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		v.problem(dir, logStart, "%v", err)
		return
	}
	c, err := cutdb.Open(vfs.NewMem(), "cache", slog.New(slog.DiscardHandler))
	if err != nil {
		v.problem(dir, logStart, "%v", err)
		return
	}
	unusable := &findings{}
	ix, err := index.Open(index.Options{
		FS: frozenFS{fs}, Dir: dir, DB: c.DB, Prefix: []byte{cutdb.IndexKey}, LogStart: logStart, Logger: slog.New(unusable),
	})
	if err != nil {
		v.problem(dir, logStart, "%v", errors.Join(err, c.Close()))
		return
	}
	err = ix.Verify()
	for _, line := range unusable.lines {
		v.problem(dir, logStart, "%s", line)
	}
	if err = errors.Join(err, ix.Close(), c.Close()); err != nil {
		v.problem(dir, logStart, "%v", err)
	}
	v.Blocks = len(slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, ".tmp") }))
}

// frozenFS reads and does not write: what the index would remove or make stays as it is.
type frozenFS struct{ vfs.FS }

// Remove does nothing.
func (frozenFS) Remove(string) error { return nil }

// MkdirAll does nothing.
func (frozenFS) MkdirAll(string, os.FileMode) error { return nil }

// Create refuses.
func (frozenFS) Create(path string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, fmt.Errorf("create %s: the store is only verified", path)
}
