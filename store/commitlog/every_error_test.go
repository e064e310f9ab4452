package commitlog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Each change of the disk fails once, in a run of its own. What was answered with nil is there after a restart, in
// order; what was refused is not, unless the failed sync left its fate open.
func TestEachChangeFailsOnce(t *testing.T) {
	n, refused, failed := int64(1), 0, 0
	for ; ; n++ {
		hit, stopped, again := failOnce(t, n)
		if !hit {
			break
		}
		if stopped {
			failed++
		} else if again {
			refused++
		}
	}
	if n < 60 || refused < 20 || failed < 20 {
		t.Fatalf("%d changes: %d refused records, %d stopped the log: the script has become too short", n, refused, failed)
	}
}

func failOnce(t *testing.T, n int64) (hit, stopped, refused bool) {
	t.Helper()
	mem := vfs.NewMem()
	var count atomic.Int64
	m, s := newModel(), newSink()
	fs := &fault{FS: mem, hook: func(op change) error {
		if count.Add(1) != n {
			return nil
		}
		return fmt.Errorf("%s of %s: %w", op.op, op.path, errDisk)
	}}
	l, err := commitlog.Open(crashOptions(fs, m, commitlog.SyncFlush, -1))
	if err != nil {
		if !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		return true, false, false
	}
	token := uint64(0)
	for g := range 16 {
		for range 1 + g%3 {
			body := fmt.Sprintf("%-12d%s", token, make([]byte, 700+g%5*900))
			if err := l.Append(m.queue("t", 0), record("t", 0, body), s, token); err != nil && !errors.Is(err, commitlog.ErrFailed) {
				t.Fatal(err)
			} else if err == nil {
				token++
			}
		}
		l.Kick()
	}
	stopped = l.Err() != nil
	if err := l.Close(); (err != nil) != stopped {
		t.Fatalf("change %d: closed with %v, stopped %v", n, err, stopped)
	}
	var want, open []string
	for i := range token {
		text := fmt.Sprintf("%-12d", i)
		switch err := s.outcome(t, i); {
		case err == nil:
			want = append(want, text)
		case errors.Is(err, commitlog.ErrFailed):
			open = append(open, text)
		case errors.Is(err, errDisk):
			refused = true
		default:
			t.Fatalf("change %d: record %d was answered with %v", n, i, err)
		}
	}
	m2 := newModel()
	l, err = commitlog.Open(crashOptions(mem, m2, commitlog.SyncFlush, -1))
	if err != nil {
		t.Fatalf("change %d: %v", n, err)
	}
	var got []string
	for _, text := range m2.log() {
		_, body, _ := strings.Cut(text, " ")
		if !slices.Contains(open, body) {
			got = append(got, body)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("change %d: replayed %q, answered %q, unknown %q", n, got, want, open)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return count.Load() >= n, stopped, refused
}
