package store

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// TestLiteTopicsExpire: one to which nothing is sent for as long as its parent says is gone with its offsets, also after a crash; others stay.
func TestLiteTopicsExpire(t *testing.T) {
	clock, fs := newMovingClock(), vfs.NewCrashableMem()
	o := clock.options(fs)
	s := openTest(t, o)
	keptTopic(t, s, "chats", "message.type=LITE lite.topic.expiration=30")
	keptTopic(t, s, "endless", "message.type=LITE")
	keptTopic(t, s, "plain", "lite.topic.expiration=30")
	for _, parent := range []string{"chats", "endless", "plain"} {
		mustPut(t, s, litRecord(parent, "m", "$"+parent+"$room", "$"+parent+"$busy", "free"))
	}
	if err := s.CommitOffset("g", lit("$chats$room"), 1); err != nil {
		t.Fatal(err)
	}
	mustRetain(t, s)
	clock.passes(20 * time.Minute)
	mustPut(t, s, litRecord("chats", "n", "$chats$busy"))
	mustRetain(t, s)
	if s.Lights() != 7 {
		t.Errorf("%d light queues before their time", s.Lights())
	}
	clock.passes(11 * time.Minute)
	mustRetain(t, s)
	check := func(s *Store) {
		t.Helper()
		if s.Lights() != 6 {
			t.Errorf("%d light queues are left", s.Lights())
		}
		wantLit(t, s, "$chats$room", "", 0, 0)
		wantLit(t, s, "$chats$busy", "m n", 0, 2)
		wantLit(t, s, "$endless$room", "m", 0, 1)
		wantLit(t, s, "$plain$room", "m", 0, 1)
		wantLit(t, s, "free", "m m m", 0, 3)
		if off, ok := s.Offset("g", lit("$chats$room")); ok {
			t.Errorf("an offset is left: %d", off)
		}
		if n := s.MaxOffset(message.Queue{Topic: "chats"}); n != 2 {
			t.Errorf("the parent ends at %d", n)
		}
	}
	check(s)
	crashed := synced(fs)
	mustPut(t, s, litRecord("chats", "again", "$chats$room"))
	wantLit(t, s, "$chats$room", "again", 0, 1)
	closeTest(t, s)
	o.FS = crashed
	s = openTest(t, o)
	defer closeTest(t, s)
	check(s)
}
