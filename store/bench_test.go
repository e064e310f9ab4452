package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// counter is a sink that counts.
type counter struct{ n atomic.Int64 }

func (c *counter) Committed(uint64, []Appended, error) { c.n.Add(1) }
func (c *counter) Flush()                              {}

// BenchmarkPut is the store's part of a send: 64 messages of 1 KiB a group, on the disk, synced.
func BenchmarkPut(b *testing.B) {
	o := testOptions(vfs.Default)
	o.Dir, o.SegmentSize, o.MemoryLimit = b.TempDir(), 1<<30, 64<<20
	s := openTest(b, o)
	defer closeTest(b, s)
	mustTopic(b, s, "T", 4)
	r := record("T", 0, string(make([]byte, 1024)), message.PropUniqueKey, "0A0B0C0D0000000000000000000000FF", message.PropTags, "a")
	var done counter
	b.SetBytes(1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.QueueID = message.QueueID(i % 4)
		for err := s.Put(r, &done, 0); err != nil; err = s.Put(r, &done, 0) {
			if !errors.Is(err, commitlog.ErrBusy) {
				b.Fatal(err)
			}
			if err := s.log.Barrier(func(message.LogOffset) {}); err != nil {
				b.Fatal(err)
			}
		}
		if i%64 == 63 {
			s.Kick()
		}
	}
}

// BenchmarkGet reads 32 messages of 1 KiB from memory.
func BenchmarkGet(b *testing.B) {
	o := testOptions(vfs.NewMem())
	o.SegmentSize, o.MemoryLimit = 64<<20, 64<<20
	s := openTest(b, o)
	defer closeTest(b, s)
	mustTopic(b, s, "T", 1)
	for i := range 4096 {
		mustPut(b, s, record("T", 0, fmt.Sprint(i, string(make([]byte, 1024)))))
	}
	q := message.Queue{Topic: "T"}
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var res GetResult
		buf, res = s.Get(buf[:0], q, message.QueueOffset(i*32%4096), 32, 1<<20, nil)
		if res.Count != 32 {
			b.Fatalf("%+v", res)
		}
	}
}
