package commitlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var errDisk = errors.New("the disk says no")

// bare returns options for a log whose records begin at 0: no checkpoints.
func bare(fs vfs.FS) (commitlog.Options, *model) {
	m := newModel()
	m.noState = true
	return options(fs, m), m
}

// sized returns a record of exactly n bytes.
func sized(n int, text string) *message.Record {
	r := record("t", 0, "")
	r.StoreHost = host
	r.Body = append([]byte(text), bytes.Repeat([]byte("."), n-message.EncodedSize(r)-len(text))...)
	return r
}

func put(t *testing.T, l *commitlog.Log, m *model, s *sink, token uint64, r *message.Record) error {
	t.Helper()
	if err := l.Append(m.queue("t", 0), r, s, token); err != nil {
		return err
	}
	l.Kick()
	return s.outcome(t, token)
}

func overwrite(t *testing.T, fs vfs.FS, name string, off int64, b []byte) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func segmentPath(base int64) string { return path.Join("log", fmt.Sprintf("%020d", base)) }

// A record behind a torn one has offsets that would fit again once a record of the torn one's size is written.
func TestOldRecordDoesNotComeBackToLife(t *testing.T) {
	fs := vfs.NewMem()
	o, m := bare(fs)
	l, s := open(t, o), newSink()
	for i, text := range []string{"good", "torn", "survivor"} {
		if err := put(t, l, m, s, uint64(i), sized(500, text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, fs, segmentPath(0), 600, make([]byte, 300))
	o, m = bare(fs)
	l = open(t, o)
	if got := m.log(); len(got) != 1 {
		t.Fatalf("a torn record was replayed: %q", got)
	}
	if err := put(t, l, m, newSink(), 0, sized(500, "new")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o, m = bare(fs)
	open(t, o)
	if got := m.log(); len(got) != 2 || !strings.HasPrefix(got[1], "t/0@1 new") {
		t.Fatalf("replayed %q", got)
	}
}

func TestCorruptionInTheMiddleIsAnError(t *testing.T) {
	fs := vfs.NewMem()
	o, m := bare(fs)
	l, s := open(t, o), newSink()
	for i := range 20 {
		if err := put(t, l, m, s, uint64(i), sized(500, "x")); err != nil {
			t.Fatal(err)
		}
	}
	end := l.Published()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, fs, segmentPath(4096), 600, []byte{1, 2, 3})
	o, _ = bare(fs)
	_, err := commitlog.Open(o)
	if !errors.Is(err, commitlog.ErrCorrupt) || !strings.Contains(err.Error(), "00000000000000004096 at 4596") || !strings.Contains(err.Error(), "CRC") {
		t.Fatalf("corruption in the middle: %v", err)
	}
	overwrite(t, fs, segmentPath(4096), 600, []byte("..."))

	overwrite(t, fs, segmentPath(8192), 100, []byte{1, 2, 3})
	o, _ = bare(fs)
	o.CleanEnd = end
	if _, err = commitlog.Open(o); !errors.Is(err, commitlog.ErrCorrupt) || !strings.Contains(err.Error(), "it ends at 8192") {
		t.Fatalf("corruption in the last segment after a clean stop: %v", err)
	}
	o, m = bare(fs)
	l = open(t, o)
	if l.Published() != 8192 || len(m.log()) != 16 {
		t.Fatalf("a torn tail in the last segment: published %d, %d records", l.Published(), len(m.log()))
	}
}

func TestReplayAheadOfTheLogIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	o, m := bare(fs)
	o.ReplayFrom = 500
	if _, err := commitlog.Open(o); !errors.Is(err, commitlog.ErrAhead) {
		t.Fatalf("empty log: %v", err)
	}
	o.ReplayFrom = 0
	l, s := open(t, o), newSink()
	for i := range 3 {
		if err := put(t, l, m, s, uint64(i), sized(500, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(prev, from message.LogOffset, want error) {
		t.Helper()
		o, m := bare(fs)
		m.queue("t", 0).Restore(message.QueueOffset(from / 500))
		o.ReplayPrev, o.ReplayFrom = prev, from
		l, err := commitlog.Open(o)
		if !errors.Is(err, want) {
			t.Errorf("prev %d from %d: %v", prev, from, err)
		}
		if err == nil {
			if got := len(m.log()); got != 3-int(from/500) || l.Published() != 1500 {
				t.Errorf("prev %d from %d: %d records up to %d", prev, from, got, l.Published())
			}
			_ = l.Close()
		}
	}
	f(0, 500, nil)
	f(500, 1000, nil)
	f(1000, 1500, nil)
	f(500, 1500, commitlog.ErrAhead)
	f(1500, 2000, commitlog.ErrAhead)
	f(0, 4096, commitlog.ErrAhead) // the reserve
}

func TestFailedWriteRefusesItsGroupAndGivesOffsetsBack(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var broken atomic.Bool
	fs := &fault{FS: mem, hook: func(op change) error {
		if op.op == "write" && len(op.data) > 600 && broken.Load() && op.data[504] == 0xDA { // the group, not zeros
			if _, err := op.file.WriteAt(op.data[:1000], op.off); err != nil { // half of the group arrives
				return err
			}
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}
		return nil
	}}
	o, m := bare(fs)
	l, s := open(t, o), newSink()
	if err := put(t, l, m, s, 0, sized(500, "a")); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := l.Append(m.queue("t", 0), sized(500, "refused 1"), s, 1); err != nil {
		t.Fatal(err)
	}
	if err := put(t, l, m, s, 2, sized(500, "refused 2")); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "at 500") {
		t.Fatalf("a failed write was answered with %v", err)
	}
	if err := s.outcome(t, 1); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	m2 := newModel()
	open(t, options(mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}), m2))
	if got := m2.log(); len(got) != 1 {
		t.Fatalf("a refused record came to life: %q", got)
	}
	broken.Store(false)
	if err := put(t, l, m, s, 3, sized(700, "b")); err != nil || s.offset[3] != 1 || s.at[3].At != 500 {
		t.Fatalf("after the write error: %v, queue offset %d, log offset %d", err, s.offset[3], s.at[3].At)
	}
}

func TestZeroingIsTriedAgainBeforeTheNextWrite(t *testing.T) {
	var broken atomic.Bool
	mem := vfs.NewMem()
	fs := &fault{FS: mem, hook: func(op change) error {
		if op.op != "write" || !broken.Load() {
			return nil
		}
		if len(op.data) > 4 && op.data[4] == 0xDA { // else the background makes a segment
			_, err := op.file.WriteAt(op.data, op.off) // all of it arrives, and yet
			return errors.Join(err, errDisk)
		}
		return errDisk
	}}
	o, m := bare(fs)
	l, s := open(t, o), newSink()
	broken.Store(true)
	for i := range 2 {
		if err := put(t, l, m, s, uint64(i), sized(500, "refused")); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	broken.Store(false)
	if err := put(t, l, m, s, 2, sized(200, "taken")); err != nil {
		t.Fatal(err)
	}
	f, err := mem.Open(segmentPath(0))
	if err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, 600)
	if _, err := f.ReadAt(rest, 200); err != nil || slices.Max(rest) != 0 {
		t.Fatalf("behind the record lies %q, %v", rest, err)
	}
	_ = f.Close()
}

// A log that is closed while what a failed write left is still there is not closed in good order: the next start must look at its end.
func TestCloseZeroesOrSaysSo(t *testing.T) {
	for _, heals := range []bool{true, false} {
		mem := vfs.NewCrashableMem()
		var broken atomic.Bool
		fs := &fault{FS: mem, hook: func(op change) error {
			if op.op == "write" && broken.Load() {
				return errDisk
			}
			return nil
		}}
		o, m := bare(fs)
		l, err := commitlog.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		broken.Store(true)
		if err := put(t, l, m, newSink(), 0, sized(500, "refused")); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		broken.Store(!heals)
		if err := l.Close(); (err == nil) != heals || err != nil && !errors.Is(err, errDisk) {
			t.Errorf("closed with what was refused still there, the disk heals: %v: %v", heals, err)
		}
	}
}

func TestFailedSyncStopsTheLog(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var syncs, broken atomic.Int32
	fs := &fault{FS: mem, hook: func(op change) error {
		if op.op == "sync" && op.path == segmentPath(0) && broken.Load() > 0 {
			syncs.Add(1)
			return errDisk
		}
		return nil
	}}
	o, m := bare(fs)
	o.FS = fs
	l, err := commitlog.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	if err := put(t, l, m, s, 0, sized(500, "durable")); err != nil {
		t.Fatal(err)
	}
	broken.Store(1)
	if err := put(t, l, m, s, 1, sized(500, "unknown")); !errors.Is(err, commitlog.ErrFailed) || !errors.Is(err, errDisk) {
		t.Fatalf("a failed sync was answered with %v", err)
	}
	if err := l.Append(m.queue("t", 0), sized(500, "x"), s, 2); !errors.Is(err, commitlog.ErrFailed) || !errors.Is(err, errDisk) {
		t.Fatalf("appended after a failed sync: %v", err)
	}
	if err := l.Sync(t.Context()); !errors.Is(err, commitlog.ErrFailed) {
		t.Fatalf("synced after a failed sync: %v", err)
	}
	if err := l.Barrier(func(message.LogOffset) { t.Error("a barrier ran after a failed sync") }); !errors.Is(err, commitlog.ErrFailed) {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, commitlog.ErrFailed) {
		t.Fatalf("closed: %v", err)
	}
	if n := syncs.Load(); n != 1 {
		t.Fatalf("%d syncs were tried, a failed one must not be repeated", n)
	}
	if l.Published() != 500 || len(m.log()) != 1 || m.queue("t", 0).Next() != 1 {
		t.Fatalf("published %d, applied %q", l.Published(), m.log())
	}
}

func TestUncleanStopRewritesTheSpanSinceTheLastSync(t *testing.T) {
	mem := vfs.NewMem()
	o, m := bare(mem)
	l, s := open(t, o), newSink()
	for i := range 3 {
		if err := put(t, l, m, s, uint64(i), sized(500, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(cleanEnd message.LogOffset, want []string) {
		t.Helper()
		var got []string
		fs := &fault{FS: mem, hook: func(op change) error {
			if (op.op == "write" || op.op == "sync") && op.path == segmentPath(0) {
				got = append(got, fmt.Sprintf("%s %d+%d", op.op, op.off, len(op.data)))
			}
			return nil
		}}
		o, m := bare(fs)
		m.queue("t", 0).Restore(1)
		o.ReplayFrom, o.CleanEnd = 500, cleanEnd
		l := open(t, o)
		if !slices.Equal(got, want) {
			t.Errorf("clean end %d: %q, want %q", cleanEnd, got, want)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f(1500, nil)
	f(0, []string{"write 500+1000", "write 1500+2596", "sync 0+0"})
}

func TestNoRoomForASegmentRefusesAndHeals(t *testing.T) {
	var full atomic.Bool
	fs := &fault{FS: vfs.NewMem(), hook: func(op change) error {
		if op.op == "create" && full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}}
	full.Store(false)
	o, m := bare(fs)
	o.SegmentSize = 1024
	l, s := open(t, o), newSink()
	full.Store(true)
	var err error
	token := uint64(0)
	for ; err == nil && token < 10; token++ { // the reserve may or may not be there already
		err = put(t, l, m, s, token, sized(800, "x"))
	}
	if !errors.Is(err, commitlog.ErrFull) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "segment 0000000000000000") {
		t.Fatalf("without room: %v", err)
	}
	full.Store(false)
	if err := put(t, l, m, s, token, sized(800, "x")); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if got := s.offset[token]; got != message.QueueOffset(token-1) {
		t.Fatalf("queue offset %d after %d records", got, token-1)
	}
}

func TestSlowSyncIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		release := make(chan error)
		fs := &fault{FS: vfs.NewMem(), hook: func(op change) error {
			if op.op == "sync" && op.path == segmentPath(0) && slow.Load() {
				return <-release
			}
			return nil
		}}
		o, m := bare(fs)
		l, s := open(t, o), newSink()
		slow.Store(true)
		q := m.queue("t", 0)
		if err := l.Append(q, sized(500, "slow"), s, 1); err != nil {
			t.Fatal(err)
		}
		go l.Kick()
		time.Sleep(5*time.Second - time.Millisecond) // fake time
		synctest.Wait()
		if n, _, _ := s.answers(); n != 0 {
			t.Fatal("answered before the limit")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		_, flushes, _ := s.answers()
		if err := s.outcome(t, 1); !errors.Is(err, commitlog.ErrFlushTimeout) || flushes != 1 || s.at[1].Size != 500 {
			t.Fatalf("after the limit: %v, %d flushes, span %+v", err, flushes, s.at[1])
		}
		if l.Published() != 0 || q.Next() != 0 {
			t.Fatal("published before its sync")
		}
		slow.Store(false)
		release <- nil
		synctest.Wait()
		if _, flushes, twice := s.answers(); twice || l.Published() != 500 || len(m.log()) != 1 || flushes != 1 {
			t.Fatalf("after the sync: answered twice %v, published %d, applied %q, %d flushes", twice, l.Published(), m.log(), flushes)
		}
		if err := put(t, l, m, s, 2, sized(500, "fast")); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
