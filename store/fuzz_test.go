package store

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/inspect"
)

// fuzzed is a small store as a crash has left it, and the files in it that recovery reads.
func fuzzed(t testing.TB) (*vfs.MemFS, []string) {
	t.Helper()
	fs := vfs.NewCrashableMem()
	o := testOptions(fs)
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 2)
	for i := range 40 {
		mustPut(t, s, record("T", i%2, strings.Repeat("x", 40*i), message.PropKeys, "k"))
	}
	putDelayed(t, s, record("T", 0, "late"), 18)
	ask(t, s)
	mustPut(t, s, record("T", 1, "behind the cut"))
	after := synced(fs)
	abandon(s)
	var files []string
	for _, dir := range []string{"store", "store/commitlog", "store/blocks", "store/cache"} {
		names, err := after.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		for _, n := range names {
			if info, err := after.Stat(dir + "/" + n); err == nil && !info.IsDir() && info.Size() > 0 {
				files = append(files, dir+"/"+n)
			}
		}
	}
	return after, files
}

// FuzzOpen puts arbitrary bytes into any file of a store, or cuts it short there, and opens it: it is refused, or it is a store
// that gives sound messages, takes one more, and stops in a state that verifies.
func FuzzOpen(f *testing.F) {
	base, files := fuzzed(f)
	for i := range files {
		f.Add(uint8(i), uint32(0), []byte{0}, false)
		f.Add(uint8(i), uint32(100), []byte("aerobee"), false)
		f.Add(uint8(i), uint32(1000), []byte{}, true)
	}
	f.Fuzz(func(t *testing.T, file uint8, at uint32, put []byte, cut bool) {
		fs := synced(base)
		overwrite(t, fs, files[int(file)%len(files)], at, put, cut)
		o := testOptions(fs)
		o.SegmentSize = 64 << 10
		s, err := Open(o)
		if err != nil {
			return
		}
		for id := range message.QueueID(2) {
			q := message.Queue{Topic: "T", ID: id}
			got := 0
			_ = readAll(s, q, s.MinOffset(q), func(format string, args ...any) { got++ })
			_ = got // damage may have a name; a panic has none
		}
		_, putErr := s.PutWait(context.Background(), record("T", 0, "more"))
		if err := s.Close(); err != nil || putErr != nil {
			return
		}
		if _, err := inspect.Verify(fs, "store", func(inspect.Problem) {}); err != nil {
			t.Errorf("verify: %v", err)
		}
		if s, err = Open(o); err != nil {
			t.Fatalf("a store that was stopped cleanly does not open: %v", err)
		}
		closeTest(t, s)
	})
}

// overwrite puts bytes at an offset within a file, and cuts the file behind them.
func overwrite(t testing.TB, fs vfs.FS, path string, at uint32, put []byte, cut bool) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	i := int(at) % len(b)
	n := i + copy(b[i:], put)
	if cut {
		b = b[:n]
	}
	if err := writeAll(fs, path, strings.NewReader(string(b))); err != nil {
		t.Fatal(err)
	}
}

// FuzzVerify checks and prints a log of arbitrary bytes.
func FuzzVerify(f *testing.F) {
	base, _ := fuzzed(f)
	var segment strings.Builder
	file, err := base.Open("store/commitlog/00000000000000000000")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := io.Copy(&segment, io.LimitReader(file, 8<<10)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(segment.String()))
	f.Add([]byte(segment.String()[:700]))
	f.Add([]byte{0, 0, 0, 91, 0xda, 0xa3, 0x20, 0xa7})
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("store/commitlog", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeAll(fs, "store/commitlog/00000000000000000000", strings.NewReader(string(b))); err != nil {
			t.Fatal(err)
		}
		problems := 0
		rep, err := inspect.Verify(fs, "store", func(inspect.Problem) { problems++ })
		if err != nil || rep.Problems != problems || rep.Bytes > int64(len(b)) {
			t.Errorf("%+v, %d problems, %v", rep, problems, err)
		}
		records := 0
		err = inspect.Dump(fs, "store", 0, 0, func(l inspect.DumpLine) error {
			if l.String() == "" {
				t.Error("an empty line")
			}
			if l.Kind != "segment" && l.Kind != "end" {
				records++
			}
			return nil
		})
		if err != nil || records != rep.Records {
			t.Errorf("%d records are printed, %d were verified; %v", records, rep.Records, err)
		}
	})
}
