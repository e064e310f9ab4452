package index

import (
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// fill adds entries round robin over queues, with one key each, and returns the log's end.
func fill(ix *Index, queues, each int, from message.LogOffset) message.LogOffset {
	return fillFrom(ix, queues, each, 0, from, 300)
}

// fillFrom is fill from a queue offset on, with records of a size.
func fillFrom(ix *Index, queues, each, first int, from message.LogOffset, size int32) message.LogOffset {
	keys := make([]uint64, 1)
	var k [8]byte
	for i := range each {
		for q := range queues {
			for j := range k {
				k[j] = byte(from >> (8 * j))
			}
			keys[0] = KeyHash([]byte("topic"), k[:])
			ix.Add(Queue{Topic: uint32(q / 8), ID: int32(q % 8)}, Entry{
				QueueOffset: message.QueueOffset(first + i), LogOffset: from, Size: size, TagsCode: int64(q % 3), StoreTime: message.StoreTime(1_700_000_000_000 + int64(from)/1000),
			}, keys)
			from += message.LogOffset(size)
		}
	}
	return from
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestManyQueues holds the promise that 100,000 queues are cheap: in the head, as a block, and at open.
func TestManyQueues(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	const queues, each = 100_000, 10
	fs, dir := vfs.Default, t.TempDir()
	open := func() *pebble.DB {
		db, err := pebble.Open(fs.PathJoin(dir, "db"), &pebble.Options{FS: fs, DisableWAL: true, Logger: quiet{}, MemTableSize: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	o := Options{FS: fs, Dir: fs.PathJoin(dir, "index"), Prefix: []byte("i"), DB: open()}
	ix, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	end := fill(ix, queues, each, 0)
	perEntry := float64(heap()-before) / (queues * each)
	t.Logf("head: %.1f bytes an entry with one key", perEntry)
	if perEntry > 64 {
		t.Errorf("the head has %.1f bytes an entry with one key, the limit is 64", perEntry)
	}
	began := time.Now()
	mustCut(t, ix, o.DB, end)
	b := ix.cur.blocks[0]
	t.Logf("cut in %v; block: %.1f bytes an entry, of these keys and bloom %.1f, run table %.1f",
		time.Since(began), float64(b.size)/(queues*each), float64(b.foot.runsAt-b.foot.keysAt)/(queues*each), float64(b.size-b.foot.runsAt)/(queues*each))
	for q := range queues {
		if _, next := ix.Bounds(Queue{uint32(q / 8), int32(q % 8)}); next != each {
			t.Fatalf("queue %d: next offset %d, want %d", q, next, each)
		}
	}
	after := heap()
	t.Logf("heap after the cut, every queue asked for: %d MB above the beginning", (int64(after)-int64(before))>>20)
	if after > before+64<<20 {
		t.Errorf("the heap grew by %d MB, the limit is 64 MB", (after-before)>>20)
	}
	ix.Close()
	o.DB.Close()
	for _, lost := range []bool{false, true} {
		if lost {
			fs.RemoveAll(fs.PathJoin(dir, "db"))
		}
		o.DB = open()
		began = time.Now()
		if ix, err = Open(o); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		t.Logf("open in %v, directory lost: %v", took, lost)
		if n := len(collect(t, ix, Queue{Topic: queues / 8 / 2, ID: 3}, 0)); n != each {
			t.Errorf("a queue has %d entries, want %d", n, each)
		}
		ix.Close()
		o.DB.Close()
	}
}

// TestBytesPerEntry is the ratchet on what an entry costs in a few busy queues, without keys.
func TestBytesPerEntry(t *testing.T) {
	const queues, each = 8, 20_000
	m := newModel(t)
	defer m.close(t)
	before, end := heap(), message.LogOffset(0)
	for i := range each {
		for q := range int32(queues) {
			m.ix.Add(Queue{1, q}, Entry{message.QueueOffset(i), end, 300, int64(q) << 24, message.StoreTime(end / 1000)}, nil)
			end += 300
		}
	}
	perEntry := float64(heap()-before) / (queues * each)
	mustCut(t, m.ix, m.db, end)
	inBlock := float64(m.ix.cur.blocks[0].size) / (queues * each)
	t.Logf("head %.1f bytes an entry, block %.1f", perEntry, inBlock)
	if perEntry > 26 || inBlock > 8 {
		t.Errorf("an entry has %.1f bytes in the head and %.1f in a block, the limits are 26 and 8", perEntry, inBlock)
	}
	runtime.KeepAlive(m)
}

func benchIndex(b *testing.B, queues, each int, write bool) *Index {
	b.Helper()
	fs, dir := vfs.Default, b.TempDir()
	db, err := pebble.Open(fs.PathJoin(dir, "db"), &pebble.Options{FS: fs, DisableWAL: true, Logger: quiet{}})
	if err != nil {
		b.Fatal(err)
	}
	ix, err := Open(Options{FS: fs, Dir: fs.PathJoin(dir, "index"), DB: db})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ix.Close()
		db.Close()
	})
	end := fill(ix, queues, each, 0)
	if write {
		mustCut(b, ix, db, end)
	}
	b.ResetTimer()
	return ix
}

func BenchmarkAdd(b *testing.B) {
	ix := benchIndex(b, 0, 0, false)
	b.ReportAllocs()
	fill(ix, 8, b.N/8, 0)
}

func benchLookup(b *testing.B, queues, each int, write bool) {
	ix := benchIndex(b, queues, each, write)
	b.ReportAllocs()
	for i := range b.N {
		n := i * 7919
		q := Queue{uint32(n % queues / 8), int32(n % queues % 8)}
		left := 32
		if err := ix.Scan(q, message.QueueOffset(n%each), func(Entry) bool { left--; return left > 0 }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan32Head(b *testing.B)            { benchLookup(b, 8, 50_000, false) }
func BenchmarkScan32Block(b *testing.B)           { benchLookup(b, 8, 50_000, true) }
func BenchmarkScan10BlockManyQueues(b *testing.B) { benchLookup(b, 100_000, 10, true) }

func benchKeys(b *testing.B, write bool, has bool) {
	ix := benchIndex(b, 8, 50_000, write)
	for i := range b.N {
		at := message.LogOffset(i%400_000) * 300
		var k [8]byte
		for j := range k {
			k[j] = byte(at >> (8 * j))
		}
		if !has {
			k[7] = 0xFF
		}
		found := 0
		if err := ix.Keys(KeyHash([]byte("topic"), k[:]), 0, 1<<62, func(message.LogOffset) bool { found++; return true }); err != nil || found == 0 && has {
			b.Fatal(err, found)
		}
	}
}

func BenchmarkKeyHead(b *testing.B)         { benchKeys(b, false, true) }
func BenchmarkKeyBlock(b *testing.B)        { benchKeys(b, true, true) }
func BenchmarkKeyBlockMissing(b *testing.B) { benchKeys(b, true, false) }

func BenchmarkBounds(b *testing.B) {
	ix := benchIndex(b, 1000, 10, true)
	for i := range b.N {
		ix.Bounds(Queue{uint32(i % 1000 / 8), int32(i % 8)})
	}
}

// BenchmarkSegment is what an entry with one key costs behind the head while a segment of 1 GiB fills with messages of
// 1 KiB: 16 cuts of 64 MiB, the merges that they bring, and those of the full segment. It tells the best segment of all.
func BenchmarkSegment(b *testing.B) {
	const cuts, queues, each, size = 16, 8, 7000, 1200
	bestCuts, bestMerges := time.Hour, time.Hour
	var written int64
	for b.Loop() {
		ix := benchIndex(b, 0, 0, false)
		var cutting, merging time.Duration
		end := message.LogOffset(0)
		written = 0
		for i := range cuts {
			end = fillFrom(ix, queues, each, i*each, end, size)
			began := time.Now()
			mustCut(b, ix, ix.dir.db, end)
			cutting += time.Since(began)
			written += ix.cur.live[len(ix.cur.live)-1].size
			began = time.Now()
			for {
				did, err := ix.Merge()
				if err != nil {
					b.Fatal(err)
				}
				if !did {
					break
				}
				written += ix.cur.live[0].size
			}
			merging += time.Since(began)
		}
		bestCuts, bestMerges = min(bestCuts, cutting), min(bestMerges, merging)
	}
	const entries = cuts * queues * each
	b.ReportMetric(float64(bestCuts.Nanoseconds())/entries, "ns-cut/entry")
	b.ReportMetric(float64(bestMerges.Nanoseconds())/entries, "ns-merge/entry")
	b.ReportMetric(float64(written)/entries, "bytes/entry")
}
