package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// errEnough ends a dump that has printed what it was asked for.
var errEnough = errors.New("enough")

// Dump prints the records of a store directory that nobody has open, one line each, from a log offset on (a record need
// not begin there) and at most max of them (0 for all). State records are printed with the sizes of what they say.
func Dump(fs vfs.FS, dir string, w io.Writer, from message.LogOffset, max int) error {
	if _, err := fs.Stat(fs.PathJoin(dir, logDir)); err != nil {
		return fmt.Errorf("dump %s: it holds no commit log: %w", dir, err)
	}
	unlock, err := lockDir(fs, dir)
	if err != nil {
		return err
	}
	d := &dumper{w: bufio.NewWriter(w), from: from, left: max}
	err = walkLog(fs, fs.PathJoin(dir, logDir), d)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err = errors.Join(err, d.w.Flush(), unlock.Close()); err != nil {
		return fmt.Errorf("dump %s: %w", dir, err)
	}
	return nil
}

type dumper struct {
	w    *bufio.Writer
	from message.LogOffset
	left int // 0: no limit
}

func (d *dumper) segment(file string, base message.LogOffset, size int64) {
	if base+message.LogOffset(size) > d.from {
		fmt.Fprintf(d.w, "segment %s: %d bytes\n", file, size)
	}
}

func (d *dumper) end(_ string, at message.LogOffset, err error) {
	if at < d.from {
		return
	}
	if err != nil {
		fmt.Fprintf(d.w, "%d end: %v\n", at, err)
		return
	}
	fmt.Fprintf(d.w, "%d end\n", at)
}

func (d *dumper) record(_ string, at message.LogOffset, rec []byte) error {
	if at+message.LogOffset(len(rec)) <= d.from {
		return nil
	}
	r, err := message.ParseRecord(rec)
	if err != nil {
		fmt.Fprintf(d.w, "%d damaged, %d bytes: %v\n", at, len(rec), err)
		return d.count()
	}
	sound := ""
	if err := message.Check(rec); err != nil {
		sound = " DAMAGED: " + err.Error()
	}
	if isState(&r) {
		fmt.Fprintf(d.w, "%d state %d bytes, stored %d: %s%s\n", at, len(rec), r.StoreTime, describeState(r.Body), sound)
		return d.count()
	}
	fmt.Fprintf(d.w, "%d %s queue %d offset %d, %d bytes, body %d, stored %d", at, r.Topic, r.QueueID, r.QueueOffset, len(rec), len(r.Body), r.StoreTime)
	if r.PreparedOffset != 0 {
		fmt.Fprintf(d.w, ", completes %d", r.PreparedOffset)
	}
	for k, v := range r.Properties.All() {
		if string(k) != message.PropCRC {
			fmt.Fprintf(d.w, " %s=%q", k, v)
		}
	}
	fmt.Fprintf(d.w, "%s\n", sound)
	return d.count()
}

func (d *dumper) count() error {
	if d.left--; d.left == 0 {
		return errEnough
	}
	return nil
}

// describeState says how many changes of which kind a state record holds.
func describeState(body []byte) string {
	var counts [kindLimit]int
	var notes []string
	err := eachChange(body, func(k changeKind, p []byte) error {
		counts[k]++
		if k == kindBegin || k == kindEnd {
			at, _ := binary.Uvarint(p)
			notes = append(notes, fmt.Sprintf("%v of checkpoint %d", k, at))
		}
		return nil
	})
	for k, n := range counts {
		if n > 0 && changeKind(k) != kindBegin && changeKind(k) != kindEnd {
			notes = append(notes, fmt.Sprintf("%d %v", n, changeKind(k)))
		}
	}
	if err != nil {
		notes = append(notes, err.Error())
	}
	return strings.Join(notes, ", ")
}
