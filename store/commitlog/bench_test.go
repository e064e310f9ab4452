package commitlog_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// countSink counts answers and wakes the benchmark when a window of them has arrived.
type countSink struct {
	answered atomic.Int64
	failed   atomic.Int64
	flushed  chan struct{}
}

func (s *countSink) Committed(_ uint64, _ []commitlog.Appended, err error) {
	s.answered.Add(1)
	if err != nil {
		s.failed.Add(1)
	}
}

func (s *countSink) Flush() {
	select {
	case s.flushed <- struct{}{}:
	default:
	}
}

// BenchmarkAppend sends 1 KiB records with 64 of them in flight, as one connection's reader does: append what may be in
// flight, kick, wait for answers.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name     string
		flush    commitlog.FlushMode
		inFlight int64
		fill     int64
	}{{"sync/64", commitlog.SyncFlush, 64, 0}, {"sync/64/nofill", commitlog.SyncFlush, 64, -1}, {"sync/1", commitlog.SyncFlush, 1, 0}, {"sync/1000", commitlog.SyncFlush, 1000, 0}, {"async/64", commitlog.AsyncFlush, 64, 0}, {"async/64/fill", commitlog.AsyncFlush, 64, 64 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := commitlog.Open(commitlog.Options{FS: vfs.Default, Dir: b.TempDir(), Flush: c.flush, FillWindow: c.fill, StoreHost: host})
			if err != nil {
				b.Fatal(err)
			}
			q, s := commitlog.NewQueue(nil, 0), &countSink{flushed: make(chan struct{}, 1)}
			r := record("BenchmarkTest", 0, string(make([]byte, 1024)))
			b.SetBytes(int64(message.EncodedSize(r)))
			b.ReportAllocs()
			b.ResetTimer()
			began := cpuTime(b)
			for sent := int64(0); sent < int64(b.N); {
				for ; sent < int64(b.N) && sent-s.answered.Load() < c.inFlight; sent++ {
					if err := l.Append(q, r, s, uint64(sent)); err != nil {
						b.Fatal(err)
					}
				}
				l.Kick()
				<-s.flushed
			}
			b.StopTimer()
			b.ReportMetric((cpuTime(b)-began).Seconds()/float64(b.N)*1e6, "cpu-s/M")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			if err := l.Close(); err != nil || s.failed.Load() > 0 || s.answered.Load() != int64(b.N) {
				b.Fatal(err, s.failed.Load(), s.answered.Load())
			}
		})
	}
}

// BenchmarkCold reads a log of 256 MiB from its beginning as pulls do: 32 records of 1 KiB at once, of a queue alone in the log or
// of 8 in turn; and one record anywhere.
func BenchmarkCold(b *testing.B) {
	for _, buffered := range []bool{false, true} {
		l, err := commitlog.Open(commitlog.Options{FS: vfs.Default, Dir: b.TempDir(), Buffered: buffered, StoreHost: host, TailBytes: -1})
		if err != nil {
			b.Fatal(err)
		}
		q, s := commitlog.NewQueue(nil, 0), &countSink{flushed: make(chan struct{}, 1)}
		r := record("BenchmarkTest", 0, string(make([]byte, 1024)))
		spans := make([]commitlog.Span, 256<<10)
		for i := range spans {
			spans[i] = commitlog.Span{At: message.LogOffset(i * message.EncodedSize(r)), Size: int32(message.EncodedSize(r))}
			if err := l.Append(q, r, s, 0); err != nil {
				b.Fatal(err)
			}
			if i%1000 == 0 {
				l.Kick()
				<-s.flushed
			}
		}
		l.Kick()
		if err := l.Sync(context.Background()); err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name string
			some int                   // records of one read
			pick func(read, i int) int // record i of a read
		}{
			{"next", 32, func(read, i int) int { return read*32 + i }},
			{"8 queues", 32, func(read, i int) int { return read/8*256 + i*8 + read%8 }},
			{"anywhere", 1, func(read, _ int) int { return read * 7919 }},
		} {
			b.Run(fmt.Sprintf("%s/buffered=%t", c.name, buffered), func(b *testing.B) {
				b.SetBytes(int64(message.EncodedSize(r)))
				b.ReportAllocs()
				var buf []byte
				some := make([]commitlog.Span, c.some)
				began := cpuTime(b)
				for n := 0; n < b.N; n += len(some) {
					for i := range some {
						some[i] = spans[c.pick(n/len(some), i)%len(spans)]
					}
					if buf, err = l.Read(buf[:0], some); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpuTime(b)-began).Seconds()/float64(b.N)*1e6, "cpu-s/M")
			})
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
