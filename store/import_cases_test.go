package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// foreign builds a directory as Apache leaves it, record by record.
type foreign struct {
	t    *testing.T
	fs   vfs.FS
	base int64
	log  []byte
	now  int64
}

func newForeign(t *testing.T, fs vfs.FS, base int64) *foreign {
	return &foreign{t: t, fs: fs, base: base, now: 1795386426000}
}

// put adds a message at a queue offset of Apache's choice.
func (f *foreign) put(topic string, queue int, off message.QueueOffset, body string, props ...string) {
	r := record(topic, queue, body, props...)
	r.StoreHost = netip.MustParseAddrPort("10.0.0.1:10911")
	at := len(f.log)
	f.log = message.AppendRecord(f.log, r)
	message.Seal(f.log[at:], message.LogOffset(f.base+int64(at)), off, message.StoreTime(f.now))
	f.now++
}

func (f *foreign) file(name, text string) {
	f.t.Helper()
	p := "store/" + name
	if err := f.fs.MkdirAll(p[:strings.LastIndexByte(p, '/')], 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := writeAll(f.fs, p, strings.NewReader(text)); err != nil {
		f.t.Fatal(err)
	}
}

// segment writes the log as one segment of 64 KiB.
func (f *foreign) segment() {
	f.t.Helper()
	b := make([]byte, 64<<10)
	copy(b, f.log)
	f.file(fmt.Sprintf("commitlog/%020d", f.base), string(b))
}

// append writes the log at the end of what lies in the directory already.
func (f *foreign) append(end message.LogOffset) {
	f.t.Helper()
	base := int64(directory.FirstSegment(f.fs, "store/commitlog"))
	h, err := f.fs.OpenReadWrite(fmt.Sprintf("store/commitlog/%020d", base), vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = h.WriteAt(f.log, int64(end)-base)
	}
	if err == nil {
		err = h.Close()
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

const topicsAB = `{"dataVersion":{"counter":3,"stateVersion":0,"timestamp":5},"topicConfigTable":{
	"A":{"topicName":"A","readQueueNums":2,"writeQueueNums":2,"perm":6},"B":{"topicName":"B","readQueueNums":1,"writeQueueNums":1,"perm":6}}}`

// TestRetiredQueuesKeepTheirNumbers: the log begins late, and a queue has no message left.
func TestRetiredQueuesKeepTheirNumbers(t *testing.T) {
	fs := vfs.NewMem()
	f := newForeign(t, fs, 640<<10)
	f.put("A", 0, 41, "a41")
	f.put("A", 0, 42, "a42")
	f.segment()
	f.file("config/topics.json", topicsAB)
	f.file("config/consumerOffset.json", `{"offsetTable":{"A@g":{0:42},"B@g":{0:7},"gone@g":{0:1},"odd":{0:1}}}`)
	entries := func(n int) string { return strings.Repeat(string(cqEntry(100, 50)), n) }
	f.file("consumequeue/B/0/00000000000000000000", entries(7)+strings.Repeat("\x00", 200))
	f.file("consumequeue/A/1/00000000000000060000", entries(0))
	o := testOptions(fs)
	s := openTest(t, o)
	defer closeTest(t, s)
	for _, c := range []struct {
		topic       string
		queue       int
		least, next message.QueueOffset
	}{{"A", 0, 41, 43}, {"A", 1, 3000, 3000}, {"B", 0, 7, 7}} {
		q := message.Queue{Topic: c.topic, ID: message.QueueID(c.queue)}
		if s.MinOffset(q) != c.least || s.MaxOffset(q) != c.next {
			t.Errorf("%v has the offsets %d to %d, want %d to %d", q, s.MinOffset(q), s.MaxOffset(q), c.least, c.next)
		}
		if a := mustPut(t, s, record(c.topic, c.queue, "next")); a.QueueOffset != c.next {
			t.Errorf("the next message of %v has offset %d", q, a.QueueOffset)
		}
	}
	if off, ok := s.Offset("g", message.Queue{Topic: "B"}); !ok || off != 7 {
		t.Errorf("g stands at %d in B", off)
	}
}

// wantSound lets Verify look at a store that nobody has open.
func wantSound(t *testing.T, fs vfs.FS) {
	t.Helper()
	if out, err := verify(fs); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func cqEntry(at int64, size int32) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return binary.BigEndian.AppendUint64(b, 0)
}

// TestTopicThatApacheMadeAgain: what lies before its second life is passed over, on import and after the cache is lost,
// and when it happens while Apache has the directory back.
func TestTopicThatApacheMadeAgain(t *testing.T) {
	fs := vfs.NewMem()
	f := newForeign(t, fs, 0)
	for i := range 5 {
		f.put("A", 0, message.QueueOffset(i), fmt.Sprint("dead", i))
	}
	f.put("B", 0, 0, "b0")
	f.put("A", 0, 0, "a0")
	f.put("A", 0, 1, "a1")
	f.segment()
	f.file("config/topics.json", topicsAB)
	check := func(want string) {
		t.Helper()
		for _, lose := range []bool{false, true} {
			if lose {
				remove(t, fs, "store/cache")
			}
			s := openTest(t, testOptions(fs))
			if got := strings.Join(allBodies(t, s, "A", 0), " ") + " " + strings.Join(allBodies(t, s, "B", 0), " "); got != want {
				t.Errorf("cache lost %v: got %q, want %q", lose, got, want)
			}
			closeTest(t, s)
			wantSound(t, fs)
		}
	}
	check("a0 a1 b0")
	end := directory.CleanEnd(fs, "store")
	f = newForeign(t, fs, int64(end))
	f.put("A", 0, 0, "third life")
	f.put("B", 0, 1, "b1")
	f.append(end)
	check("third life b0 b1")
}

// TestWhoWins: after a clean stop Apache's tables replace ours; after a crash they are merged.
func TestWhoWins(t *testing.T) {
	f := func(name string, crash bool, want string) {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s := openTest(t, testOptions(fs))
			mustTopic(t, s, "A", 1)
			mustTopic(t, s, "ours", 1)
			mustPut(t, s, record("A", 0, "a0"))
			for topic, off := range map[string]message.QueueOffset{"A": 9, "ours": 4} {
				if err := s.ResetOffset(context.Background(), "g", message.Queue{Topic: topic}, off); err != nil {
					t.Fatal(err)
				}
			}
			left := fs
			if crash {
				left = synced(fs)
			}
			closeTest(t, s)
			end := directory.CleanEnd(fs, "store")
			remove(t, left, "store/abort") // Apache's clean stop
			d := newForeign(t, left, int64(end))
			d.file("config/topics.json", topicsAB)
			d.file("config/consumerOffset.json", `{"offsetTable":{"A@g":{0:5},"B@g":{0:1}}}`)
			d.put("A", 0, 1, "a1")
			if !crash {
				d.append(end)
			}
			s = openTest(t, testOptions(left))
			got := ""
			for _, c := range s.Topics() {
				got += fmt.Sprintf("%s:%d ", c.Name, c.ReadQueues)
			}
			offs := s.Offsets("g")
			for _, topic := range []string{"A", "B", "ours"} {
				if off, ok := offs[message.Queue{Topic: topic}]; ok {
					got += fmt.Sprintf("%s@%d ", topic, off)
				}
			}
			got += strings.Join(allBodies(t, s, "A", 0), " ")
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			closeTest(t, s)
			wantSound(t, left)
		})
	}
	f("clean stop", false, "A:2 B:1 A@5 B@1 a0 a1")
	f("crash", true, "A:2 B:1 ours:1 A@9 B@1 ours@4 a0")
}

// TestCrashAtEveryWriteOfAnImport: whenever the import is cut short, the next Open ends it.
func TestCrashAtEveryWriteOfAnImport(t *testing.T) {
	rec := newCrashRecorder(1)
	f := newForeign(t, rec.fs, 0)
	f.put(message.TopicSchedule, 17, 0, "late", message.PropDelay, "18", message.PropRealTopic, "A", message.PropRealQueueID, "0")
	f.put("A", 0, 0, "a0")
	f.put(message.TopicSchedule, 17, 1, "later", message.PropDelay, "18", message.PropRealTopic, "A", message.PropRealQueueID, "0")
	f.put(message.TopicHalf, 0, 0, "open", message.PropRealTopic, "A", message.PropRealQueueID, "0", message.PropProducerGroup, "pg")
	f.put("rmq_sys_REVIVE_LOG_c", 0, 0, `{"so":0,"pt":1795386420000,"it":3600000,"n":1,"q":0,"t":"A","c":"g","bn":"b"}`, message.PropTags, "ck")
	f.segment()
	f.file("config/topics.json", topicsAB)
	f.file("config/consumerOffset.json", `{"offsetTable":{"A@g":{0:1}}}`)
	f.file("config/delayOffset.json", `{"offsetTable":{18:1}}`)
	syncAll(t, rec.fs, "store")
	if err := directory.SyncDir(rec.fs, ""); err != nil {
		t.Fatal(err)
	}
	o := testOptions(rec.wrapped())
	atFixtureTime(t, &o)
	rec.record(true)
	s := openTest(t, o)
	closeTest(t, s)
	rec.record(false)
	if len(rec.points) < 20 {
		t.Fatalf("only %d moments to crash at", len(rec.points))
	}
	for _, p := range rec.points {
		o.FS = p.fs
		s, err := Open(o)
		if err != nil {
			t.Fatalf("crash before %s: %v", p.what, err)
		}
		if got := allBodies(t, s, "A", 0); !slices.Equal(got, []string{"a0"}) || s.timers.Len() != 1 {
			t.Errorf("crash before %s: A holds %q, %d messages are pending", p.what, got, s.timers.Len())
		}
		if _, open := s.Halves(0, 1); open != 1 {
			t.Errorf("crash before %s: %d half messages are open", p.what, open)
		}
		if state, ok := s.PopState("g", message.Queue{Topic: "A"}, 0); !ok || state != pop.InFlight {
			t.Errorf("crash before %s: what was popped is %v", p.what, state)
		}
		if off, ok := s.Offset("g", message.Queue{Topic: "A"}); !ok || off != 0 || len(s.Topics()) != 2 {
			t.Errorf("crash before %s: g stands at %d, %d topics", p.what, off, len(s.Topics()))
		}
		closeTest(t, s)
	}
}

// TestDamagedLogIsNotCut: a log that ends before what Apache has seen in it is refused and left alone.
func TestDamagedLogIsNotCut(t *testing.T) {
	fs := vfs.NewMem()
	unpack(t, fs, "plain", "store")
	h, err := fs.OpenReadWrite("store/commitlog/00000000000002097152", vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = h.WriteAt([]byte{0xff, 0xff}, 500_000)
	}
	if err == nil {
		err = h.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(apacheOptions(fs)); err == nil || !strings.Contains(err.Error(), "the commit log is valid up to 2596") {
		t.Errorf("open says %v", err)
	}
}

// TestExportLinesUp: what an export leaves, without Apache: each level begins at its first pending message, and nothing
// but pending ones follow, by rising due time.
func TestExportLinesUp(t *testing.T) {
	o, _ := exported(t)
	tables, err := apache.ReadTables(vfs.Default, o.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := openTest(t, o)
	defer closeTest(t, s)
	lines, err := s.lines()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		level := int(l.queue.id) + 1
		if l.queue.topic.name == message.TopicWheel {
			if !l.ordered || len(l.pending) != 2 || tables.Timer.Next != l.first {
				t.Errorf("wheel: %d pending from %d, ordered %v, timercheck says %d", len(l.pending), l.first, l.ordered, tables.Timer.Next)
			}
			continue
		}
		if want := map[int]int{1: 0, 2: 1, 3: 3}[level]; !l.ordered || len(l.pending) != want || tables.Delay.Offsets[level] != l.first {
			t.Errorf("level %d: %d pending from %d, ordered %v, delayOffset.json says %d", level, len(l.pending), l.first, l.ordered, tables.Delay.Offsets[level])
		}
	}
}

// TestExportRefusesUnequalSegments, because Apache would not load them.
func TestExportRefusesUnequalSegments(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	s := openTest(t, o)
	flood(t, s, 100)
	closeTest(t, s)
	o.SegmentSize = 128 << 10
	s = openTest(t, o)
	flood(t, s, 200)
	closeTest(t, s)
	if _, err := Export(o, 0); err == nil || !strings.Contains(err.Error(), "equal segments") {
		t.Errorf("export says %v", err)
	}
}
