package store

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// TestCommitLogElsewhere keeps the log in a directory of its own, finds it again without being told, and refuses another.
func TestCommitLogElsewhere(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	o.CommitLogDir = "/fast/log"
	if err := fs.MkdirAll("/fast", 0o755); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	mustPut(t, s, record("T", 0, "hello"))
	closeTest(t, s)
	if names, err := fs.List("/fast/log"); err != nil || len(names) == 0 {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := fs.Stat(fs.PathJoin(o.Dir, directory.LogDir)); err == nil {
		t.Errorf("%s was made too", directory.LogDir)
	}
	if out, err := verify(fs); err != nil || !strings.Contains(out, "1 messages") {
		t.Errorf("verify: %v\n%s", err, out)
	}

	o.CommitLogDir = ""
	s = openTest(t, o)
	if got := s.MaxOffset(message.Queue{Topic: "T"}); got != 1 {
		t.Errorf("opened without the setting, the queue ends at %d", got)
	}
	closeTest(t, s)

	o.CommitLogDir = "/slow/log"
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "/fast/log") || !strings.Contains(err.Error(), "/slow/log") {
		t.Errorf("another place: %v", err)
	}
}
