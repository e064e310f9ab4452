package commitlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The zero fill runs ahead of the writer. When the writer catches up with a piece in flight it waits for it, so that
// zeros never overwrite a record.
func TestFillNeverOverwritesARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, first := make(chan struct{}), atomic.Bool{}
		first.Store(true)
		fs := &fault{FS: vfs.NewMem(), hook: func(op change) error {
			if op.op == "write" && len(op.data) > 4096 && first.CompareAndSwap(true, false) {
				<-release
			}
			return nil
		}}
		o, m := bare(fs)
		o.SegmentSize, o.FillWindow, o.TailBytes = 64<<10, 64<<10, -1
		l, s := open(t, o), newSink()
		synctest.Wait() // the fill hangs in its first piece, which begins at 0
		if err := l.Append(m.queue("t", 0), sized(500, "kept"), s, 1); err != nil {
			t.Fatal(err)
		}
		go l.Kick()
		synctest.Wait()
		if n, _, _ := s.answers(); n != 0 {
			t.Fatal("the writer did not wait for the fill")
		}
		close(release)
		synctest.Wait()
		if err := s.outcome(t, 1); err != nil {
			t.Fatal(err)
		}
		b, err := l.Read(nil, []commitlog.Span{s.at[1]})
		if err != nil || message.Check(b) != nil {
			t.Fatal(err, message.Check(b))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRefusals(t *testing.T) {
	o, m := bare(vfs.NewMem())
	o.MaxPendingBytes = 1200
	l, s := open(t, o), newSink()
	q := m.queue("t", 0)
	f := func(err, want error, text string) {
		t.Helper()
		if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("got %v, want %v with %q", err, want, text)
		}
	}
	f(l.Append(q, sized(4089, "x"), s, 0), message.ErrTooBig, "4089 bytes and an end marker of 8 do not fit into a segment of 4096")
	f(l.Append(q, sized(700, "x"), s, 1), nil, "")
	f(l.Append(q, sized(700, "x"), s, 2), commitlog.ErrBusy, "700 bytes wait for the disk, the limit is 1200")
	f(l.AppendInternal(q, sized(700, "x"), s, 3), nil, "")
	l.SetWritable(errors.New("disk is 91 % full, the limit is 90 %"))
	f(l.Append(q, sized(100+91, "x"), s, 4), commitlog.ErrFull, "91 %")
	f(l.AppendInternal(q, sized(700, "x"), s, 5), nil, "")
	if err := l.AppendBatch(q, nil, s, 6); err == nil {
		t.Error("a batch of no records was taken")
	}
	l.SetWritable(nil)
	l.Kick()
	f(l.Append(q, sized(700, "x"), s, 7), nil, "")
	f(l.Close(), nil, "")
	f(l.Append(q, sized(700, "x"), s, 8), commitlog.ErrClosed, "")
	f(l.Sync(t.Context()), commitlog.ErrClosed, "")
	f(l.Barrier(func(message.LogOffset) {}), commitlog.ErrClosed, "")
	f(l.Close(), nil, "")
	for _, token := range []uint64{1, 3, 5, 7} {
		f(s.outcome(t, token), nil, "")
	}
	if len(s.got) != 4 || s.twice || s.flushes > 3 {
		t.Errorf("%d answers, twice %v, %d flushes", len(s.got), s.twice, s.flushes)
	}
}

func TestBatchStaysInOneSegment(t *testing.T) {
	o, m := bare(vfs.NewMem())
	l, s := open(t, o), newSink()
	for i := range 10 {
		batch := []message.Record{*sized(600, "a"), *sized(600, "b")}
		if err := l.AppendBatch(m.queue("t", 0), batch, s, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	l.Kick()
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []message.LogOffset{}
	for base := message.LogOffset(0); len(want) < 20; base += 4096 {
		for i := range message.LogOffset(6) {
			want = append(want, base+i*600)
		}
	}
	if !slices.Equal(m.at, want[:20]) {
		t.Fatalf("records lie at %v", m.at)
	}
	for i := range 10 {
		if s.offset[uint64(i)] != message.QueueOffset(2*i) {
			t.Fatalf("batch %d begins at queue offset %d", i, s.offset[uint64(i)])
		}
	}
	var scanned []message.LogOffset
	if err := l.Scan(0, 0, func(rec []byte) error {
		at, _ := message.StampedOffsets(rec)
		scanned = append(scanned, at)
		return message.Check(rec)
	}); err != nil || !slices.Equal(scanned, m.at) {
		t.Fatalf("scan: %v, %v", err, scanned)
	}
	if last := l.Segments(); l.Published() != last[len(last)-1].Base+1200 {
		t.Fatalf("published %d, segments %v", l.Published(), last)
	}
}

func TestReadsFromMemoryAndDiskAgree(t *testing.T) {
	for _, tail := range []int64{-1, 2000, 1 << 20} {
		o, m := bare(vfs.NewMem())
		o.TailBytes = tail
		l, s := open(t, o), newSink()
		var spans []commitlog.Span
		for i := range 50 {
			if err := put(t, l, m, s, uint64(i), sized(200+i, fmt.Sprintf("body %d", i))); err != nil {
				t.Fatal(err)
			}
			if i%3 != 1 { // holes between the spans
				spans = append(spans, s.at[uint64(i)])
			}
		}
		spans = append(spans, spans[3], spans[0]) // and backwards
		got, err := l.Read([]byte("prefix"), spans)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := bytes.CutPrefix(got, []byte("prefix"))
		if !ok {
			t.Fatal("the prefix was overwritten")
		}
		for _, sp := range spans {
			r, err := message.ParseChecked(got)
			if err != nil || r.LogOffset != sp.At {
				t.Fatalf("tail %d: record at %d: %v", tail, sp.At, err)
			}
			got = got[r.Size:]
		}
		f := func(sp commitlog.Span) {
			t.Helper()
			if _, err := l.Read(nil, []commitlog.Span{sp}); !errors.Is(err, commitlog.ErrRange) {
				t.Errorf("%+v: %v", sp, err)
			}
		}
		f(commitlog.Span{At: l.Published(), Size: 1})
		f(commitlog.Span{At: -1, Size: 1})
		f(commitlog.Span{At: 0, Size: 0})
		if err := l.DropBefore(spans[5].At); err != nil {
			t.Fatal(err)
		}
		if l.Start() != 0 {
			t.Fatal("a segment was dropped that holds a later record")
		}
		if err := l.DropBefore(1 << 40); err != nil {
			t.Fatal(err)
		}
		if segs := l.Segments(); len(segs) != 1 || segs[0].Base != l.Start() || l.Start() == 0 {
			t.Fatalf("after the drop: %v", segs)
		}
		if tail < 0 {
			f(spans[0])
		}
	}
}

// Readers, writers and the deleter work on the log at once; each record read is whole.
func TestReadersWritersAndDeleterAtOnce(t *testing.T) {
	o, m := bare(vfs.NewMem())
	o.SegmentSize, o.TailBytes, o.FillWindow = 32<<10, 64<<10, 8<<10
	l, s := open(t, o), newSink()
	const writers, each = 4, 200
	queues := make([]*commitlog.Queue, writers)
	for w := range queues {
		queues[w] = m.queue("t", message.QueueID(w))
	}
	var writing, all sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				r := sized(600, "x")
				r.QueueID = message.QueueID(w)
				if err := l.Append(queues[w], r, s, uint64(w*each+i)); err != nil {
					t.Error(err)
				}
				l.Kick()
			}
		})
	}
	stop := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := l.Scan(0, 0, message.Check)
				if err != nil && !errors.Is(err, commitlog.ErrRange) {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := l.DropBefore(l.Published() - 100<<10); err != nil {
					t.Error(err)
				}
			}
		}
	})
	writing.Wait()
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	all.Wait()
	if len(s.got) != writers*each || s.twice {
		t.Fatalf("%d answers", len(s.got))
	}
	for w := range queues {
		if queues[w].Next() != each {
			t.Fatalf("queue %d: next %d", w, queues[w].Next())
		}
	}
}

func TestBarrierRunsBehindWhatWasAppended(t *testing.T) {
	o, m := bare(vfs.NewMem())
	l, s := open(t, o), newSink()
	for i := range 3 {
		appendOK(t, l, m, s, uint64(i), "t", 0, "x")
	}
	ran := false
	if err := l.Barrier(func(at message.LogOffset) {
		ran = true
		if at != l.Published() || at != m.end || len(m.log()) != 3 {
			t.Errorf("barrier at %d, published %d, applied up to %d", at, l.Published(), m.end)
		}
	}); err != nil || !ran {
		t.Fatal(err, ran)
	}
}

func TestStoreTimeNeverGoesBack(t *testing.T) {
	o, m := bare(vfs.NewMem())
	l, s := open(t, o), newSink()
	if err := put(t, l, m, s, 0, sized(500, "x")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o2, m2 := bare(o.FS)
	o2.Now = func() time.Time { return time.UnixMilli(1) }
	l = open(t, o2)
	if err := put(t, l, m2, newSink(), 0, sized(500, "x")); err != nil {
		t.Fatal(err)
	}
	var times []message.StoreTime
	if err := l.Scan(0, 0, func(rec []byte) error {
		r, err := message.ParseRecord(rec)
		times = append(times, r.StoreTime)
		return err
	}); err != nil || !slices.Equal(times, []message.StoreTime{1000, 1000}) {
		t.Fatal(err, times)
	}
}

// Another broker's log: no property CRC, gaps in queue offsets, anything behind an end marker's 8 bytes.
func TestForeignLog(t *testing.T) {
	foreign := func(at message.LogOffset, off message.QueueOffset) []byte {
		b := message.AppendRecord(nil, sized(400, "f"))
		message.Seal(b, at, off, 5)
		cut := b[:len(b)-20] // without the property CRC
		cut[2], cut[3] = byte(len(cut)>>8), byte(len(cut))
		n := len(cut) - 6 // "K", 0x01, "v", 0x02 behind their length
		cut[n], cut[n+1] = 0, 4
		return cut
	}
	file := bytes.Repeat([]byte{0xEE}, 4096)
	at := 0
	for i := range 10 {
		at += copy(file[at:], foreign(message.LogOffset(at), message.QueueOffset(i*3)))
	}
	copy(file[at:], message.AppendBlank(nil, 4096-at))
	fs := vfs.NewMem()
	if err := fs.MkdirAll("log", 0o755); err != nil {
		t.Fatal(err)
	}
	overwrite(t, fs, segmentPath(0), 0, file)
	overwrite(t, fs, segmentPath(4096), 0, append(foreign(4096, 40), make([]byte, 3000)...))
	o, m := bare(fs)
	o.Foreign = true
	l := open(t, o)
	if len(m.log()) != 11 || l.Published() != 4096+380 || m.queue("t", 0).Next() != 41 {
		t.Fatalf("%d records up to %d, next %d", len(m.log()), l.Published(), m.queue("t", 0).Next())
	}
	if err := put(t, l, m, newSink(), 0, sized(500, "x")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o, m = bare(fs)
	if _, err := commitlog.Open(o); !errors.Is(err, commitlog.ErrCorrupt) || len(m.log()) != 0 {
		t.Fatalf("as our own log: %v", err)
	}
}

func TestNothingIsAllocatedPerRecord(t *testing.T) {
	fs := vfs.NewMem()
	l, err := commitlog.Open(commitlog.Options{FS: fs, Dir: "log", SegmentSize: 8 << 20, FillWindow: -1, TailBytes: 1 << 20, StoreHost: host})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	q, s, r := commitlog.NewQueue(nil, 0), &countSink{flushed: make(chan struct{}, 1)}, record("t", 0, string(make([]byte, 1000)))
	run := func() {
		for range 16 {
			if err := l.Append(q, r, s, 0); err != nil {
				t.Fatal(err)
			}
		}
		l.Kick()
	}
	for range 100 {
		run() // fills the tail and the pools
	}
	if n := testing.AllocsPerRun(200, run); n != 0 {
		t.Fatalf("%v allocations for 16 records", n)
	}
}

// chain appends a record whenever one is committed, as a broker does that answers and stores on the same goroutine.
type chain struct {
	*sink
	left int
	next func(token uint64)
}

func (c *chain) Committed(token uint64, recs []commitlog.Appended, err error) {
	c.sink.Committed(token, recs, err)
	if c.left--; c.left > 0 {
		c.next(token + 1)
	}
}

func TestWhatGathersDuringAKickIsHandedToTheCommitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, m := bare(vfs.NewMem())
		l, c := open(t, o), &chain{sink: newSink(), left: 5}
		q := m.queue("t", 0)
		c.next = func(token uint64) {
			if err := l.Append(q, sized(500, "x"), c, token); err != nil {
				t.Error(err)
			}
		}
		c.next(0)
		l.Kick()
		synctest.Wait()
		if n, _, twice := c.answers(); n != 5 || twice || q.Next() != 5 {
			t.Fatalf("%d answers, next offset %d", n, q.Next())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
