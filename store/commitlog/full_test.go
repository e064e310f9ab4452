package commitlog_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// On a full disk what has no room is refused, and leaves nothing behind, but keeps nothing out that needs none: what was refused is zeroed
// only where there is anything. So the log can be closed in good order as well.
func TestARefusedGroupKeepsNothingOutOnAFullDisk(t *testing.T) {
	const room = 8 << 10 // behind it the file is a hole
	for _, torn := range []bool{false, true} {
		mem := vfs.NewCrashableMem()
		var full atomic.Bool
		o, m := bare(&fault{FS: mem, hook: func(op change) error {
			if op.op != "write" || op.path != segmentPath(0) || !full.Load() || op.off+int64(len(op.data)) <= room {
				return nil
			}
			if torn && op.off < room {
				if _, err := op.file.WriteAt(op.data[:room-op.off], op.off); err != nil {
					return err
				}
			}
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}})
		o.SegmentSize, o.FillWindow = 64<<10, -1
		l, s := open(t, o), newSink()
		if err := put(t, l, m, s, 0, sized(500, "a")); err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		if err := put(t, l, m, s, 1, sized(20<<10, "refused")); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("torn %v: a group without room: %v", torn, err)
		}
		if err := put(t, l, m, s, 2, sized(700, "b")); err != nil || s.at[2].At != 500 {
			t.Fatalf("torn %v: a group with room behind it: %v, at %d", torn, err, s.at[2].At)
		}
		clone := mem.CrashClone(vfs.CrashCloneCfg{})
		f, err := clone.Open(segmentPath(0))
		if err != nil {
			t.Fatal(err)
		}
		rest := make([]byte, room-1200)
		if n, err := f.ReadAt(rest, 1200); n < len(rest) || slices.Max(rest) != 0 {
			t.Errorf("torn %v: what was refused is still there: %v", torn, err)
		}
		_ = f.Close()
		o2, m2 := bare(clone)
		o2.SegmentSize = 64 << 10
		if l2 := open(t, o2); l2.Published() != message.LogOffset(1200) || len(m2.log()) != 2 {
			t.Errorf("torn %v: after a crash the log has %d records up to %d", torn, len(m2.log()), l2.Published())
		}
	}
}
