package commitlog_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What was derived up to the last record of a segment is not ahead of the log when the segment has got its end marker since.
func TestReplayFromBehindASegmentsLastRecord(t *testing.T) {
	fs := vfs.NewMem()
	o, m := bare(fs)
	l, s := open(t, o), newSink()
	const size, perSegment = 500, 8 // of 4096 bytes, with 96 for the end marker
	for i := range 10 {
		if err := put(t, l, m, s, uint64(i), sized(size, "x")); err != nil {
			t.Fatal(err)
		}
	}
	end := l.Published()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if list := l.Segments(); len(list) < 2 || end <= 4096 {
		t.Fatalf("%d segments up to %d: the first one is not full", len(list), end)
	}
	for _, from := range []message.LogOffset{perSegment * size, 4096} { // behind the record, behind the marker
		o, m := bare(fs)
		m.queue("t", 0).Restore(perSegment)
		o.ReplayPrev, o.ReplayFrom = (perSegment-1)*size, from
		l, err := commitlog.Open(o)
		if err != nil {
			t.Errorf("from %d: %v", from, err)
			continue
		}
		if got := len(m.log()); got != 2 || l.Published() != end {
			t.Errorf("from %d: %d records up to %d, want 2 up to %d", from, got, l.Published(), end)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
