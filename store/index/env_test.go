package index

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

func openDB(t fataler, fs vfs.FS) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: fs, DisableWAL: true, Logger: quiet{}, MemTableSize: 8 << 20})
	if err != nil {
		t.Fatalf("open pebble: %v", err)
	}
	return db
}

// fataler is what testing.TB and rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

const testSegment = 100_000

func openIndex(t fataler, fs vfs.FS, db *pebble.DB, start message.LogOffset) *Index {
	t.Helper()
	ix, err := Open(Options{FS: fs, Dir: "index", DB: db, Prefix: []byte("i/"), SegmentSize: testSegment, CacheBytes: 8 << 10, LogStart: start})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return ix
}

// cut writes a frozen head, as the store does.
func cut(ix *Index, db *pebble.DB, f *Frozen, upTo message.LogOffset) error {
	b := db.NewBatch()
	if err := ix.Write(f, upTo, b); err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	ix.Release(f)
	return db.Flush()
}

func mustCut(t testing.TB, ix *Index, db *pebble.DB, upTo message.LogOffset) {
	t.Helper()
	if err := cut(ix, db, ix.Freeze(), upTo); err != nil {
		t.Fatalf("cut at %d: %v", upTo, err)
	}
}

func collect(t fataler, ix *Index, q Queue, from message.QueueOffset) []Entry {
	t.Helper()
	var got []Entry
	if err := ix.Scan(q, from, func(e Entry) bool {
		got = append(got, e)
		return true
	}); err != nil {
		t.Fatalf("scan %v from %d: %v", q, from, err)
	}
	return got
}
