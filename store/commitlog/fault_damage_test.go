package commitlog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A flipped bit among records that were acknowledged is no torn tail, though nobody stopped the log cleanly.
func TestDamageInTheLastSegmentIsNoTornTail(t *testing.T) {
	fs := vfs.NewMem()
	now := time.UnixMilli(1000)
	o, m := bare(fs)
	o.SegmentSize, o.Now = 64<<10, func() time.Time { return now }
	l, s := open(t, o), newSink()
	for i := range 5 {
		now = now.Add(time.Millisecond)
		if err := put(t, l, m, s, uint64(i), sized(500, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(at int64, flush commitlog.FlushMode, records int, want string) {
		t.Helper()
		overwrite(t, fs, segmentPath(0), at, []byte{1})
		defer overwrite(t, fs, segmentPath(0), at, []byte{'.'})
		o, m := bare(fs)
		o.SegmentSize, o.Flush = 64<<10, flush
		l, err := commitlog.Open(o)
		if err == nil {
			err = l.Close()
		}
		if want == "" && (err != nil || len(m.log()) != records) {
			t.Errorf("damage at %d: %d records, %v; want %d", at, len(m.log()), err, records)
		}
		if want != "" && (!errors.Is(err, commitlog.ErrCorrupt) || !strings.Contains(err.Error(), want)) {
			t.Errorf("damage at %d: %v, want %q", at, err, want)
		}
	}
	const body = 300 // within a record
	f(0*500+body, commitlog.SyncFlush, 0, "00000000000000000000 at 0: record body fails its CRC")
	f(1*500+body, commitlog.SyncFlush, 0, "at 500: record body fails its CRC")
	f(2*500+body, commitlog.SyncFlush, 0, "behind it, from 1500 on")
	f(3*500+body, commitlog.SyncFlush, 3, "") // one group lies behind it, which may have been torn
}

// Under ASYNC_FLUSH a crash may leave any of the groups since the last sync.
func TestAsyncLogIsCutAtDamage(t *testing.T) {
	fs := vfs.NewMem()
	now := time.UnixMilli(1000)
	o, m := bare(fs)
	o.SegmentSize, o.Flush, o.Now = 64<<10, commitlog.AsyncFlush, func() time.Time { return now }
	l, s := open(t, o), newSink()
	for i := range 5 {
		now = now.Add(time.Millisecond)
		if err := put(t, l, m, s, uint64(i), sized(500, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, fs, segmentPath(0), 800, []byte{1})
	o, m = bare(fs)
	o.SegmentSize, o.Flush = 64<<10, commitlog.AsyncFlush
	open(t, o)
	if n := len(m.log()); n != 1 {
		t.Errorf("%d records before the damage, want 1", n)
	}
}
