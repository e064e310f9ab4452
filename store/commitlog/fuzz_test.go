package commitlog_test

import (
	"errors"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzRecovery opens a log of two segments of arbitrary bytes: it fails by name, or it is a working log whose records
// are all sound, which takes more of them and holds the same ones when it is opened again.
func FuzzRecovery(f *testing.F) {
	at := func(pos message.LogOffset, off message.QueueOffset) []byte {
		b := message.AppendRecord(nil, sized(300, "seed"))
		message.Seal(b, pos, off, 1000)
		return b
	}
	full := append(append(at(0, 0), at(300, 1)...), message.AppendBlank(nil, 1024-600)...)
	f.Add([]byte{}, []byte{}, false)
	f.Add(full, append(at(1024, 2), at(1324, 3)...), false)
	f.Add(full, at(1024, 7), true)
	f.Add(full[:450], at(1024, 2), false)
	f.Fuzz(func(t *testing.T, first, second []byte, foreign bool) {
		if len(first) > 1024 || len(second) > 1024 {
			return
		}
		fs := vfs.NewMem()
		if err := fs.MkdirAll("log", 0o755); err != nil {
			t.Fatal(err)
		}
		if len(first) > 0 {
			overwrite(t, fs, segmentPath(0), 0, append(first, make([]byte, 1024-len(first))...))
		}
		if len(second) > 0 {
			overwrite(t, fs, segmentPath(1024), 0, second)
		}
		o, m := bare(fs)
		o.SegmentSize, o.Foreign = 1024, foreign
		l, err := commitlog.Open(o)
		if err != nil {
			if !errors.Is(err, commitlog.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if err := put(t, l, m, newSink(), 1, sized(300, "new")); err != nil {
			t.Fatal(err)
		}
		want := m.log()
		if err := l.Scan(0, 0, message.Check); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		o, m = bare(fs)
		o.SegmentSize, o.Foreign = 1024, foreign
		if l, err = commitlog.Open(o); err != nil {
			t.Fatal(err)
		}
		if got := m.log(); len(got) != len(want) {
			t.Fatalf("%q, then %q", want, got)
		}
		_ = l.Close()
	})
}
