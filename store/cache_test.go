package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// fill makes a store with topics, a group, offsets, locks, a delayed message and messages on both sides of a cut.
func fill(t *testing.T, o Options) *Store {
	t.Helper()
	s := openTest(t, o)
	mustTopic(t, s, "T", 2)
	if err := s.PutGroup(context.Background(), group.New("g")); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		mustPut(t, s, record("T", i%2, fmt.Sprint("m", i), message.PropKeys, fmt.Sprint("k", i)))
	}
	if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 7); err != nil {
		t.Fatal(err)
	}
	s.flushOffsets()
	s.Lock("g", "client", []message.Queue{{Topic: "T", ID: 1}})
	putDelayed(t, s, record("T", 0, "late"), 18)
	ask(t, s)
	for i := 20; i < 30; i++ {
		mustPut(t, s, record("T", i%2, fmt.Sprint("m", i)))
	}
	mustTopic(t, s, "U", 1)
	return s
}

// checkFilled looks for all that fill has put there.
func checkFilled(t *testing.T, s *Store) {
	t.Helper()
	if got, want := bodies(t, s, message.Queue{Topic: "T"}, 0), "m0 m2 m4 m6 m8 m10 m12 m14 m16 m18 m20 m22 m24 m26 m28"; got != want {
		t.Errorf("queue 0 holds %q, want %q", got, want)
	}
	if got, want := bodies(t, s, message.Queue{Topic: "T", ID: 1}, 12), "m25 m27 m29"; got != want {
		t.Errorf("queue 1 from 12 on holds %q, want %q", got, want)
	}
	if n := len(s.Topics()); n != 2 {
		t.Errorf("there are %d topics, want 2", n)
	}
	if _, ok := s.Group("g"); !ok {
		t.Error("the group is gone")
	}
	if off, ok := s.Offset("g", message.Queue{Topic: "T"}); !ok || off != 7 {
		t.Errorf("the offset is %d %v, want 7", off, ok)
	}
	if held := s.Lock("g", "other", []message.Queue{{Topic: "T", ID: 1}}); len(held) != 0 {
		t.Error("the lock is gone")
	}
	if n := s.Stats().PendingTimers; n != 1 {
		t.Errorf("%d delayed messages are pending, want 1", n)
	}
	_, n, _, _, err := s.Query(nil, "T", "k7", false, 10, 0, 1<<60)
	if err != nil || n != 1 {
		t.Errorf("query found %d messages, %v, want 1", n, err)
	}
}

func TestCacheMayBeThrownAwayAtAnyTime(t *testing.T) {
	f := func(name string, spoil func(t *testing.T, fs *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s := fill(t, testOptions(fs))
			after := synced(fs)
			abandon(s)
			spoil(t, after)
			s = openTest(t, testOptions(after))
			checkFilled(t, s)
			closeTest(t, s)
			s = openTest(t, testOptions(after))
			checkFilled(t, s)
			closeTest(t, s)
		})
	}
	f("untouched", func(*testing.T, *vfs.MemFS) {})
	f("cache missing", func(t *testing.T, fs *vfs.MemFS) { remove(t, fs, "store/cache") })
	f("blocks missing", func(t *testing.T, fs *vfs.MemFS) { remove(t, fs, "store/blocks") })
	f("cache and blocks missing", func(t *testing.T, fs *vfs.MemFS) {
		remove(t, fs, "store/cache")
		remove(t, fs, "store/blocks")
	})
	f("a damaged table", func(t *testing.T, fs *vfs.MemFS) { damage(t, fs, "store/cache", ".sst") })
	f("a damaged manifest", func(t *testing.T, fs *vfs.MemFS) { damage(t, fs, "store/cache", "MANIFEST") })
	f("a damaged block", func(t *testing.T, fs *vfs.MemFS) { damage(t, fs, "store/blocks", "") })
	f("a cut of another log", func(t *testing.T, fs *vfs.MemFS) { moveCut(t, fs, 100_000) })
	f("a cut between two records", func(t *testing.T, fs *vfs.MemFS) { moveCut(t, fs, 13) })
	f("a newer cache", func(t *testing.T, fs *vfs.MemFS) { setCut(t, fs, []byte{directory.FormatVersion + 1, 0, 0}) })
}

// TestACutOfFormat2IsTaken: after the raise of the format the log is not read from its beginning.
func TestACutOfFormat2IsTaken(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := fill(t, testOptions(fs))
	after := synced(fs)
	abandon(s)
	m := cutMark(t, after)
	setCut(t, after, binary.AppendUvarint(binary.AppendUvarint([]byte{2}, uint64(m.Applied)), uint64(m.Prev)))
	if err := directory.WriteText(after, "store", directory.FormatFile, "aerobee store format 2"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := testOptions(after)
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s = openTest(t, o)
	checkFilled(t, s)
	closeTest(t, s)
	if strings.Contains(log.String(), "thrown away") {
		t.Error(log.String())
	}
}

func remove(t *testing.T, fs vfs.FS, dir string) {
	t.Helper()
	if err := fs.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// damage turns the bytes in the middle of each file whose name holds part.
func damage(t *testing.T, fs *vfs.MemFS, dir, part string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if !strings.Contains(name, part) {
			continue
		}
		f, err := fs.OpenReadWrite(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0x5a
		}
		if _, err := f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n == 0 {
		t.Fatalf("no file in %s is called …%s…: %v", dir, part, names)
	}
}

func cutMark(t *testing.T, fs vfs.FS) cutdb.Mark {
	t.Helper()
	c, err := cutdb.Open(fs, "store/cache", testOptions(fs).withDefaults().Logger)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Mark()
	if err = errors.Join(err, c.Close()); err != nil || m.Applied == 0 {
		t.Fatalf("the cut mark is %+v, %v", m, err)
	}
	return m
}

func moveCut(t *testing.T, fs vfs.FS, by message.LogOffset) {
	t.Helper()
	m := cutMark(t, fs)
	c, err := cutdb.Open(fs, "store/cache", testOptions(fs).withDefaults().Logger)
	if err != nil {
		t.Fatal(err)
	}
	b := c.NewBatch()
	if err := errors.Join(cutdb.SetMark(b, cutdb.Mark{Applied: m.Applied + by, Prev: m.Prev + by}), b.Commit(pebble.NoSync), c.Flush(), c.Close()); err != nil {
		t.Fatal(err)
	}
}

func setCut(t *testing.T, fs vfs.FS, mark []byte) {
	t.Helper()
	c, err := cutdb.Open(fs, "store/cache", testOptions(fs).withDefaults().Logger)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Set([]byte{'m'}, mark, pebble.NoSync)
	if err := errors.Join(err, c.Flush(), c.Close()); err != nil {
		t.Fatal(err)
	}
}
