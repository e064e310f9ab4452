package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
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

// BenchmarkCut tells for how long commits wait for a cut, with 100,000 queues that hold messages and a million pending
// delayed messages.
func BenchmarkCut(b *testing.B) {
	o := testOptions(vfs.Default)
	o.Dir, o.SegmentSize = b.TempDir(), 1<<30
	s := openTest(b, o)
	defer abandon(s) // its pending entries are made up
	const queues = 8
	for i := range 100_000 / queues {
		mustTopicUnsynced(b, s, fmt.Sprint("topic-", i), queues)
	}
	for i := range message.LogOffset(1_000_000) {
		s.timers.Add(timer.Entry{Created: 1<<40 + i*300, At: 1<<40 + i*300, Due: 1 << 50})
	}
	var worst, total time.Duration
	for b.Loop() {
		var c *cut
		if err := s.log.Barrier(func(message.LogOffset) {
			s.mu.Lock()
			s.touch(state.Offset, state.Timer, state.Queue)
			s.mu.Unlock()
			began := time.Now()
			c = s.freeze()
			total += time.Since(began)
			worst = max(worst, time.Since(began))
		}); err != nil {
			b.Fatal(err)
		}
		s.encodeLater(c)
		s.ix.Release(c.frozen)
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst-wait")
	b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms-wait")
	began := time.Now()
	size := 0
	for _, body := range s.checkpointBodies(0) {
		size += len(body)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms-checkpoint")
	b.ReportMetric(float64(size), "checkpoint-bytes")
}

// mustTopicUnsynced makes a topic whose queues hold messages and whose messages a group has consumed, in memory alone.
func mustTopicUnsynced(b *testing.B, s *Store, topicName string, queues int) {
	b.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.names.Next(name.Topic)
	if err := s.names.Apply(name.AppendAssign(nil, name.Topic, id, topicName), 0); err != nil {
		b.Fatal(err)
	}
	for i := range queues {
		q, err := s.queueLocked([]byte(topicName), message.QueueID(i))
		if err != nil {
			b.Fatal(err)
		}
		q.log.Restore(5)
		q.next.Store(5)
		if err := s.offsets.Apply(offset.AppendCommit(nil, offset.Key{Group: 1, Topic: id, Queue: q.id}, 3), 0); err != nil {
			b.Fatal(err)
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
