package directory

import (
	"net/netip"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

func writeFile(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzSmallFiles reads the small files of a directory from arbitrary bytes.
func FuzzSmallFiles(f *testing.F) {
	f.Add([]byte(`{"state":"closed","end":1234,"tables":{"topics.json":"ab"},"importedAt":7,"delayed":{"1":5}}`))
	f.Add([]byte("aerobee store format 1\n"))
	f.Add([]byte("4711 aerobee\n"))
	f.Add([]byte("-9223372036854775808"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		for _, name := range []string{FormatFile, AbortFile, CleanFile, MarkerFile, pathFile} {
			writeFile(t, fs, name, b)
		}
		m, ok, err := ReadMarker(fs, "")
		if err == nil && ok {
			if err := m.Write(fs, ""); err != nil {
				t.Fatal(err)
			}
			again, ok, err := ReadMarker(fs, "")
			if len(b) < 2048 && (err != nil || !ok || again.State != m.State || again.End != m.End || len(again.Delayed) != len(m.Delayed)) {
				t.Errorf("%+v comes back as %+v, %v", m, again, err)
			}
		}
		if _, ours, err := AbortOf(fs, ""); err != nil {
			t.Errorf("abort: %v, %v", ours, err)
		}
		if end := CleanEnd(fs, ""); end != 0 {
			t.Errorf("a log that was not stopped cleanly ends at %d", end)
		}
		_ = LogPath(fs, "")
		_, _ = CheckFormat(fs, "")
		_ = WalkFrom(fs, "", 0, func(*message.Record) error { return nil })
	})
}

// FuzzWalk reads a segment of arbitrary bytes, from its beginning and as an import does.
func FuzzWalk(f *testing.F) {
	rec := message.AppendRecord(nil, &message.Record{Topic: []byte("T"), Body: []byte("hello"), StoreHost: netip.MustParseAddrPort("10.1.2.3:10911"), BornHost: netip.MustParseAddrPort("10.1.2.3:10911")})
	message.Seal(rec, 0, 0, 1000)
	f.Add(append(rec, make([]byte, 100)...))
	f.Add(append(rec, message.AppendBlank(nil, 40)...))
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("log", 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fs, "log/00000000000000000000", b)
		seen := int64(0)
		w := &counter{t: t, size: int64(len(b)), seen: &seen}
		if err := Walk(fs, "log", w); err != nil {
			t.Fatal(err)
		}
		err := WalkFrom(fs, "log", 0, func(r *message.Record) error {
			if int64(r.LogOffset)+int64(r.Size) > int64(len(b)) {
				t.Errorf("a record of %d bytes at %d, the file has %d", r.Size, r.LogOffset, len(b))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = LogGoesOn(fs, "log", message.LogOffset(len(b)/2))
	})
}

type counter struct {
	t    *testing.T
	size int64
	seen *int64
}

func (c *counter) Segment(string, message.LogOffset, int64) {}

func (c *counter) Record(_ string, at message.LogOffset, rec []byte) error {
	if int64(at) != *c.seen || int64(at)+int64(len(rec)) > c.size {
		c.t.Errorf("%d bytes at %d, before it %d of %d bytes", len(rec), at, *c.seen, c.size)
	}
	*c.seen += int64(len(rec))
	return nil
}

func (c *counter) End(string, message.LogOffset, error) {}
