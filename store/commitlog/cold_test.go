package commitlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// coldLog is a log on a real disk without a tail in memory, and what its records are.
type coldLog struct {
	*commitlog.Log
	m     *model
	s     *sink
	spans []commitlog.Span
	want  [][]byte // the bodies
}

func openCold(t *testing.T, fs vfs.FS, dir string, change func(*commitlog.Options)) *coldLog {
	t.Helper()
	c := &coldLog{m: newModel(), s: newSink()}
	o := options(fs, c.m)
	o.Dir, o.SegmentSize, o.TailBytes = dir, 4<<20, -1
	if change != nil {
		change(&o)
	}
	c.Log = open(t, o)
	return c
}

// fill appends records of up to most bytes.
func (c *coldLog) fill(t *testing.T, records, most int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, uint64(len(c.want))))
	for range records {
		token := uint64(len(c.want))
		body := bytes.Repeat([]byte(fmt.Sprintf("%d ", token)), 1+rng.IntN(most)/8)
		appendOK(t, c.Log, c.m, c.s, token, "t", 0, string(body))
		c.want = append(c.want, body)
		if token%16 == 15 {
			c.Kick()
		}
	}
	c.Kick()
	if err := c.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := len(c.spans); i < len(c.want); i++ {
		c.spans = append(c.spans, c.s.at[uint64(i)])
	}
}

// check reads records first to last at once and compares them.
func (c *coldLog) check(t *testing.T, first, last int) {
	t.Helper()
	got, err := c.Read([]byte("before"), c.spans[first:last])
	if err != nil || !bytes.HasPrefix(got, []byte("before")) {
		t.Fatal(err)
	}
	got = got[len("before"):]
	for i := first; i < last; i++ {
		size := int(c.spans[i].Size)
		if len(got) < size || !bytes.Contains(got[:size], c.want[i]) {
			t.Fatalf("records %d to %d: record %d came back as something else", first, last, i)
		}
		got = got[size:]
	}
	if len(got) > 0 {
		t.Fatalf("records %d to %d: %d bytes more than asked for", first, last, len(got))
	}
}

// A reader that follows the log reads each block once, whatever it takes at once; one that jumps about reads what it asks for.
func TestColdReadersReadBlocks(t *testing.T) {
	disk, dir := realDisk(t)
	var reads, bytesRead atomic.Int64
	fs := &fault{FS: disk, hook: func(change) error { return nil }, read: func(_ string, _ int64, n int) error {
		reads.Add(1)
		bytesRead.Add(int64(n))
		return nil
	}}
	c := openCold(t, fs, dir, nil)
	c.fill(t, 6000, 4000)
	total := int64(c.Published())
	count := func(f func()) (int64, int64) {
		reads.Store(0)
		bytesRead.Store(0)
		f()
		return reads.Load(), bytesRead.Load()
	}
	n, size := count(func() {
		for i := 0; i < len(c.spans); i += 25 {
			c.check(t, i, i+25)
		}
	})
	if most := total/(512<<10) + 2*int64(len(c.Segments())) + 4; n > most || size > total*5/4 {
		t.Errorf("following the log: %d reads of %d bytes, want at most %d, the log has %d bytes", n, size, most, total)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	c2 := openCold(t, fs, t.TempDir(), func(o *commitlog.Options) { o.SegmentSize = 64 << 20 })
	c2.fill(t, 12000, 8000)
	n, size = count(func() {
		for range 20 {
			i := rng.IntN(len(c2.spans))
			c2.check(t, i, i+1)
		}
	})
	if size > 20*8500+4*3*512<<10 {
		t.Errorf("20 records anywhere: %d reads of %d bytes", n, size)
	}
}

// Records of any size, larger than a block too, read in any portions by several readers while the log grows.
func TestColdReadersMeetTheWriter(t *testing.T) {
	disk, dir := realDisk(t)
	for _, limit := range []int64{0, 1 << 20, 512 << 10} {
		c := openCold(t, disk, vfs.Default.PathJoin(dir, fmt.Sprint(limit)), func(o *commitlog.Options) { o.ColdBytes = limit })
		c.fill(t, 30, 1200<<10)
		for range 4 {
			c.fill(t, 300, 20_000)
			have := len(c.spans)
			var wg sync.WaitGroup
			for reader := range 3 {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(3, uint64(reader)))
					for i := rng.IntN(30); i < have; {
						last := min(have, i+1+rng.IntN(40))
						c.check(t, i, last)
						i = last
					}
				})
			}
			for range 300 {
				appendOK(t, c.Log, c.m, newSink(), uint64(have), "other", 0, strings.Repeat("x", 3000))
				c.Kick()
			}
			wg.Wait()
		}
	}
}

// A block that was read when less was published is read again, and one that could not be read is told and tried again.
func TestColdBlocksAreReadAgain(t *testing.T) {
	disk, dir := realDisk(t)
	var broken atomic.Bool
	fs := &fault{FS: disk, hook: func(change) error { return nil }, read: func(_ string, _ int64, n int) error {
		if broken.Load() {
			return fmt.Errorf("read: %w", syscall.EIO)
		}
		return nil
	}}
	c := openCold(t, fs, dir, nil)
	for range 50 {
		c.fill(t, 20, 1000)
		for i := 0; i < len(c.spans); i += 10 {
			c.check(t, i, i+10)
		}
	}
	c.fill(t, 1000, 2000)
	broken.Store(true)
	if _, err := c.Read(nil, c.spans[len(c.spans)-10:]); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "segment") {
		t.Fatalf("a disk that cannot be read: %v", err)
	}
	if _, err := c.Read(nil, c.spans[len(c.spans)-5:]); !errors.Is(err, syscall.EIO) {
		t.Fatalf("a disk that cannot be read, again: %v", err)
	}
	broken.Store(false)
	c.check(t, len(c.spans)-10, len(c.spans))
	c.check(t, len(c.spans)-10, len(c.spans))
}

// What was dropped is gone for readers at once, though a block of it is in memory.
func TestColdBlocksOfDroppedSegments(t *testing.T) {
	disk, dir := realDisk(t)
	c := openCold(t, disk, dir, nil)
	c.fill(t, 6000, 4000)
	for i := 0; i < 300; i += 10 {
		c.check(t, i, i+10)
	}
	segs := c.Segments()
	if len(segs) < 2 {
		t.Fatal("one segment: the script has become too short")
	}
	if err := c.DropBefore(segs[len(segs)-1].Base); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(nil, c.spans[10:20]); !errors.Is(err, commitlog.ErrRange) {
		t.Fatalf("a dropped record: %v", err)
	}
}
