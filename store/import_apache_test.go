package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// The directories in testdata/apache-*.tar.gz were made by the real broker, version 5.5.0, with segments of 1 MiB and
// consume queues of 60,000 bytes, driven by the official Java client:
//
//	plain  the log's first record is a message to orders delayed by level 18; then order-0 … order-2399 round robin to
//	       the 4 queues of orders; bill-0 … bill-9 to the 2 queues of bills, bill-quick delayed by level 1 and delivered,
//	       delayed-0 … delayed-2 by levels 17 and 18; readers has consumed bills but fails bill-3, which has come back
//	       once and waits in level 4; others stands at 100 + queue in orders; topic empty was never used
//	half   5 transactions: 2 committed, 1 rolled back, 2 open
//	timer  3 timer messages: 1 delivered, 2 due in an hour
//	pop    5 messages popped in one check-point, 4 acknowledged
func unpack(t testing.TB, fs vfs.FS, name, dir string) {
	t.Helper()
	f, err := os.Open("testdata/apache-" + name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		p := path.Join(dir, h.Name)
		if h.FileInfo().IsDir() {
			err = fs.MkdirAll(p, 0o755)
		} else {
			err = writeAll(fs, p, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeAll(fs vfs.FS, path string, r io.Reader) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = io.Copy(f, r)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	return err
}

// apacheOptions opens what unpack made, at the time at which it was made.
func apacheOptions(fs vfs.FS) Options {
	o := testOptions(fs)
	o.SegmentSize = 512 << 10 // Apache's own 1 MiB must win
	return o
}

// allBodies returns the first 12 bytes of each message of a queue, and how many there are.
func allBodies(t testing.TB, s *Store, topic string, queue int) []string {
	t.Helper()
	var out []string
	q := message.Queue{Topic: topic, ID: message.QueueID(queue)}
	for off := s.MinOffset(q); ; {
		b, res := s.Get(nil, q, off, 32, 1<<20, nil)
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		if res.Status != Found {
			return out
		}
		for len(b) > 0 {
			r, err := message.ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			body, _, _ := bytes.Cut(r.Body, []byte("-abcdef"))
			out = append(out, string(body))
			b = b[r.Size:]
		}
		off = res.Next
	}
}

func wantPlain(t *testing.T, s *Store) {
	t.Helper()
	for q := range 4 {
		var want []string
		for i := q; i < 2400; i += 4 {
			want = append(want, fmt.Sprintf("order-%d", i))
		}
		if got := allBodies(t, s, "orders", q); !slices.Equal(got, want) {
			t.Errorf("orders %d holds %d messages, want %d", q, len(got), len(want))
		}
		if off, ok := s.Offset("others", message.Queue{Topic: "orders", ID: message.QueueID(q)}); !ok || int(off) != 100+q {
			t.Errorf("others stands at %d in orders %d", off, q)
		}
	}
	f := func(topic string, queue int, want string) {
		t.Helper()
		if got := strings.Join(allBodies(t, s, topic, queue), " "); got != want {
			t.Errorf("%s %d holds %q, want %q", topic, queue, got, want)
		}
	}
	f("bills", 0, "bill-0 bill-2 bill-4 bill-6 bill-8")
	f("bills", 1, "bill-1 bill-3 bill-5 bill-7 bill-9 bill-quick")
	f("%RETRY%readers", 0, "bill-3")
	f("empty", 0, "")
	for q, want := range []message.QueueOffset{5, 6} {
		if off, ok := s.Offset("readers", message.Queue{Topic: "bills", ID: message.QueueID(q)}); !ok || off != want {
			t.Errorf("readers stands at %d in bills %d", off, q)
		}
	}
	if c, ok := s.Topic("empty"); !ok || c.ReadQueues != 3 {
		t.Errorf("topic empty: %v %+v", ok, c)
	}
	if c, ok := s.Group("readers"); !ok || c.RetryMaxTimes != 7 {
		t.Errorf("group readers: %v %+v", ok, c)
	}
	if n := s.timers.Len(); n != 5 {
		t.Errorf("%d delayed messages are pending, want 5", n)
	}
}

// atFixtureTime runs the test when the fixtures were made, so that nothing in them is due.
func atFixtureTime(t *testing.T, o *Options) {
	t.Helper()
	began := time.Now()
	made := time.UnixMilli(1795386426000)
	o.Now = func() time.Time { return made.Add(time.Since(began)) }
}

func TestApacheDirectoryIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		unpack(t, fs, "plain", "store")
		o := apacheOptions(fs)
		atFixtureTime(t, &o)
		s := openTest(t, o)
		wantPlain(t, s)
		if a := mustPut(t, s, record("orders", 2, "order-2402")); a.QueueOffset != 600 {
			t.Errorf("the next message of orders 2 has offset %d, want 600", a.QueueOffset)
		}
		if segs := s.log.Segments(); segs[0].Size != 1<<20 || segs[len(segs)-1].Size != 1<<20 {
			t.Errorf("segments %+v", segs)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		got := strings.Join(allBodies(t, s, "bills", 0)[5:], " ") + ", " + strings.Join(allBodies(t, s, "%RETRY%readers", 0), " ")
		if want := "delayed-0 delayed-2 delayed-1, bill-3 bill-3"; got != want {
			t.Errorf("delivered: %q, want %q", got, want)
		}
		if all := allBodies(t, s, "orders", 0); all[len(all)-1] != "first-delayed" || len(all) != 601 {
			t.Errorf("orders 0 ends with %q and has %d messages", all[len(all)-1], len(all))
		}
		closeTest(t, s)
		wantSound(t, fs)
	})
}

// TestTakenOverDirectoryComesBack: whatever derived parts are lost after the import, nothing is imported twice or lost.
func TestTakenOverDirectoryComesBack(t *testing.T) {
	f := func(name string, crash bool, harm func(fs vfs.FS)) {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			unpack(t, fs, "plain", "store")
			syncAll(t, fs, "store")
			o := apacheOptions(fs)
			atFixtureTime(t, &o)
			s := openTest(t, o)
			if err := s.RemoveOffsets(context.Background(), "readers", "%RETRY%readers"); err != nil {
				t.Fatal(err)
			}
			bare := fs
			if crash {
				bare = fs.CrashClone(vfs.CrashCloneCfg{})
			}
			closeTest(t, s)
			harm(bare)
			o.FS = bare
			s = openTest(t, o)
			wantPlain(t, s)
			if _, ok := s.Offset("readers", message.Queue{Topic: "%RETRY%readers"}); ok {
				t.Error("an offset that was removed after the import is back")
			}
			closeTest(t, s)
		})
	}
	f("clean stop", false, func(vfs.FS) {})
	f("crash", true, func(vfs.FS) {})
	f("clean stop, cache lost", false, func(fs vfs.FS) { remove(t, fs, "store/cache") })
	f("crash, cache and blocks lost", true, func(fs vfs.FS) {
		remove(t, fs, "store/cache")
		remove(t, fs, "store/blocks")
	})
}

// syncAll makes a tree durable in a crashable file system.
func syncAll(t testing.TB, fs vfs.FS, dir string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		return // a file
	}
	for _, n := range names {
		if info, err := fs.Stat(fs.PathJoin(dir, n)); err == nil && info.IsDir() {
			syncAll(t, fs, fs.PathJoin(dir, n))
		}
	}
	if err := directory.SyncDir(fs, dir); err != nil {
		t.Fatal(err)
	}
}

// TestTransactionsOfApacheAreTakenOver: of five transactions two are open, and end as ours do; the others are ended.
func TestTransactionsOfApacheAreTakenOver(t *testing.T) {
	fs := vfs.NewCrashableMem()
	unpack(t, fs, "half", "store")
	syncAll(t, fs, "store")
	visible := func(s *Store) int {
		all := 0
		for q := range 8 {
			all += len(allBodies(t, s, "orders", q))
		}
		return all
	}
	for _, step := range []struct{ open, visible int }{{2, 2}, {1, 3}, {0, 3}} {
		s := openTest(t, apacheOptions(fs))
		open, all := s.Halves(0, 10)
		if all != step.open || visible(s) != step.visible {
			t.Fatalf("%d half messages are open and %d messages visible, want %+v", all, visible(s), step)
		}
		if all > 0 {
			if _, err := endHalf(s, open[0].Created, all == 2); err != nil {
				t.Fatal(err)
			}
		}
		closeTest(t, s)
		remove(t, fs, "store/cache")
	}
}

// TestPopsOfApacheAreTakenOver: of five messages popped at once one is not acknowledged: it comes again by the retry topic, once.
func TestPopsOfApacheAreTakenOver(t *testing.T) {
	fs := vfs.NewCrashableMem()
	unpack(t, fs, "pop", "store")
	syncAll(t, fs, "store")
	for range 2 {
		s := openTest(t, apacheOptions(fs))
		tick := time.NewTicker(time.Millisecond)
		for end := time.Now().Add(10 * time.Second); s.Stats().PopsInFlight > 0 && time.Now().Before(end); {
			<-tick.C
		}
		tick.Stop()
		var retried []string
		for _, c := range s.Topics() {
			if message.IsRetry(c.Name) {
				retried = append(retried, allBodies(t, s, c.Name, 0)...)
			}
		}
		if len(retried) != 1 {
			t.Errorf("%q came again, want one message", retried)
		}
		closeTest(t, s)
		remove(t, fs, "store/cache")
	}
}

// TestTimersOfApacheAreTakenOver: of three timer messages one was delivered, and two are when they are due.
func TestTimersOfApacheAreTakenOver(t *testing.T) {
	fs := vfs.NewCrashableMem()
	unpack(t, fs, "timer", "store")
	syncAll(t, fs, "store")
	for range 2 { // the second time from what the first one has written
		s := openTest(t, apacheOptions(fs))
		s.halt()
		waiting := s.Timers("", 0, 0, 10)
		all := 0
		for q := range 8 {
			all += int(s.MaxOffset(message.Queue{Topic: "orders", ID: message.QueueID(q)}))
		}
		if len(waiting)+all != 3 || len(waiting) > 0 && (waiting[0].Key == 0 || s.TimerCounts()[0].Topic != "orders") {
			t.Errorf("%d are delivered and %d wait: %+v", all, len(waiting), waiting)
		}
		closeTest(t, s)
	}
	s := openTest(t, apacheOptions(fs))
	defer closeTest(t, s)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); s.Stats().PendingTimers > 0 && time.Now().Before(end); {
		<-tick.C
	}
	count := 0
	for q := range 8 {
		count += len(allBodies(t, s, "orders", q))
	}
	if count != 3 {
		t.Errorf("%d messages of 3 are there", count)
	}
}

// TestLayoutsThatAreRefused: each other way to keep a store is named.
func TestLayoutsThatAreRefused(t *testing.T) {
	f := func(file, want string) {
		t.Helper()
		fs := vfs.NewMem()
		unpack(t, fs, "plain", "store")
		p := path.Join("store", file)
		if err := fs.MkdirAll(path.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeAll(fs, p, strings.NewReader(`{"topicQueueMappingInfoMap":{"a":{}}}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(apacheOptions(fs)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
	f("consumequeue_rocksdb/CURRENT", "consume queues are kept in RocksDB")
	f("config/rdb/CURRENT", "tables are kept in RocksDB")
	f("config/consumerOffsets/CURRENT", "offsets are kept in RocksDB")
	f("kvStore/CURRENT", "pop check-points are kept in RocksDB")
	f("compaction/compactionCq/t/0", "compacted topics")
	f("config/topicQueueMapping.json", "1 static topics")
	fs := vfs.NewMem()
	unpack(t, fs, "plain", "store")
	remove(t, fs, "store/commitlog/00000000000001048576")
	if _, err := Open(apacheOptions(fs)); err == nil || !strings.Contains(err.Error(), "several directories") {
		t.Errorf("a missing segment: %v", err)
	}
}

// TestTablesFallBack: a table that is damaged or empty is read from its .bak.
func TestTablesFallBack(t *testing.T) {
	fs := vfs.NewMem()
	unpack(t, fs, "plain", "store")
	for _, n := range []string{"topics.json", "consumerOffset.json"} {
		if err := writeAll(fs, "store/config/"+n, strings.NewReader(map[string]string{"topics.json": "{\"da"}[n])); err != nil {
			t.Fatal(err)
		}
	}
	tables, err := apache.ReadTables(fs, "store", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables.Topics.Topics) < 3 || tables.Offsets.Offsets["orders@others"][3] != 103 {
		t.Errorf("%+v", tables)
	}
}
