package commitlog_test

import (
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestKickAsideSlowsDown: who appends faster than the disk writes is held up before anything has to be refused.
func TestKickAsideSlowsDown(t *testing.T) {
	var slow atomic.Bool
	gate := make(chan struct{})
	fs := &fault{FS: vfs.NewMem(), hook: func(op change) error {
		if op.op == "sync" && slow.Load() {
			<-gate
		}
		return nil
	}}
	o, m := bare(fs)
	o.SegmentSize, o.MaxPendingBytes = 64<<10, 4000
	l, s := open(t, o), newSink()
	slow.Store(true)
	appended := make(chan int)
	go func() {
		defer close(appended)
		for i := range 40 {
			if err := l.Append(m.queue("t", 0), sized(500, "x"), s, uint64(i)); err != nil {
				t.Errorf("append %d: %v", i, err)
				return
			}
			l.KickAside()
			appended <- i
		}
	}()
	for i := range 4 { // half of what may be pending
		if got := <-appended; got != i {
			t.Fatalf("appended %d, want %d", got, i)
		}
	}
	select {
	case i := <-appended:
		t.Errorf("append %d was not held up, with more than half of what may be pending on its way to a disk that stands still", i)
	default:
	}
	close(gate)
	for range appended {
	}
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(m.log()); n != 40 {
		t.Errorf("%d records, want 40", n)
	}
}
