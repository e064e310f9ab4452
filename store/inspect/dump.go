package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
)

// errEnough ends a dump that has printed what it was asked for.
var errEnough = errors.New("enough")

// DumpLine is what [Dump] tells of one place of the log: a segment's beginning, a record, or where the records end.
type DumpLine struct {
	Kind   string              `json:"kind"` // segment, message, state, damaged or end
	At     message.LogOffset   `json:"at"`   // log offset
	Size   int64               `json:"size,omitempty"`
	File   string              `json:"file,omitempty"`
	Topic  string              `json:"topic,omitempty"`
	Queue  message.QueueID     `json:"queue"`
	Offset message.QueueOffset `json:"offset"`
	Body   int                 `json:"bodySize"`
	Stored message.StoreTime   `json:"stored,omitempty"`
	// Completes is the pending entry that the record completes, 0 for none.
	Completes  message.LogOffset `json:"completes,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	// Note says what a state record holds, or what is wrong.
	Note string `json:"note,omitempty"`
}

// String is the line as a person reads it.
func (d DumpLine) String() string {
	switch d.Kind {
	case "segment":
		return fmt.Sprintf("segment %s: %d bytes", d.File, d.Size)
	case "end":
		return strings.TrimRight(fmt.Sprintf("%d end: %s", d.At, d.Note), ": ")
	case "damaged":
		return fmt.Sprintf("%d damaged, %d bytes: %s", d.At, d.Size, d.Note)
	case "state":
		return fmt.Sprintf("%d state %d bytes, stored %d: %s", d.At, d.Size, d.Stored, d.Note)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s queue %d offset %d, %d bytes, body %d, stored %d", d.At, d.Topic, d.Queue, d.Offset, d.Size, d.Body, d.Stored)
	if d.Completes != 0 {
		fmt.Fprintf(&b, ", completes %d", d.Completes)
	}
	for _, k := range slices.Sorted(maps.Keys(d.Properties)) {
		fmt.Fprintf(&b, " %s=%q", k, d.Properties[k])
	}
	if d.Note != "" {
		b.WriteString(" " + d.Note)
	}
	return b.String()
}

// Dump tells of the records of a store directory that nobody has open, from a log offset on (a record need not begin
// there) and at most max of them (0 for all). An error of emit ends it and is returned.
func Dump(fs vfs.FS, dir string, from message.LogOffset, max int, emit func(DumpLine) error) error {
	log := directory.LogPath(fs, dir)
	if _, err := fs.Stat(log); err != nil {
		return fmt.Errorf("dump %s: it holds no commit log: %w", dir, err)
	}
	unlock, err := directory.Lock(fs, dir)
	if err != nil {
		return err
	}
	d := &dumper{emit: emit, from: from, left: max}
	err = errors.Join(directory.Walk(fs, log, d), d.failed)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err = errors.Join(err, unlock.Close()); err != nil {
		return fmt.Errorf("dump %s: %w", dir, err)
	}
	return nil
}

type dumper struct {
	emit   func(DumpLine) error
	from   message.LogOffset
	left   int   // 0: no limit
	failed error // of emit, where the walker cannot return it
}

func (d *dumper) Segment(file string, base message.LogOffset, size int64) {
	if base+message.LogOffset(size) > d.from && d.failed == nil {
		d.failed = d.emit(DumpLine{Kind: "segment", At: base, File: file, Size: size})
	}
}

func (d *dumper) End(file string, at message.LogOffset, err error) {
	if at < d.from || d.failed != nil {
		return
	}
	line := DumpLine{Kind: "end", At: at, File: file}
	if err != nil {
		line.Note = err.Error()
	}
	d.failed = d.emit(line)
}

func (d *dumper) Record(file string, at message.LogOffset, rec []byte) error {
	if at+message.LogOffset(len(rec)) <= d.from {
		return nil
	}
	line := DumpLine{Kind: "damaged", At: at, File: file, Size: int64(len(rec))}
	r, err := message.ParseRecord(rec)
	if err != nil {
		line.Note = err.Error()
		return d.count(line)
	}
	line.Kind, line.Stored = "message", r.StoreTime
	if err := message.Check(rec); err != nil {
		line.Note = "DAMAGED: " + err.Error()
	}
	if state.IsRecord(&r) {
		line.Kind = "state"
		line.Note = strings.TrimLeft(describeState(r.Body)+" "+line.Note, " ")
		return d.count(line)
	}
	line.Topic, line.Queue, line.Offset, line.Body, line.Completes = string(r.Topic), r.QueueID, r.QueueOffset, len(r.Body), r.PreparedOffset
	line.Properties = make(map[string]string)
	for k, v := range r.Properties.All() {
		if string(k) != message.PropCRC {
			line.Properties[string(k)] = string(v)
		}
	}
	return d.count(line)
}

func (d *dumper) count(line DumpLine) error {
	if err := errors.Join(d.failed, d.emit(line)); err != nil {
		return err
	}
	if d.left--; d.left == 0 {
		return errEnough
	}
	return nil
}

// describeState says how many changes of which kind a state record holds.
func describeState(body []byte) string {
	var counts [state.Limit]int
	var notes []string
	err := state.Each(body, func(k state.Kind, p []byte) error {
		counts[k]++
		if k == state.Begin || k == state.End {
			at, _ := binary.Uvarint(p)
			notes = append(notes, fmt.Sprintf("%v of checkpoint %d", k, at))
		}
		return nil
	})
	for k, n := range counts {
		if n > 0 && state.Kind(k) != state.Begin && state.Kind(k) != state.End {
			notes = append(notes, fmt.Sprintf("%d %v", n, state.Kind(k)))
		}
	}
	if err != nil {
		notes = append(notes, err.Error())
	}
	return strings.Join(notes, ", ")
}
