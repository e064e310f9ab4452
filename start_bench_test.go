package aerobee

import (
	"runtime"
	"testing"
	"time"
)

// firstSend starts a node in memory and returns how long it took until a client had its first message acknowledged.
func firstSend(t testing.TB) time.Duration {
	t.Helper()
	begin := time.Now()
	s, err := Start(Config{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	dial(t, s.Addr()).mustSend("T", "first")
	return time.Since(begin)
}

func BenchmarkStart(b *testing.B) {
	var sum time.Duration
	for b.Loop() {
		sum += firstSend(b)
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(b.N)/1000, "ms/start")
}

// BenchmarkIdle reports what one more idle node in memory costs.
func BenchmarkIdle(b *testing.B) {
	memory := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc + m.StackInuse)
	}
	const nodes = 20
	for b.Loop() {
		before, goroutines := memory(), runtime.NumGoroutine()
		var all []*Server
		for range nodes {
			s, err := Start(Config{Memory: true})
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, s)
		}
		b.ReportMetric((memory()-before)/nodes/1024, "KiB/node")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/nodes, "goroutines/node")
		for _, s := range all {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
