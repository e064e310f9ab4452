package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
)

func TestTopicThatIsMadeAgainBeginsAnew(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	q := message.Queue{Topic: "T"}
	mustPut(t, s, record("T", 0, "old"))
	if err := s.CommitOffset("g", q, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteTopic(context.Background(), "T"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutWait(context.Background(), record("T", 0, "x")); !errors.Is(err, ErrNoTopic) {
		t.Errorf("a put to a deleted topic says %v", err)
	}
	if err := s.DeleteTopic(context.Background(), "T"); !errors.Is(err, ErrNoTopic) {
		t.Errorf("deleting it twice says %v", err)
	}
	mustTopic(t, s, "T", 1)
	check := func() {
		t.Helper()
		if got := bodies(t, s, q, 0); got != "new" {
			t.Errorf("the new topic holds %q", got)
		}
		if off, ok := s.Offset("g", q); ok {
			t.Errorf("the deleted topic's offset %d is still there", off)
		}
	}
	if a := mustPut(t, s, record("T", 0, "new")); a.QueueOffset != 0 {
		t.Errorf("the new topic begins at offset %d", a.QueueOffset)
	}
	check()
	closeTest(t, s)
	remove(t, fs, "store/cache")
	remove(t, fs, "store/blocks")
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	check()
}

func TestOffsetsOfADeletedTopicAreNotWrittenBehindIt(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	q := message.Queue{Topic: "T"}
	if err := s.CommitOffset("g", q, 1); err != nil {
		t.Fatal(err)
	}
	s.flushOffsets()
	s.mu.Lock()
	id, _ := s.names.ID(name.Topic, "T")
	k, _ := s.offsetKey("g", q)
	s.pending.Set(k, 2) // a commit that came while the deletion was on its way to the log
	err := s.forgetLocked(binary.AppendUvarint(nil, uint64(id)), 0)
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	s.flushOffsets()
	if n := s.Stats().Offsets; n != 0 {
		t.Errorf("%d offsets of the deleted topic are left for ever", n)
	}
}

func TestGroupsAndOffsetsComeBack(t *testing.T) {
	ctx := context.Background()
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 2)
	mustTopic(t, s, "U", 1)
	for _, g := range []string{"g", "h"} {
		if err := s.PutGroup(ctx, group.New(g)); err != nil {
			t.Fatal(err)
		}
		for i, q := range []message.Queue{{Topic: "T"}, {Topic: "T", ID: 1}, {Topic: "U"}} {
			if err := s.CommitOffset(g, q, message.QueueOffset(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.CommitOffset("g", message.Queue{Topic: "none"}, 1); !errors.Is(err, ErrNoTopic) {
		t.Errorf("an offset in a missing topic says %v", err)
	}
	if err := s.CommitOffset("g", message.Queue{Topic: "T"}, -1); err == nil {
		t.Error("a negative offset is taken")
	}
	s.flushOffsets()
	if err := s.RemoveOffsets(ctx, "g", "T"); err != nil {
		t.Fatal(err)
	}
	if err := s.ResetOffset(ctx, "g", message.Queue{Topic: "U"}, 77); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteGroup(ctx, "h", true); err != nil {
		t.Fatal(err)
	}
	if err := s.SetForbidden(ctx, "g", "T", group.ForbidRead); err != nil {
		t.Fatal(err)
	}
	closeTest(t, s)
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	if got, want := fmt.Sprint(s.Offsets("g")), "map[{U 0}:77]"; got != want {
		t.Errorf("offsets of g are %s, want %s", got, want)
	}
	if got := s.Offsets("h"); len(got) != 0 {
		t.Errorf("the deleted group has offsets %v", got)
	}
	if gs := s.Groups(); len(gs) != 1 || gs[0].Name != "g" || s.GroupVersion().Counter != 4 {
		t.Errorf("groups are %v, version %v", gs, s.GroupVersion())
	}
	if s.Forbidden("g", "T") != group.ForbidRead {
		t.Error("the forbidden bits are gone")
	}
}

func TestLocksOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		s := openTest(t, testOptions(fs))
		qs := []message.Queue{{Topic: "T"}, {Topic: "T", ID: 1}}
		if held := s.Lock("g", "a", qs); len(held) != 2 {
			t.Fatalf("a holds %v", held)
		}
		s.Unlock("g", "a", qs[1:])
		if held := s.Lock("g", "b", qs); len(held) != 1 || held[0] != qs[1] {
			t.Fatalf("b holds %v, want queue 1", held)
		}
		time.Sleep(time.Second)
		after := synced(fs)
		abandon(s)
		s = openTest(t, testOptions(after))
		defer closeTest(t, s)
		if held := s.Lock("g", "c", qs); len(held) != 0 {
			t.Errorf("after the restart c holds %v", held)
		}
		if !s.LocksHeld("g") || s.LocksHeld("h") {
			t.Error("the groups that hold locks are wrong")
		}
		time.Sleep(2 * time.Minute)
		if held := s.Lock("g", "c", qs); len(held) != 2 {
			t.Errorf("after the locks have expired c holds %v", held)
		}
	})
}

func TestAsyncPowerLossWithACutAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(20) {
			fs := vfs.NewCrashableMem()
			o := testOptions(fs)
			o.Flush, o.SegmentSize = commitlog.AsyncFlush, 64<<10
			s := openTest(t, o)
			mustTopic(t, s, "T", 1)
			for i := range 40 {
				mustPut(t, s, record("T", 0, fmt.Sprint(i, strings.Repeat("x", 1000))))
				if i == 25 {
					ask(t, s)
				}
			}
			after := torn(fs, seed)
			abandon(s)
			s = openTest(t, testOptions(after))
			if s.cutAt.Load() > int64(s.log.Published()) {
				t.Fatalf("seed %d: the cut at %d is ahead of the log's end %d", seed, s.cutAt.Load(), s.log.Published())
			}
			next := s.MaxOffset(message.Queue{Topic: "T"})
			if next < 26 {
				t.Fatalf("seed %d: %d messages are left, 26 were synced by the cut", seed, next)
			}
			if got := len(strings.Fields(bodies(t, s, message.Queue{Topic: "T"}, 0))); got != int(next) {
				t.Fatalf("seed %d: %d messages can be read, the queue ends at %d", seed, got, next)
			}
			if a := mustPut(t, s, record("T", 0, "after")); a.QueueOffset != next {
				t.Fatalf("seed %d: the queue goes on at %d, want %d", seed, a.QueueOffset, next)
			}
			closeTest(t, s)
		}
	})
}

func TestOneOwner(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	_, err := Open(testOptions(fs))
	if err == nil || !strings.Contains(err.Error(), "store directory store is in use by process ") {
		t.Errorf("the second open says %v", err)
	}
	if _, err := fs.Stat("store/abort"); err != nil {
		t.Errorf("no abort file while the store is open: %v", err)
	}
	closeTest(t, s)
	if _, err := fs.Stat("store/abort"); err == nil {
		t.Error("the abort file is there after a clean close")
	}
	closeTest(t, openTest(t, testOptions(fs)))
}

// TestOlderFormatIsRaised: an older version must not open what this one has written.
func TestNewerFormatIsRefusedByName(t *testing.T) {
	fs := vfs.NewMem()
	closeTest(t, openTest(t, testOptions(fs)))
	if err := directory.WriteText(fs, "store", directory.FormatFile, "aerobee store format 9"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(testOptions(fs))
	if err == nil || !strings.Contains(err.Error(), "store/format says that the store has format 9, this version knows formats up to 3") {
		t.Errorf("a newer store says %v", err)
	}
	s := newStore(testOptions(fs).withDefaults())
	err = s.applyChange(state.Format, binary.AppendUvarint(nil, 9), 0)
	if err == nil || !strings.Contains(err.Error(), "store format 9") {
		t.Errorf("a newer log says %v", err)
	}
}

func TestManySmallTopicsFitTheirCheckpoints(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	s := openTest(t, o)
	for i := range 300 {
		mustTopic(t, s, fmt.Sprintf("topic-with-a-longer-name-%d", i), 4)
		mustPut(t, s, record(fmt.Sprintf("topic-with-a-longer-name-%d", i), 3, "m"))
	}
	flood(t, s, 80)
	if n := s.Stats().Segments; n < 3 {
		t.Fatalf("there are %d segments, the test needs 3", n)
	}
	closeTest(t, s)
	if out, err := verify(fs); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

func FuzzEachChange(f *testing.F) {
	f.Add(state.Append(state.Append(nil, state.Format, []byte{1}), state.Name, name.AppendAssign(nil, name.Topic, 1, "T")))
	f.Add(state.Append(nil, state.Queue, state.AppendBounds(nil, state.Bounds{Topic: 1, Queue: 2, Min: 3, Next: 4})))
	f.Add(state.Append(nil, state.Timer, timer.AppendAdd(nil, timer.Entry{Created: 5, At: 6, Due: 7})))
	f.Add(state.Append(nil, state.Forget, []byte{1}))
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newStore(testOptions(vfs.NewMem()).withDefaults())
		s.serving = true
		var again []byte
		err := state.Each(body, func(k state.Kind, p []byte) error {
			again = state.Append(again, k, p)
			if k == state.Queue {
				if b, err := state.DecodeBounds(p); err == nil {
					if c, err := state.DecodeBounds(state.AppendBounds(nil, b)); err != nil || c != b {
						t.Errorf("bounds %+v come back as %+v, %v", b, c, err)
					}
				}
			}
			_ = s.applyChange(k, p, 0)
			return nil
		})
		if err == nil && len(again) > len(body) {
			t.Errorf("%d bytes come back as %d", len(body), len(again))
		}
	})
}

func TestOlderFormatIsRaised(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	mustPut(t, s, record("T", 0, "m"))
	closeTest(t, s)
	if err := directory.WriteText(fs, "store", directory.FormatFile, "aerobee store format 1"); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, testOptions(fs))
	if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "m" {
		t.Errorf("a store of format 1 holds %q", got)
	}
	closeTest(t, s)
	if text, err := directory.ReadText(fs, "store/"+directory.FormatFile); err != nil || text != "aerobee store format 3" {
		t.Errorf("its format file says %q, %v: older versions must refuse what is written now", text, err)
	}
}
