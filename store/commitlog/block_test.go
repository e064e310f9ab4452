package commitlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// Under SYNC_FLUSH the log writes whole blocks of at most 1 MiB, and no write changes a byte that is published: what a
// crash tears of it cannot lose anything. So it is when every 13th write fails, and what it left is zeroed.
func TestWritesAreWholeBlocksThatKeepWhatIsPublished(t *testing.T) {
	for _, size := range []int64{64 << 10, 4 << 20, 64<<10 + 1000} {
		for _, failing := range []bool{false, true} {
			t.Run(fmt.Sprintf("segments of %d, failing %t", size, failing), func(t *testing.T) { wholeBlocks(t, size, failing) })
		}
	}
}

func wholeBlocks(t *testing.T, size int64, failing bool) {
	mem := vfs.NewMem()
	var log atomic.Pointer[commitlog.Log]
	writes, errs := 0, 0
	fs := &fault{FS: mem, hook: func(op change) error {
		l := log.Load()
		if l == nil || op.op != "write" || len(op.data) == 1 { // one byte: the length of a new segment
			return nil
		}
		writes++
		end := op.off + int64(len(op.data))
		if op.off%4096 != 0 || end%4096 != 0 && end != size || len(op.data) > 1<<20 {
			t.Errorf("a write of %d bytes at %d of %s", len(op.data), op.off, op.path)
		}
		var base int64
		if _, err := fmt.Sscanf(op.path, "log/%d", &base); err != nil {
			t.Error(err)
		}
		if n := min(end, int64(l.Published())-base) - op.off; n > 0 {
			now := make([]byte, n)
			if _, err := op.file.ReadAt(now, op.off); err != nil || !bytes.Equal(now, op.data[:n]) {
				t.Errorf("a write at %d of %s changes what is published, or %v", op.off, op.path, err)
			}
		}
		if failing && writes%13 == 0 {
			errs++
			part := op.data[:len(op.data)/512/2*512]
			if _, err := op.file.WriteAt(part, op.off); err != nil {
				return err
			}
			return fmt.Errorf("half of it: %w", syscall.EIO)
		}
		return nil
	}}
	m, s := newModel(), newSink()
	m.pad = 3000 // a checkpoint of more than one block
	o := options(fs, m)
	o.SegmentSize, o.TailBytes = size, -1
	l := open(t, o)
	log.Store(l)
	appendOK(t, l, m, s, 1000, "t", 1, "another queue")
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	want := map[uint64]string{}
	for token := uint64(0); token < 250; {
		if token > 120 && m.checkpoints > 0 { // once, in the middle of a block
			log.Store(nil)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			m = newModel()
			o.Follower = m
			l = open(t, o)
			log.Store(l)
			m.checkpoints, m.pad = -1000, 3000
		}
		for range 1 + rng.IntN(8) {
			body := strings.Repeat(string(rune('a'+token%26)), rng.IntN(int(size/8)))
			appendOK(t, l, m, s, token, "t", 0, body)
			want[token] = body
			token++
		}
		l.Kick()
	}
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	stored := 0
	for token, body := range want {
		if err := s.outcome(t, token); err != nil {
			if !failing || !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			continue
		}
		stored++
		got, err := l.Read(nil, []commitlog.Span{s.at[token]})
		if err != nil {
			t.Fatal(err)
		}
		if rec, err := message.ParseChecked(got); err != nil || string(rec.Body) != body {
			t.Fatalf("record %d came back as something else, %v", token, err)
		}
	}
	if stored < 100 || failing != (errs > 2) || len(l.Segments()) < 4 {
		t.Fatalf("%d records, %d failed writes, %d segments: the script has become too short", stored, errs, len(l.Segments()))
	}
	log.Store(nil)
}

// realDisk returns a file system with direct I/O and a directory in it.
func realDisk(t *testing.T) (vfs.FS, string) {
	t.Helper()
	dir := t.TempDir()
	name := vfs.Default.PathJoin(dir, "probe")
	f, err := directio.Open(vfs.Default, name, true)
	if err != nil {
		t.Skip("no direct I/O here: ", err)
	}
	b := directio.Buffer(directio.Align)
	_, err = f.WriteAt(b, 0)
	if err := errors.Join(f.Close(), vfs.Default.Remove(name)); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("no direct I/O here: ", err)
	}
	return vfs.Default, dir
}

// Some file systems take O_DIRECT and then refuse each write. The first refusal makes the log buffered, and loses nothing.
func TestRefusedDirectWriteMakesTheLogBuffered(t *testing.T) {
	disk, dir := realDisk(t)
	var refused atomic.Int64
	fs := &fault{FS: disk, hook: func(op change) error {
		if op.op == "write" && len(op.data) > 1 && refused.Add(1) == 1 {
			return fmt.Errorf("write: %w", syscall.EINVAL)
		}
		return nil
	}}
	m, s, out := newModel(), newSink(), &logtext.Buffer{}
	o := options(fs, m)
	o.Dir, o.Logger = dir, slog.New(slog.NewTextHandler(out, nil))
	l := open(t, o)
	for i := range uint64(100) {
		appendOK(t, l, m, s, i, "t", 0, fmt.Sprintf("body %d", i))
		l.Kick()
		if err := s.outcome(t, i); err != nil {
			t.Fatal(err)
		}
	}
	if n := out.Count("uses the page cache"); n != 1 || refused.Load() < 100 {
		t.Fatalf("told %d times, %d writes", n, refused.Load())
	}
	m2 := newModel()
	o2 := options(disk, m2)
	o2.Dir = dir
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, o2)
	if got := m2.log(); len(got) != 100 {
		t.Fatalf("%d records replayed", len(got))
	}
}

// A log written past the page cache, then through it, and back, reads the same both ways.
func TestDirectAndBufferedTakeTurns(t *testing.T) {
	disk, dir := realDisk(t)
	var spans []commitlog.Span
	var want []string
	for turn := range 6 {
		m, s := newModel(), newSink()
		o := options(disk, m)
		o.Dir, o.SegmentSize, o.Buffered, o.FillWindow = dir, 128<<10, turn%2 == 1, 16<<10
		if turn == 4 {
			o.Flush = commitlog.AsyncFlush
		}
		l := open(t, o)
		for i := range uint64(40) {
			body := strings.Repeat(fmt.Sprintf("%d.%d ", turn, i), int(i)*50)
			appendOK(t, l, m, s, i, "t", 0, body)
			l.Kick()
			want = append(want, body)
		}
		if err := l.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i := range uint64(40) {
			spans = append(spans, s.at[i])
		}
		for i, span := range spans {
			got, err := l.Read(nil, []commitlog.Span{span})
			if err != nil {
				t.Fatal(err)
			}
			if rec, err := message.ParseChecked(got); err != nil || string(rec.Body) != want[i] {
				t.Fatalf("turn %d: record %d came back as something else, %v", turn, i, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
