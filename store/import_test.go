package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// foreignLog writes a segment as another broker does: messages alone, without state, checkpoint or property CRC.
func foreignLog(t *testing.T, fs vfs.FS, size int, rs ...*message.Record) {
	t.Helper()
	now := time.Now().UnixMilli()
	next := make(map[message.Queue]message.QueueOffset)
	b := make([]byte, 0, size)
	for _, r := range rs {
		q := message.Queue{Topic: string(r.Topic), ID: r.QueueID}
		at := len(b)
		b = message.AppendRecord(b, r)
		message.Seal(b[at:], message.LogOffset(at), next[q], message.StoreTime(now))
		next[q]++
	}
	if err := fs.MkdirAll("store/commitlog", 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create("store/commitlog/00000000000000000000", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b[:size]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLogOfAnotherBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		delayed := func(body string) *message.Record {
			return record(message.TopicSchedule, 2, body, message.PropDelay, "3", message.PropRealTopic, "T", message.PropRealQueueID, "1")
		}
		foreignLog(t, fs, 64<<10,
			delayed("first of all"), delayed("had been delivered"), // the first one lies at log offset 0
			record("T", 0, "m0"), record("T", 1, "n0"), record("T", 0, "m1"))
		o := smallRetention(fs)
		imports := 0
		o.Import = func(vfs.FS, string) (Import, error) {
			return Import{
				Foreign:   true,
				Delivered: func(q message.QueueID, off message.QueueOffset) bool { return q == 2 && off == 1 },
				After: func(s *Store) error {
					imports++
					return s.PutTopic(context.Background(), topic.Config{Name: "T", ReadQueues: 2, WriteQueues: 2, Perm: 6})
				},
			}, nil
		}
		s := openTest(t, o)
		if got := bodies(t, s, message.Queue{Topic: "T"}, 0); got != "m0 m1" {
			t.Errorf("queue 0 holds %q", got)
		}
		if a := mustPut(t, s, record("T", 0, "m2")); a.QueueOffset != 2 {
			t.Errorf("the next message has queue offset %d, want 2", a.QueueOffset)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "T", ID: 1}, 0); got != "n0 first of all" {
			t.Errorf("queue 1 holds %q", got)
		}
		closeTest(t, s)
		remove(t, fs, "store/cache")
		remove(t, fs, "store/blocks")
		s = openTest(t, o)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := bodies(t, s, message.Queue{Topic: "T", ID: 1}, 0); got != "n0 first of all" {
			t.Errorf("after another start queue 1 holds %q", got)
		}
		flood(t, s, 40)
		retire(t, s)
		if got := s.MaxOffset(message.Queue{Topic: "T"}); got != 3 {
			t.Errorf("after its segment has gone queue 0 ends at %d, want 3", got)
		}
		closeTest(t, s)
		if imports != 2 {
			t.Errorf("After was called %d times, want 2", imports)
		}
		if out, err := verify(fs); err != nil {
			t.Errorf("verify of what is left: %v\n%s", err, out)
		}
	})
}

func TestFailedImportLetsTheDirectoryGo(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	sorry := errors.New("sorry")
	o.Import = func(vfs.FS, string) (Import, error) { return Import{}, sorry }
	if _, err := Open(o); !errors.Is(err, sorry) {
		t.Errorf("open says %v", err)
	}
	o.Import = func(vfs.FS, string) (Import, error) {
		return Import{After: func(*Store) error { return sorry }}, nil
	}
	if _, err := Open(o); !errors.Is(err, sorry) {
		t.Errorf("open says %v", err)
	}
	s := openTest(t, testOptions(fs))
	closeTest(t, s)
	closeTest(t, s)
}
